package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"mlbench/bench"
	"mlbench/runner/image/policy"
)

// A Review is all that mlbench has to say on a pull request, in one comment. Its
// result and its scan may be anybody's: all text of theirs is escaped. Where and
// ID are the caller's own.
type Review struct {
	Result  *bench.Result // nil where there is none
	Missing string        // why there is none
	Scan    *policy.Scan  // nil where there is none
	Unread  string        // why a scan that is there could not be read
	Commit  string        // that was measured, in hexadecimal; "" for unknown
	Run     string        // address of the run that measured it; "" for unknown
	ID      string        // tells the comment from others of mlbench on the same pull request; see ReviewMarker
}

// ReviewID is what tells a comment from others if it is not asked for.
const ReviewID = "result"

var reviewID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ReviewMarker is the line by which a review is found again, as Marker is for a
// result. It is made of a name and not of the result: two jobs that differ in
// their flags alone have two comments; one that finds no result writes so where
// the last one stands; and who makes the result, which in a pull request anybody
// may, does not choose which comment it replaces.
func ReviewMarker(id string) (string, error) {
	if !reviewID.MatchString(id) || strings.Contains(id, "--") { // which ends an HTML comment
		return "", fmt.Errorf("%q names no comment: want up to 64 letters, digits, dots, single - and _, e.g. gpu", brief(id, maxName))
	}
	return "<!-- mlbench comment " + id + " -->", nil
}

// Reviewed writes a review as Markdown, which Markdown is without what stands
// beside the result. It is never too long for a comment.
func Reviewed(w io.Writer, r Review) error {
	marker, err := ReviewMarker(r.ID)
	if err != nil {
		return err
	}
	var pieces []piece
	if r.Result != nil {
		pieces = pullRequest(look(r.Result))
	} else {
		pieces = []piece{{write: func(p *printer, _ int) {
			p.line("### ❓ mlbench: no result")
			p.line("")
			p.line(escape(brief(r.Missing, maxSentence)))
		}}}
	}
	if scan := r.scan(); scan.write != nil {
		pieces = append(pieces, scan)
	}
	footer := r.footer()
	text, err := fitted(pieces, maxMarkdown-len(footer)-len(marker)-3)
	if err == nil {
		_, err = io.WriteString(w, text+"\n"+footer+"\n"+marker+"\n")
	}
	return err
}

// footer says whose figures these are. A pull request may change the workflow
// that measures it, so they are its author's word, as its tests are.
func (r Review) footer() string {
	of, by := "", "a run of the pull request's own code"
	if r.Commit != "" {
		of = " of " + escape(r.Commit[:min(7, len(r.Commit))])
	}
	if r.Run != "" {
		by = "[" + by + "](" + r.Run + ")"
	}
	return "Figures" + of + " are those of " + by + ".\n"
}

// scan folds a scanner's report away.
func (r Review) scan() piece {
	p := piece{what: "scanner's report", worth: 25}
	switch {
	case r.Unread != "":
		p.fold = "A scanner's report that could not be read"
		p.write = func(p *printer, _ int) { p.line(escape(brief(r.Unread, maxSentence))) }
	case r.Scan == nil:
	case len(r.Scan.Vulnerabilities) == 0:
		p.fold = "No vulnerabilities found by " + escape(brief(r.Scan.Tool, maxName))
		p.write = func(p *printer, _ int) {
			said := "The report names none."
			if r.Scan.Tool == "syft" {
				said = "syft lists packages and looks for no vulnerabilities: grype does, from its list."
			}
			p.line(said)
		}
	default:
		p.fold = escape(brief(r.Scan.Tool, maxName)) + ": " + counted(r.Scan)
		p.write = func(p *printer, rows int) { p.vulnerabilities(r.Scan, min(rows, mostVulnerabilities)) }
	}
	return p
}

// mostVulnerabilities are shown, the most severe ones. The others are counted.
const mostVulnerabilities = 50

// counted is "3 critical, 12 high", and how many of all have a fix.
func counted(s *policy.Scan) string {
	count, fixed := make(map[string]int), 0
	for _, v := range s.Vulnerabilities {
		count[v.Severity]++
		if v.Fixed {
			fixed++
		}
	}
	var parts []string
	for _, severity := range policy.Severities() {
		if n := count[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return fmt.Sprintf("%s; %d of %d with a fix", strings.Join(parts, ", "), fixed, len(s.Vulnerabilities))
}

// vulnerabilities writes so many of them; there may be half a million.
func (p *printer) vulnerabilities(s *policy.Scan, rows int) {
	t := table{left: 5, head: []string{"severity", "vulnerability", "package", "version", "fix"}}
	shown := s.Vulnerabilities[:min(rows, len(s.Vulnerabilities))]
	for _, v := range shown {
		fix := "none yet"
		if v.Fixed {
			fix = "there is one"
		}
		t.rows = append(t.rows, []string{v.Severity, brief(v.ID, maxName), brief(v.Package, maxName), brief(v.Version, maxName), fix})
	}
	p.section(t, rows)
	if more := len(s.Vulnerabilities) - len(shown); more > 0 {
		p.line(fmt.Sprintf("\nand %d more, none of them more severe", more))
	}
}

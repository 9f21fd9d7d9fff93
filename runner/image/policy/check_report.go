package policy

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"mlbench/runner/image"
)

// checkReport holds a scanner's report against what is let pass of it.
func (p *Policy) checkReport(x *image.Index, r Report) ([]image.Finding, error) {
	s, err := p.open(r)
	if err != nil {
		return nil, err
	}
	if len(r.Vulnerabilities) > 0 && s.tool == "syft" {
		return nil, fmt.Errorf("%w: report %s is of syft, which looks for no vulnerabilities: name one of trivy or grype", ErrMalformed, r.File)
	}
	var all []image.Finding
	if other := otherImage(x, s); other != "" {
		all = append(all, finding("report", "a scanner's report is of another image", "scan this image anew with "+s.tool, 0, r.File, other))
	}
	all = append(all, s.checkVulnerabilities(r)...)
	return append(all, s.checkLicences(r)...), nil
}

// otherImage says what shows that a report is of another image: its layers are
// others. "" where they are the same, or not known.
func otherImage(x *image.Index, s *scan) string {
	if len(s.layers) == 0 || len(x.Layers) == 0 {
		return ""
	}
	for i, l := range s.layers {
		if i >= len(x.Layers) || x.Layers[i].DiffID != l && x.Layers[i].DiffID != "" {
			return "layer " + l + " is not in the image"
		}
	}
	if len(x.Layers) > len(s.layers) {
		return fmt.Sprintf("%d layers were scanned, the image has %d", len(s.layers), len(x.Layers))
	}
	return ""
}

func (s *scan) checkVulnerabilities(r Report) (all []image.Finding) {
	found := map[string][]string{}
	seen := map[vulnerability]bool{}
	for _, v := range s.vulnerabilities {
		if !slices.Contains(severities, v.severity) {
			v.severity = "unknown"
		}
		if seen[v] || slices.Contains(r.Ignored, v.id) || r.FixedOnly && !v.fixed {
			continue
		}
		seen[v] = true
		found[v.severity] = append(found[v.severity], strings.TrimSpace(fmt.Sprintf("%s in %s %s", v.id, v.pkg, v.version)))
	}
	for _, severity := range slices.Backward(severities) {
		limit, limited := r.Vulnerabilities[severity]
		if n := len(found[severity]); limited && n > limit {
			slices.Sort(found[severity])
			all = append(all, finding("vulnerabilities", fmt.Sprintf("vulnerabilities of severity %s: %d, and %d at most", severity, n, limit),
				"install versions that have them fixed, or take a newer base; scan anew", 0, found[severity]...))
		}
	}
	return all
}

func (s *scan) checkLicences(r Report) []image.Finding {
	if len(r.Licences) == 0 {
		return nil
	}
	var evidence []string
	for _, l := range s.licences {
		if l.forbidden(r.Licences) {
			evidence = append(evidence, cmp.Or(l.pkg, "?")+": "+l.text)
		}
	}
	if len(evidence) == 0 {
		return nil
	}
	slices.Sort(evidence)
	return []image.Finding{finding("licence", "packages have licences that are forbidden", "leave them out, or have the licence allowed", 0, slices.Compact(evidence)...)}
}

var (
	alternatives = regexp.MustCompile(`(?i)\s+or\s+`)
	conjunctions = regexp.MustCompile(`(?i)\s+(?:and|with)\s+|[(),;]`)
)

// forbidden reports whether one of the patterns fits each of a licence's
// alternatives: "MIT OR GPL-3.0" may be used as MIT.
func (l licence) forbidden(patterns []string) bool {
	if strings.TrimSpace(l.text) == "" {
		return false
	}
	// OR within brackets binds closer than an AND outside of them, which this
	// does not follow: then each part counts.
	choices := []string{l.text}
	if !strings.Contains(l.text, "(") {
		choices = alternatives.Split(l.text, -1)
	}
	for _, choice := range choices {
		if !slices.ContainsFunc(conjunctions.Split(alternatives.ReplaceAllString(choice, " and "), -1), func(part string) bool {
			return slices.ContainsFunc(patterns, func(p string) bool {
				ok, _ := path.Match(strings.ToLower(p), strings.ToLower(strings.TrimSpace(part)))
				return ok
			})
		}) {
			return false
		}
	}
	return true
}

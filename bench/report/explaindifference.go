package report

import (
	"fmt"
	"strings"

	"mlbench/bench/explain"
)

// explainDifference is what two candidates import and touch, side by side.
func explainDifference(r *explain.Report) []section {
	var sections []section
	before, after := r.Candidates[0], r.Candidates[1]
	names := explainNames(r)
	if all := r.Difference.Imports; len(all) > 0 {
		s := section{title: fmt.Sprintf("imports: %s in all → %s, in %s of each that told of them",
			milliseconds(before.Imports.TotalMS), milliseconds(after.Imports.TotalMS), plural(after.Imports.Starts, "more start"))}
		s.table = table{left: 1, head: []string{"own modules of", names[0], names[1], "change"}}
		for _, c := range all[:min(len(all), shownImports)] {
			s.table.rows = append(s.table.rows, []string{brief(c.Name, maxName), someMS(c.OldMS), someMS(c.NewMS), signedMillis(c.ChangeMS())})
		}
		if more := all[min(len(all), shownImports):]; len(more) > 0 {
			var rest explain.ImportChange
			for _, c := range more {
				rest.OldMS, rest.NewMS = rest.OldMS+c.OldMS, rest.NewMS+c.NewMS
			}
			s.table.rows = append(s.table.rows, []string{fmt.Sprintf("and %d more", len(more)), someMS(rest.OldMS), someMS(rest.NewMS), signedMillis(rest.ChangeMS())})
		}
		for i, c := range r.Candidates {
			for _, warning := range printable(c.Imports.Warnings) {
				s.lines = append(s.lines, names[i]+": "+warning)
			}
		}
		sections = append(sections, s)
	}
	if all := r.Difference.Touched; len(all) > 0 {
		was, is := before.Touched, after.Touched
		s := section{title: fmt.Sprintf("touched until ready: %s of %s → %s of %s", bytes(was.Ready.Bytes), bytes(was.Bytes), bytes(is.Ready.Bytes), bytes(is.Bytes))}
		if was.FirstResponse != nil && is.FirstResponse != nil {
			s.title += fmt.Sprintf("; until the first response, as below: %s → %s", bytes(was.FirstResponse.Bytes), bytes(is.FirstResponse.Bytes))
		}
		s.table = table{left: 1, head: []string{"whose", names[0], names[1], "change"}}
		for _, c := range all[:min(len(all), shownOwners)] {
			whose := strings.TrimSpace(string(c.Kind) + " " + c.Name)
			s.table.rows = append(s.table.rows, []string{brief(whose, maxName), some(c.OldBytes), some(c.NewBytes), signedBytes(c.Change())})
		}
		if more := all[min(len(all), shownOwners):]; len(more) > 0 {
			var rest explain.TouchedChange
			for _, c := range more {
				rest.OldBytes, rest.NewBytes = rest.OldBytes+c.OldBytes, rest.NewBytes+c.NewBytes
			}
			s.table.rows = append(s.table.rows, []string{fmt.Sprintf("and %d more", len(more)), some(rest.OldBytes), some(rest.NewBytes), signedBytes(rest.Change())})
		}
		s.lines = printable([]string{"touched is: " + is.How})
		sections = append(sections, s)
	}
	return sections
}

// someMS leaves nothing out where there is nothing.
func someMS(ms float64) string {
	if ms == 0 {
		return unknown
	}
	return milliseconds(ms)
}

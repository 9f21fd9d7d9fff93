package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"mlbench/bench"
)

// mostArgs bounds the build arguments that are shown.
const mostArgs = 10

// origin says what a candidate's image was built from; "" where it was there
// before.
func origin(v view, candidate int) string {
	o := v.Candidates[candidate].Built
	if o == nil {
		return ""
	}
	text := func(s string) string { return shorten(bench.Printable(s), maxName) }
	line := v.names[candidate] + " was built for this run"
	if name := v.Candidates[candidate].Name; o.Folder != name {
		line += " from " + text(o.Folder)
	}
	if o.Dockerfile != "Dockerfile" {
		line += " by " + text(o.Dockerfile)
	}
	if o.Target != "" {
		line += ", stage " + text(o.Target)
	}
	var args []string
	for _, name := range slices.Sorted(maps.Keys(o.Args)) {
		args = append(args, text(name+"="+o.Args[name]))
	}
	if more := len(args) - mostArgs; more > 0 {
		args = append(args[:mostArgs], fmt.Sprintf("%d more", more))
	}
	if len(args) > 0 {
		line += ", with " + strings.Join(args, ", ")
	}
	switch {
	case o.Commit == "":
	case o.Dirty:
		line += ", at commit " + text(o.Commit[:min(len(o.Commit), 12)]) + " with changes that are not in it"
	default:
		line += ", at commit " + text(o.Commit[:min(len(o.Commit), 12)])
	}
	return line
}

package report

import (
	"fmt"
	"slices"
	"strings"

	"mlbench/bench"
)

// besides are the notes on load and GPU.
func besides(v view) []string {
	var notes []string
	if t := onGPU(v); len(t.rows) > 0 {
		notes = append(notes, onGPUNote(v))
	}
	if t := loads(v); len(t.rows) > 0 {
		notes = append(notes, loadFacts(v)...)
	}
	return notes
}

func warnings(v view) []string {
	var all []string
	for _, warning := range v.Warnings {
		all = append(all, v.told(warning))
	}
	return all
}

// facts are how it was measured, on what, and of which images.
func facts(v view) []string {
	facts := strings.Split(coldness(v), "\n")
	if s := together(v); s != "" {
		facts = append(facts, s)
	}
	facts = append(facts, adjustments(v)...)
	facts = append(facts, atQuantile(v)...)
	if s := exactness(v); s != "" {
		facts = append(facts, s)
	}
	facts = append(facts, host(v.Result))
	if s := gpuLine(v); s != "" {
		facts = append(facts, s)
	}
	for _, c := range v.On(bench.MetricReady) {
		if g := c.PairingGain; g != nil && *g > 0 {
			facts = append(facts, fmt.Sprintf("comparing %s pair by pair removed %s of the variance", v.names[c.Candidate], plain(*g)))
		}
	}
	for i, c := range v.Candidates {
		if c.Digest != "" {
			facts = append(facts, v.names[i]+" is "+shorten(bench.Printable(c.Digest), 80))
		}
		if s := origin(v, i); s != "" {
			facts = append(facts, s)
		}
	}
	return append(facts, "mlbench "+shorten(bench.Printable(v.Tool.Version), maxName)+", "+v.StartedAt.Format("2006-01-02 15:04 MST"))
}

// maxCommand is how many bytes a command has that is shown. A longer one is
// not shortened: it would be another.
const maxCommand = 4000

// repeat is the command that measures the same again, in the same order, as a
// block of code that nothing in it can end.
func (p *printer) repeat(v view) {
	line, notes := command(v)
	if line != "" {
		p.fenced("sh", line)
	}
	for i, note := range notes {
		if line != "" || i > 0 {
			p.line("")
		}
		p.line(note)
	}
}

// command is the line that repeats a run, with what has to be known of it; none
// where nobody called it or it is too long. It is quoted here and not in the
// file, so that no file can put another command on its line.
func command(v view) (line string, notes []string) {
	if len(v.Tool.Command) == 0 {
		return "", nil
	}
	words := slices.Clone(v.Tool.Command)
	if end := slices.Index(words, "--"); !slices.Contains(words[:orEnd(end, words)], "--seed") {
		words = slices.Insert(words, orEnd(end, words), "--seed", fmt.Sprint(v.Spec.Seed))
	}
	line = "mlbench " + shellLine(words)
	if len(line) > maxCommand {
		return "", []string{fmt.Sprintf("The command has %d bytes; it is tool.command in the result file.", len(line))}
	}
	if slices.Contains(words, "--env") {
		notes = append(notes, "Values of --env are left out: set those variables before.")
	}
	return line, notes
}

func orEnd[T any](at int, list []T) int {
	if at < 0 {
		return len(list)
	}
	return at
}

package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/stats"
)

// Text renders a result for a terminal. It ends with the Sentence.
func Text(w io.Writer, r *bench.Result) error {
	v := look(r)
	p := printer{w: w}
	p.line(headline(v))
	p.line(coldness(v))
	p.line("")
	if failed := failures(v); len(failed) > 0 {
		for _, line := range failed {
			p.line(line)
		}
		p.line("")
	}
	p.table(candidates(v))
	for _, s := range stepSections(v) {
		p.textSection(stepsForTerminal(s))
	}
	if t := witnesses(v); len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
	if t := phases(v); len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
	if t := onGPU(v); len(t.rows) > 0 {
		p.line("")
		p.table(t)
		p.line(onGPUNote(v))
	}
	if t := loads(v); len(t.rows) > 0 {
		p.line("")
		p.table(t)
		for _, s := range loadFacts(v) {
			p.line(s)
		}
	}
	if len(r.Gates) > 0 {
		p.line("")
		p.table(stacked(gates(v)))
	}
	for _, s := range v.winSections() {
		p.textSection(s)
	}
	p.line("")
	for _, warning := range r.Warnings {
		p.line("warning: " + v.told(warning))
	}
	if s := together(v); s != "" {
		p.line(s)
	}
	for _, s := range atQuantile(v) {
		p.line(s)
	}
	if s := adjustedFor(v); s != "" {
		p.line(s)
	}
	if s := exactness(v); s != "" {
		p.line(s)
	}
	for i := range r.Candidates {
		if s := origin(v, i); s != "" {
			p.line(s)
		}
	}
	p.line(host(r))
	if s := gpuLine(v); s != "" {
		p.line(s)
	}
	for _, s := range sentences(v) {
		p.line(s)
	}
	return p.err
}

// headline names the candidates, baseline first: every other is compared with
// that one, and not with its neighbour.
func headline(v view) string {
	line := strings.Join(v.names, " → ")
	if len(v.names) > 2 {
		line = v.names[0] + " → " + strings.Join(v.names[1:], ", ")
	}
	if utf8.RuneCountInString(line) > maxWidth {
		return strings.Join(v.names, "\n→ ")
	}
	return line
}

// coldness is the cold level with its evidence.
func coldness(v view) string {
	if v.Cold.Level == "" {
		return "cold: nothing was started"
	}
	s := fmt.Sprintf("cold: %s – %s", v.told(string(v.Cold.Level)), v.told(v.Cold.How))
	if v.Cold.Why != "" {
		s += "; not cache, because " + v.told(v.Cold.Why)
	}
	if v.Cold.Level == bench.Cache && len(v.Cold.Evidence) == 0 {
		for i, name := range v.names {
			if read, known := v.MiddleRead(i); known {
				s += fmt.Sprintf("\n      %s: %s read from disk by a start (median)", name, bytes(int64(read)))
			}
		}
	}
	for _, e := range v.Cold.Pulls {
		s += "\n      " + pulls(v, e)
	}
	for _, e := range v.Cold.Evidence {
		switch name := v.names[e.Candidate]; {
		case v.Cold.Level == bench.Cache:
			s += fmt.Sprintf("\n      %s: %s in memory before a start, of %s that it touches", name, bytes(e.ResidentBytes), bytes(e.TouchedBytes))
		case e.TotalBytes > 0:
			s += fmt.Sprintf("\n      %s: %s of %s in memory", name, bytes(e.ResidentBytes), bytes(e.TotalBytes))
		}
	}
	return s
}

// exactness is how well the moments are known that the times are made of.
func exactness(v view) string {
	var resolutions []float64
	sources := make(map[string]bool)
	for _, s := range v.Starts {
		if !s.Role.Measured() || s.Failed() {
			continue
		}
		resolutions = append(resolutions, s.ResolutionMS)
		if m, ok := s.Marks[runner.Listening]; ok {
			sources[m.Source] = true
		}
	}
	if len(resolutions) == 0 {
		return ""
	}
	slices.Sort(resolutions)
	line := fmt.Sprintf("ready is known to %s at the median, %s at worst",
		milliseconds(stats.Median(resolutions)), milliseconds(resolutions[len(resolutions)-1]))
	if len(sources) > 0 {
		line += "; listening was seen by " + shorten(bench.Printable(strings.Join(slices.Sorted(maps.Keys(sources)), " and ")), maxName)
	}
	return line
}

// pulls is what proves that a candidate was pulled as a whole, or how far.
func pulls(v view, e bench.PullEvidence) string {
	s := v.names[e.Candidate] + ": "
	switch {
	case e.Layers == 0:
		return s + "the engine told of no layer that was pulled"
	case e.AlreadyHere == 0:
		s += fmt.Sprintf("none of %s in the engine before a pull", plural(e.Layers, "layer"))
	case e.AlreadyHere >= e.Layers:
		s += fmt.Sprintf("not cold in some start, all of %s in the engine before a pull", plural(e.Layers, "layer"))
	default:
		s += fmt.Sprintf("only partly cold, up to %d of %s in the engine before a pull", e.AlreadyHere, plural(e.Layers, "layer"))
	}
	if size := v.Candidates[e.Candidate].CompressedBytes; size != nil {
		s += ", " + bytes(*size) + " compressed"
	}
	return s
}

// host is where it was measured, and what repeats it.
func host(r *bench.Result) string {
	h := r.Host
	var parts []string
	for _, s := range []string{h.Engine, h.Storage, h.OS, h.Kernel} {
		if s != "" {
			parts = append(parts, shorten(bench.Printable(s), maxName))
		}
	}
	if h.CPUs > 0 {
		parts = append(parts, plural(h.CPUs, "CPU"))
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; seed %d", r.Spec.Seed)
}

// failures come first: a comparison of starts some of which failed is not
// what its reader expects.
func failures(v view) []string {
	var lines []string
	for i := range v.Candidates {
		if s := v.sums[i]; s.Failed > 0 {
			why := maps.Clone(s.Outcomes)
			delete(why, runner.OutcomeReady)
			lines = append(lines, fmt.Sprintf("%s: %d of %s FAILED (%s)", v.names[i], s.Failed, plural(s.Starts, v.one), bench.Counts(why)))
		}
	}
	return lines
}

// printer writes until something fails, and keeps that.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(s string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, s)
	}
}

func (p *printer) table(t table) {
	var b strings.Builder
	if _, ok := p.w.(coloured); ok {
		t = t.painted()
	}
	if p.err == nil {
		p.err = t.write(&b, lines())
	}
	for row := range strings.Lines(b.String()) {
		p.line(strings.TrimRight(row, " \n"))
	}
}

package report

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"mlbench/bench"
)

// Text renders a result for a terminal. Its last line is the Sentence.
func Text(w io.Writer, r *bench.Result) error {
	p := printer{w: w}
	p.line(headline(r))
	p.line("")
	p.failures(r)
	p.table(candidates(r), 1)
	if t := phases(r); len(t.rows) > 0 {
		p.line("")
		p.table(t, 1)
	}
	if len(r.Gates) > 0 {
		p.line("")
		p.table(gates(r), 4)
	}
	p.line("")
	for _, warning := range r.Warnings {
		p.line("warning: " + bench.Printable(warning))
	}
	p.line(host(r))
	p.line(Sentence(r))
	return errors.Join(p.err)
}

// headline says what was done and how cold it was.
func headline(r *bench.Result) string {
	var names []string
	for _, c := range r.Candidates {
		names = append(names, bench.Printable(c.Name))
	}
	return strings.Join(names, " → ") + "\n" + coldness(r)
}

// coldness is the cold level with its evidence.
func coldness(r *bench.Result) string {
	if r.Cold.Level == "" {
		return "cold: nothing was started"
	}
	s := fmt.Sprintf("cold: %s – %s", r.Cold.Level, r.Cold.How)
	if r.Cold.Why != "" {
		s += "; not cache, because " + bench.Printable(r.Cold.Why)
	}
	var evidence []string
	for _, e := range r.Cold.Evidence {
		name := bench.Printable(r.Candidates[e.Candidate].Name)
		switch {
		case r.Cold.Level == bench.Cache:
			evidence = append(evidence, fmt.Sprintf("%s: %s in memory before a start, of %s that it touches",
				name, bytes(e.ResidentBytes), bytes(e.TouchedBytes)))
		case e.TotalBytes > 0:
			evidence = append(evidence, fmt.Sprintf("%s: %s of %s in memory", name, bytes(e.ResidentBytes), bytes(e.TotalBytes)))
		}
	}
	if len(evidence) > 0 {
		s += "\n      " + strings.Join(evidence, "\n      ")
	}
	return s
}

// host is where it was measured, and what repeats it.
func host(r *bench.Result) string {
	h := r.Host
	parts := []string{}
	for _, s := range []string{h.Engine, h.Storage, h.OS, h.Kernel} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if h.CPUs > 0 {
		parts = append(parts, plural(h.CPUs, "CPU"))
	}
	return bench.Printable(strings.Join(parts, ", ")) + fmt.Sprintf("; seed %d", r.Spec.Seed)
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

func (p *printer) table(t table, left int) {
	if p.err == nil {
		p.err = t.write(p.w, lines(), t.figures(left))
	}
}

// failures come first: a comparison of starts some of which failed is not
// what its reader expects.
func (p *printer) failures(r *bench.Result) {
	failed := false
	for i, c := range r.Candidates {
		if s := r.Summary(i); s.Failed > 0 {
			p.line(fmt.Sprintf("%s: %d of %s FAILED (%s)", bench.Printable(c.Name), s.Failed, plural(s.Starts, "start"), bench.Counts(s.Outcomes)))
			failed = true
		}
	}
	if failed {
		p.line("")
	}
}

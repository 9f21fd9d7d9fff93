package repro

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
)

// A printer is an engine whose images are empty, and whose programs print what is
// said, one after another.
type printer struct {
	Engine
	says    []string // of each run; "!" fails
	ran     []string
	removed int
}

func (e *printer) Build(_ context.Context, b runner.Build) (runner.Built, error) {
	return runner.Built{ID: b.Tag, With: runner.Classic}, nil
}

func (e *printer) RemoveImage(string) error {
	e.removed++
	return nil
}

func (e *printer) Layers(_ context.Context, ref string) (string, []string, error) {
	if ref == "missing" {
		return "", nil, errors.New("no such image")
	}
	return "sha256:1", nil, nil
}

func (e *printer) Index(context.Context, string, image.Options) (*image.Index, error) {
	return &image.Index{}, nil
}

func (e *printer) Output(_ context.Context, c runner.Candidate, timeout time.Duration, out io.Writer) (time.Duration, error) {
	said := e.says[len(e.ran)]
	e.ran = append(e.ran, fmt.Sprintf("%s %q %v", c.Name, c.Args, timeout))
	if said == "!" {
		return 0, errors.New("it ended with status 3")
	}
	_, err := io.WriteString(out, said)
	return time.Second, err
}

func TestOutput(t *testing.T) {
	const long = 20 << 20
	yes, no := true, false
	for _, c := range []struct {
		name    string
		says    []string
		line    *LineDrift
		itself  *bool // and so the verdict
		warning bool
		fails   bool
	}{
		{name: "same", says: []string{"a\nb\n", "a\nb\n"}},
		{name: "nothing", says: []string{"", ""}, warning: true},
		{name: "the builds", says: []string{"a\nb\n", "a\nc\n", "a\nb\n"}, line: &LineDrift{2, [2]string{"b", "c"}, [2]bool{}}, itself: &no},
		{name: "the program", says: []string{"1\n", "2\n", "3\n"}, line: &LineDrift{1, [2]string{"1", "2"}, [2]bool{}}, itself: &yes},
		{name: "one more line", says: []string{"a\n", "a\nb\n", "a\n"}, line: &LineDrift{2, [2]string{"", "b"}, [2]bool{true, false}}, itself: &no},
		{name: "an empty line", says: []string{"a\n\n", "a\n", "a\n\n"}, line: &LineDrift{2, [2]string{"", ""}, [2]bool{false, true}}, itself: &no},
		{name: "no line break", says: []string{"x", "x\n", "x"}, line: &LineDrift{1, [2]string{"x", "x"}, [2]bool{}}, itself: &no},
		{name: "nothing in one", says: []string{"", "x", ""}, line: &LineDrift{1, [2]string{"", "x"}, [2]bool{true, false}}, itself: &no},
		{name: "no UTF-8", says: []string{"\xff\n", "\xfe\n", "\xff\n"}, line: &LineDrift{1, [2]string{`\xff`, `\xfe`}, [2]bool{}}, itself: &no},
		{
			name: "a long line", says: []string{strings.Repeat("a", 1000) + "x" + strings.Repeat("a", 1000), strings.Repeat("a", 1000) + "y", strings.Repeat("a", 1000) + "x" + strings.Repeat("a", 1000)},
			line: &LineDrift{1, [2]string{"…" + strings.Repeat("a", 60) + "x" + strings.Repeat("a", 139), "…" + strings.Repeat("a", 199) + "y"}, [2]bool{}}, itself: &no,
		},
		{name: "long and the same", says: []string{strings.Repeat("a", long), strings.Repeat("a", long)}},
		{name: "long, and another end", says: []string{strings.Repeat("a", long) + "x", strings.Repeat("a", long) + "y", strings.Repeat("a", long) + "x"}, itself: &no},
		{name: "fails", says: []string{"!"}, fails: true},
		{name: "fails the second time", says: []string{"a", "!"}, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine := &printer{says: c.says}
			r, err := Plan{
				Folder: "job", Build: runner.Build{Context: fstest.MapFS{}, Dockerfile: "Dockerfile"},
				Job: &runner.Candidate{Args: []string{"--as-of"}}, Timeout: time.Minute,
			}.Run(t.Context(), engine, bench.Tool{}, func(string) {})
			if (err != nil) != c.fails || len(engine.ran) != len(c.says) || engine.removed != 2 {
				t.Fatalf("%v; ran %q, removed %d", err, engine.ran, engine.removed)
			}
			if c.fails {
				return
			}
			if engine.ran[0] != `job (1 of 2) ["--as-of"] 1m0s` || !strings.HasPrefix(engine.ran[1], "job (2 of 2) ") {
				t.Errorf("ran %q", engine.ran)
			}
			o := r.Output
			if o.Bytes[0] != int64(len(c.says[0])) || o.Bytes[1] != int64(len(c.says[1])) || (o.Digests[0] == o.Digests[1]) != (c.itself == nil) || o.RunMS != [2]float64{1000, 1000} {
				t.Errorf("%+v", o)
			}
			if (o.Verdict == bench.Pass) != (c.itself == nil) || (o.Itself == nil) != (c.itself == nil) || o.Itself != nil && *o.Itself != *c.itself {
				t.Errorf("verdict %s, by itself %v", o.Verdict, o.Itself)
			}
			if (o.Line == nil) != (c.line == nil) || o.Line != nil && *o.Line != *c.line {
				t.Errorf("line %+v, want %+v", o.Line, c.line)
			}
			if warned := strings.Contains(strings.Join(r.Warnings, "\n"), "nothing was compared"); warned != c.warning {
				t.Errorf("warnings %q", r.Warnings)
			}
			if told := strings.Contains(strings.Join(r.Remedies, "\n"), "one image prints"); told == (c.itself == nil) {
				t.Errorf("remedies %q", r.Remedies)
			}
		})
	}
}

// A job is not run for hours before it is seen that there is nothing to compare
// it with.
func TestOutputOfMissing(t *testing.T) {
	engine := &printer{says: []string{"a", "a"}}
	_, err := Plan{Refs: &[2]string{"there", "missing"}, Job: &runner.Candidate{}, Timeout: time.Minute}.Run(t.Context(), engine, bench.Tool{}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "no such image") || len(engine.ran) > 0 {
		t.Errorf("%v; ran %q", err, engine.ran)
	}
}

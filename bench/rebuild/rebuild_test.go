package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// notes is an observer that keeps what it is told.
type notes []string

func (n *notes) Note(line string)          { *n = append(*n, line) }
func (n *notes) Progress(_ bench.Progress) {}

var service = fstest.MapFS{"Dockerfile": {Data: []byte("FROM scratch\n")}, "app.py": {Data: []byte("x = 1\n")}}

func plan(folders ...string) Plan {
	spec := bench.DefaultSpec()
	spec.Cold, spec.NoCovariate, spec.Seed = bench.Warm, true, 7
	p := Plan{Spec: spec, File: "app.py"}
	for _, name := range folders {
		p.Folders = append(p.Folders, Folder{Name: name, Named: name, Build: runner.Build{Context: service}})
	}
	return p
}

// took is a build of so many milliseconds, and a little more each time, that
// does these steps anew after one from the cache.
func took(ms float64, n int, anew ...string) runner.Built {
	b := runner.Built{Took: time.Duration((ms + float64(n%5)) * float64(time.Millisecond)), Steps: []runner.Step{{Name: "[1/3] RUN cached", Cached: n > 0}}}
	for _, name := range anew {
		b.Steps = append(b.Steps, runner.Step{Name: name, Took: b.Took / 2})
	}
	return b
}

// beforeAndAfter are two folders, of which after is rebuilt sooner.
func beforeAndAfter(_ context.Context, b runner.Build, n int) (runner.Built, error) {
	if b.Name == "before" {
		return took(40_000, n, "[2/3] COPY . .", "[3/3] RUN apt-get"), nil
	}
	return took(400, n, "[3/3] COPY . ."), nil
}

func TestRebuild(t *testing.T) {
	seen := make(map[string]bool)
	engine := &runnertest.Builds{Folder: t.TempDir(), Script: func(ctx context.Context, b runner.Build, n int) (runner.Built, error) {
		content, err := fs.ReadFile(b.Context, "app.py")
		text := string(content)
		switch {
		case err != nil:
			t.Error(err)
		case n == 0 && text != "x = 1\n":
			t.Errorf("the first build of %s is not of the folder as it is: %q", b.Name, text)
		case n > 0 && (seen[text] || !strings.HasPrefix(text, "x = 1\n# mlbench rebuild ") || strings.Count(text, "\n") != 2):
			t.Errorf("a change that a build had before, or another: %q", text)
		}
		seen[text] = n > 0
		if !b.Passing || !b.Undoable || b.Fresh || b.Quiet != (n > 0) || !strings.HasPrefix(b.Tag, "mlbench-rebuild:") {
			t.Errorf("build %d: %+v", n, b)
		}
		return beforeAndAfter(ctx, b, n)
	}}
	r, err := plan("before", "after").Run(t.Context(), engine, bench.Tool{}, new(notes))
	if err != nil {
		t.Fatal(err)
	}
	if engine.There != 0 || engine.Most != 3 {
		t.Errorf("%d builds are left, %d were there at once, want 0 and 3: the first of each and one more", engine.There, engine.Most)
	}
	if len(r.Comparisons) != 1 || r.Comparisons[0].Verdict != bench.Faster || r.Comparisons[0].Pairs != 8 || r.Comparisons[0].Metric != Metric || r.Ended != bench.EndedDecided {
		t.Errorf("%s after %+v", r.Ended, r.Comparisons)
	}
	if len(r.Rebuilds) != 18 || r.Verdict != bench.Pass || len(r.Warnings) > 0 {
		t.Errorf("%d rebuilds, %s, %q", len(r.Rebuilds), r.Verdict, r.Warnings)
	}
	before, after := r.Folders[0], r.Folders[1]
	if before.Executed != 2 || before.Cached != 1 || after.Executed != 1 || after.Cached != 1 || *before.FirstMS != 40_000 || before.FirstCached != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if *before.MedianMS < 40_000 || *before.MedianMS > 40_005 || *before.Steps[1].MedianMS < 20_000 || before.Steps[0].MedianMS != nil {
		t.Errorf("before %v, %+v", *before.MedianMS, before.Steps)
	}
	// With a seed the order is the same again, and blocks hold each folder once.
	for i := 2; i < len(r.Rebuilds); i += 2 {
		if a, b := r.Rebuilds[i], r.Rebuilds[i+1]; a.Block != b.Block || a.Folder == b.Folder || a.Outcome != "built" {
			t.Errorf("block %d: %+v, %+v", a.Block, a, b)
		}
	}
}

// What goes wrong is told, and nothing is left.
func TestTrouble(t *testing.T) {
	cut := errors.New("cut short")
	step := func(name string) error {
		return runner.As(runner.ErrStep, runner.As(runner.ErrEnvironment, fmt.Errorf("building %s: exit code: 3\n  in [3/3] RUN apt-get\n    no such package", name)))
	}
	gone := runner.As(runner.ErrEnvironment, errors.New("the engine is gone"))
	for _, c := range []struct {
		name     string
		change   func(p *Plan)
		script   func(cancel context.CancelCauseFunc, ctx context.Context, b runner.Build, n int) (runner.Built, error)
		is       error  // nil for none
		says     string // the error
		warns    string
		outcomes string // of after's measured builds, in short; "" is not looked at
		verdict  bench.GateVerdict
		made     int // 0 is not looked at
	}{
		{
			name: "the first build fails", is: runner.ErrEnvironment, says: "in [3/3] RUN apt-get\n    no such package", verdict: bench.Unknown, made: 1,
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" {
					return runner.Built{}, step(b.Name)
				}
				return took(100, n), nil
			},
		},
		{
			name: "the third rebuild fails", warns: "after: 1 of 8 rebuilds failed (1 exited)", verdict: bench.Fail, outcomes: "built built failed built built built built built",
			change: func(p *Plan) { p.Spec.Pairs = 8 },
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n == 3 {
					return runner.Built{}, step(b.Name)
				}
				return took(100, n, "[3/3] COPY . ."), nil
			},
		},
		{
			name: "the third rebuild fails, and may", warns: "after: 1 of 8 rebuilds failed (1 exited)", verdict: bench.Pass,
			change: func(p *Plan) { p.Spec.Pairs, p.Spec.AllowFailures, p.Spec.FailOn = 8, 1, []string{bench.GateStarts} },
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n == 3 {
					return runner.Built{}, step(b.Name)
				}
				return took(100, n, "[3/3] COPY . ."), nil
			},
		},
		{
			name: "every rebuild fails", is: runner.ErrEnvironment, verdict: bench.Fail, outcomes: "failed failed failed",
			says: "after was built as it is, and every rebuild after a change of app.py failed (3 exited): building after: exit code: 3\n    in [3/3] RUN apt-get\n    no such package",
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n > 0 {
					return runner.Built{}, step(b.Name)
				}
				return took(100, n, "[3/3] COPY . ."), nil
			},
		},
		{
			name: "a rebuild takes too long", warns: "not built within 20ms", verdict: bench.Fail, outcomes: "built timeout built built built built built built",
			change: func(p *Plan) { p.Spec.Pairs, p.Spec.TimeoutMS = 8, 20 },
			script: func(_ context.CancelCauseFunc, ctx context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n == 2 {
					<-ctx.Done()
					return runner.Built{}, context.Cause(ctx)
				}
				return took(10, n, "[3/3] COPY . ."), nil
			},
		},
		{
			name: "the engine goes", is: runner.ErrEnvironment, says: "the engine is gone", verdict: bench.Unknown, outcomes: "built",
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n == 2 {
					return runner.Built{}, gone
				}
				return took(100, n), nil
			},
		},
		{
			name: "interrupted", is: cut, verdict: bench.Unknown, outcomes: "built",
			script: func(cancel context.CancelCauseFunc, ctx context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n == 2 {
					cancel(cut)
					return runner.Built{}, context.Cause(ctx)
				}
				return took(100, n), nil
			},
		},
		{
			name: "what was made cannot be removed", is: gone, says: "the engine is gone", verdict: bench.Unknown,
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				built := took(100, n)
				if b.Name == "after" && n == 2 {
					built.Undo = func() error { return gone }
				}
				return built, nil
			},
		},
		{
			name: "nothing copies the file", warns: "after: a change of app.py makes no step anew: nothing copies the file there", verdict: bench.Pass,
			change: func(p *Plan) { p.Spec.FailOn = nil },
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" {
					return took(100, n), nil
				}
				return took(100, n, "[3/3] COPY . ."), nil
			},
		},
		{
			name: "somebody prunes the cache", warns: "after: not every rebuild did the same steps", verdict: bench.Pass,
			change: func(p *Plan) { p.Spec.FailOn, p.Spec.Pairs = nil, 8 },
			script: func(_ context.CancelCauseFunc, _ context.Context, b runner.Build, n int) (runner.Built, error) {
				if b.Name == "after" && n == 4 {
					return took(100, n, "[1/3] RUN cached", "[3/3] COPY . ."), nil
				}
				return took(100, n, "[3/3] COPY . ."), nil
			},
		},
		{
			name: "the context is large", warns: "after: 150 MB go to the engine in every build", verdict: bench.Pass,
			change: func(p *Plan) {
				p.Spec.FailOn, p.Spec.Pairs = nil, 8
				p.Folders[1].Build.Context = os.DirFS(large(t))
			},
			script: func(_ context.CancelCauseFunc, _ context.Context, _ runner.Build, n int) (runner.Built, error) {
				return took(100, n, "[3/3] COPY . ."), nil
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			engine := &runnertest.Builds{Folder: t.TempDir(), Script: func(ctx context.Context, b runner.Build, n int) (runner.Built, error) {
				return c.script(cancel, ctx, b, n)
			}}
			p := plan("before", "after")
			if c.change != nil {
				c.change(&p)
			}
			var told notes
			r, err := p.Run(ctx, engine, bench.Tool{}, &told)
			if (c.is == nil) != (err == nil) || !errors.Is(err, c.is) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want %v, %q", err, c.is, c.says)
			}
			if engine.There != 0 || c.made > 0 && engine.Made != c.made {
				t.Errorf("%d builds of %d are left", engine.There, engine.Made)
			}
			var outcomes []string
			for _, x := range r.Rebuilds {
				if x.Folder == 1 && x.Role.Measured() {
					outcomes = append(outcomes, x.Outcome)
				}
			}
			if got := strings.Join(outcomes, " "); c.outcomes != "" && got != c.outcomes {
				t.Errorf("rebuilds %s, want %s", got, c.outcomes)
			}
			if warned := strings.Join(r.Warnings, "\n"); !strings.Contains(warned, c.warns) || strings.Contains(warned, "start") {
				t.Errorf("warned of %q, want %q", warned, c.warns)
			}
			if strings.Contains(c.outcomes, "failed") && !slices.Contains(told, "    in [3/3] RUN apt-get") {
				t.Errorf("the step is not told at once: %q", told)
			}
			if r.Verdict != c.verdict {
				t.Errorf("verdict %s, want %s: %+v", r.Verdict, c.verdict, r.Gates)
			}
			for _, g := range r.Gates {
				if strings.Contains(g.Why, "start") {
					t.Errorf("gate %s: %s", g.Name, g.Why)
				}
			}
		})
	}
}

// large is a folder with a file that takes no room.
func large(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	err := os.CopyFS(folder, service)
	if err == nil {
		err = os.WriteFile(folder+"/weights", nil, 0o600)
	}
	if err == nil {
		err = os.Truncate(folder+"/weights", 150e6)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// A file that no build gets is refused before anything is built.
func TestFileIsNotThere(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"main.py", "after: --touch: main.py is not in the context: there is no such file in the folder"},
		{"after/app.py", "a path in the folder is wanted: --touch app.py"},
		{"notes.py", ".dockerignore leaves it out, so a change of it changes no build"},
	} {
		engine := &runnertest.Builds{Folder: t.TempDir(), Script: beforeAndAfter}
		p := plan("after")
		p.Folders[0].Build.Context = fstest.MapFS{"Dockerfile": {}, "app.py": {}, "notes.py": {}, ".dockerignore": {Data: []byte("notes.py")}}
		p.File = c.file
		_, err := p.Run(t.Context(), engine, bench.Tool{}, new(notes))
		if !errors.Is(err, runner.ErrUsage) || !strings.Contains(err.Error(), c.want) || engine.Made > 0 {
			t.Errorf("%s: %v after %d builds, want %s", c.file, err, engine.Made, c.want)
		}
	}
}

// A folder alone is held against its target, and two that are one are not told
// apart.
func TestOneFolder(t *testing.T) {
	engine := &runnertest.Builds{Folder: t.TempDir(), Script: beforeAndAfter}
	p := plan("after")
	p.Spec.TargetMS, p.Spec.TargetGates = 1000, true
	r, err := p.Run(t.Context(), engine, bench.Tool{}, new(notes))
	if err != nil || r.Verdict != bench.Pass || len(r.Rebuilds) != 40 || len(r.Comparisons) > 0 {
		t.Errorf("%s after %d rebuilds, %v", r.Verdict, len(r.Rebuilds), err)
	}
	if why := r.Gates[1].Why; why != "39 of 39 rebuilds within 1000 ms; 90 % wanted at 95 % confidence" {
		t.Error(why)
	}
	engine = &runnertest.Builds{Folder: t.TempDir(), Script: func(_ context.Context, _ runner.Build, n int) (runner.Built, error) {
		return took(100, n, "[3/3] COPY . ."), nil
	}}
	r, err = plan("after", "after (again)").Run(t.Context(), engine, bench.Tool{}, new(notes))
	if err != nil || r.Comparisons[0].Verdict != bench.NoRegression || engine.There != 0 {
		t.Errorf("%+v, %v", r.Comparisons, err)
	}
}

package report

import (
	stdbytes "bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/bench/rebuild"
	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// quiet is an observer that tells nobody.
type quiet struct{}

func (quiet) Note(string)             {}
func (quiet) Progress(bench.Progress) {}

// rebuilt is a report of folders, whose nth build script answers for.
func rebuilt(t *testing.T, change func(*rebuild.Plan), script func(name string, n int) (runner.Built, error), folders ...string) *rebuild.Report {
	t.Helper()
	spec := bench.DefaultSpec()
	spec.Cold, spec.NoCovariate, spec.Seed = bench.Warm, true, 7
	p := rebuild.Plan{Spec: spec, File: "app.py"}
	for _, name := range folders {
		p.Folders = append(p.Folders, rebuild.Folder{Name: name, Named: name, Args: map[string]string{"TOKEN": "***"}, Build: runner.Build{
			Dockerfile: "Dockerfile", Context: fstest.MapFS{"Dockerfile": {Data: []byte("FROM scratch\n")}, "app.py": {}, "tok.json": {}},
		}})
	}
	if change != nil {
		change(&p)
	}
	engine := &runnertest.Builds{Folder: t.TempDir(), Script: func(_ context.Context, b runner.Build, n int) (runner.Built, error) { return script(b.Name, n) }}
	r, err := p.Run(t.Context(), engine, bench.Tool{Version: "v1", Go: "go"}, quiet{})
	if err != nil {
		t.Fatal(err)
	}
	// What is never the same twice.
	if strings.HasPrefix(r.Appended, "# ") {
		r.Appended = "# mlbench rebuild 0123456789ab-16\n"
	}
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	r.StartedAt = at
	for i := range r.Rebuilds {
		r.Rebuilds[i].BeginAt, r.Rebuilds[i].UndoMS = at, 0
	}
	return r
}

func builtIn(ms float64, n int, cached []string, anew ...string) runner.Built {
	b := runner.Built{Took: time.Duration((ms + ms/100*float64(n*7%5)) * float64(time.Millisecond))}
	for _, name := range cached {
		b.Steps = append(b.Steps, runner.Step{Name: name, Cached: true})
	}
	for i, name := range anew {
		b.Steps = append(b.Steps, runner.Step{Name: name, Took: b.Took * time.Duration(i+1) / 10})
	}
	return b
}

const install = "[4/5] RUN apt-get update     && apt-get install -y --no-install-recommends python3-fastapi python3-numpy python3-uvicorn"

func rebuilds(t *testing.T) map[string]*rebuild.Report {
	order := func(name string, n int) (runner.Built, error) {
		if name == "before" {
			return builtIn(40_000, n, []string{"[2/5] WORKDIR /app"}, "[3/5] COPY . .", install, "[5/5] RUN useradd app"), nil
		}
		return builtIn(460, n, []string{"[2/5] RUN apt-get", "[3/5] RUN useradd app", "[4/5] WORKDIR /app"}, "[5/5] COPY . ."), nil
	}
	several := func(name string, n int) (runner.Built, error) {
		if name == "third" {
			return builtIn(2000, n, []string{"[2/5] RUN apt-get"}), nil
		}
		return order(map[string]string{"first": "before"}[name], n)
	}
	failing := func(name string, n int) (runner.Built, error) {
		if name == "after" && n > 2 {
			return runner.Built{}, runner.As(runner.ErrStep, errors.New("building after: exit code: 3\n  in [3/3] RUN <b>\x1b[31m\n    no such | package"))
		}
		return order(name, n)
	}
	long := strings.Repeat("deep/", 30) + "service"
	many := func(_ string, n int) (runner.Built, error) {
		var anew []string
		for i := range 9 {
			anew = append(anew, fmt.Sprintf("[%d/10] RUN step\x1b[2J @everyone %s", i+1, strings.Repeat("| x ", 50)))
		}
		return builtIn(1000, n, nil, anew...), nil
	}
	all := map[string]*rebuild.Report{
		"order":   rebuilt(t, nil, order, "before", "after"),
		"several": rebuilt(t, nil, several, "first", "second", "third"),
		"alone":   rebuilt(t, func(p *rebuild.Plan) { p.Spec.Pairs = 12 }, order, "before"),
		"target":  rebuilt(t, func(p *rebuild.Plan) { p.Spec.TargetMS, p.Spec.TargetGates, p.File = 10_000, true, "tok.json" }, order, "before"),
		"failing": rebuilt(t, func(p *rebuild.Plan) { p.Spec.Pairs = 8 }, failing, "before", "after"),
		"hostile": rebuilt(t, func(p *rebuild.Plan) { p.Spec.Pairs = 6 }, many, long+"\x1b[31m", long+"2"),
	}
	return all
}

func TestRebuilds(t *testing.T) {
	for name, r := range rebuilds(t) {
		t.Run(name, func(t *testing.T) {
			var text, md, js stdbytes.Buffer
			if err := errors.Join(rebuildText(&text, r), rebuildMarkdown(&md, r), r.Write(&js)); err != nil {
				t.Fatal(err)
			}
			golden(t, "rebuild-"+name+".text.golden", text.Bytes())
			golden(t, "rebuild-"+name+".md.golden", md.Bytes())
			if name == "order" {
				golden(t, "rebuild-"+name+".json.golden", js.Bytes())
			}
			for row := range strings.Lines(text.String()) {
				if table := strings.HasPrefix(row, " ") && !strings.HasPrefix(row, "  "); table && twwidth.Width(strings.TrimSuffix(row, "\n")) > maxWidth {
					t.Errorf("wider than a terminal: %q", row)
				}
			}
			if s := text.String() + md.String(); strings.ContainsAny(s, "\x1b") || strings.Contains(md.String(), "@everyone") {
				t.Errorf("foreign text as it is: %q", s)
			}
			if said := regexp.MustCompile(`ready|(\d|an?|its) starts?\b`).FindString(text.String() + md.String()); said != "" {
				t.Errorf("says %q of rebuilds:\n%s", said, text.String())
			}
			var back map[string]any
			if err := json.Unmarshal(js.Bytes(), &back); err != nil || back["schema"] != rebuild.Schema || back["verdict"] != string(r.Verdict) {
				t.Errorf("%v, %v", err, back["schema"])
			}
			for _, field := range []string{"folders", "rebuilds", "comparisons", "gates", "warnings"} {
				if _, ok := back[field].([]any); !ok {
					t.Errorf("%s is %v and no list", field, back[field])
				}
			}
		})
	}
}

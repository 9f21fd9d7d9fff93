package rebuild

import (
	"fmt"
	"io"
	"math"
	"time"

	"mlbench/bench"
	"mlbench/runner"
)

// Schema is the form of a Report's JSON. Fields are never renamed within it;
// readers ignore what they do not know.
const Schema = "mlbench.rebuild/v1"

// Metric is what comparisons are of.
const Metric = "rebuild"

// A Report is what was found.
type Report struct {
	Schema    string      `json:"schema"`
	Tool      bench.Tool  `json:"tool"`
	Spec      bench.Spec  `json:"spec"`
	StartedAt time.Time   `json:"started_at"`
	Ended     bench.Ended `json:"ended"`
	Host      runner.Host `json:"host"`

	Touched  string           `json:"touched"`  // the file that changes
	Appended string           `json:"appended"` // to it, in the last rebuild
	Builder  runner.BuildWith `json:"builder"`
	Engine   string           `json:"engine"` // its version, which the builder is a part of

	Folders     []FolderReport     `json:"folders"`
	Rebuilds    []Rebuild          `json:"rebuilds"`
	Comparisons []bench.Comparison `json:"comparisons"` // of Metric
	Gates       []bench.Gate       `json:"gates"`
	Warnings    []string           `json:"warnings"`
	Verdict     bench.GateVerdict  `json:"verdict"`

	// Result is the experiment, in which rebuilds are starts, and the metric is
	// bench.MetricReady.
	Result *bench.Result `json:"-"`
}

// A FolderReport is what was found of one folder.
type FolderReport struct {
	Name         string            `json:"name"`
	Folder       string            `json:"folder"` // as the user named it
	Dockerfile   string            `json:"dockerfile"`
	Args         map[string]string `json:"args,omitempty"` // without secrets
	ContextFiles int               `json:"context_files"`
	ContextBytes int64             `json:"context_bytes"` // all of them go to the engine in every build

	// FirstMS is the build of the folder as it is, from the cache as it was,
	// of whose steps FirstCached were there. It is no result.
	FirstMS     *float64 `json:"first_ms"`
	FirstCached int      `json:"first_cached"`

	// MedianMS is that of the rebuilds; null before there is any, and where
	// most of them failed.
	MedianMS *float64 `json:"median_ms"`
	Cached   int      `json:"cached"`   // steps that most rebuilds found in the cache
	Executed int      `json:"executed"` // steps that most rebuilds did anew
	Steps    []Step   `json:"steps"`    // as the Dockerfile has them
}

// A Step is what became of an instruction in a folder's rebuilds.
type Step struct {
	Name     string   `json:"name"`
	Executed int      `json:"executed"`  // rebuilds that did it anew
	Cached   int      `json:"cached"`    // rebuilds that found it in the cache
	MedianMS *float64 `json:"median_ms"` // of those that did it; null without
}

// Anew reports whether most rebuilds did the step anew.
func (s Step) Anew() bool { return s.Executed > s.Cached }

// A Rebuild is one build, measured unless it is a folder's first.
type Rebuild struct {
	Folder   int        `json:"folder"`
	Role     bench.Role `json:"role"`
	Block    int        `json:"block"`
	Position int        `json:"position"`
	BeginAt  time.Time  `json:"begin_at"`
	Outcome  string     `json:"outcome"` // built, failed, timeout
	TookMS   *float64   `json:"took_ms"` // null unless built
	Cached   int        `json:"cached"`
	Executed int        `json:"executed"`
	UndoMS   float64    `json:"undo_ms"` // to remove it again, which is not in TookMS
	Error    string     `json:"error,omitempty"`
	Log      []string   `json:"log,omitempty"`
}

// heavy is how many bytes of a context are worth a warning: sending them to a
// local engine takes a noticeable part of a second.
const heavy = 100e6

// report makes the report of a result.
func (x *rebuilder) report(r *bench.Result) *Report {
	p := &Report{
		Schema: Schema, Tool: r.Tool, Spec: r.Spec, StartedAt: r.StartedAt, Ended: r.Ended, Host: r.Host, Touched: x.plan.File,
		Folders: []FolderReport{}, Rebuilds: []Rebuild{}, Comparisons: []bench.Comparison{}, Gates: r.Gates, Verdict: r.Verdict,
		Result: r,
	}
	for _, f := range x.folders {
		if x.changes > 0 {
			p.Appended = f.change.line(fmt.Sprintf("%s-%d", x.id, x.changes))
		}
		p.Folders = append(p.Folders, FolderReport{
			Name: f.Name, Folder: f.Named, Dockerfile: f.context.Dockerfile, Args: f.Args,
			ContextFiles: f.context.Files, ContextBytes: f.context.Bytes, Steps: []Step{},
		})
	}
	steps := make([]tally, len(p.Folders))
	for i, s := range r.Starts {
		built := x.built[i]
		f := &p.Folders[s.Candidate]
		one := rebuildOf(s, built)
		p.Rebuilds = append(p.Rebuilds, one)
		if built.With != "" {
			p.Builder, p.Engine = built.With, built.Version
		}
		if !s.Role.Measured() {
			f.FirstMS, f.FirstCached = one.TookMS, one.Cached
			continue
		}
		if one.TookMS != nil {
			steps[s.Candidate].add(built.Steps)
		}
	}
	for i := range p.Folders {
		f := &p.Folders[i]
		if s := r.Summary(i); s.Starts > s.Failed && !math.IsInf(s.Ready.Estimate, 0) {
			f.MedianMS = &s.Ready.Estimate
		}
		f.Steps = steps[i].steps()
		for _, s := range f.Steps {
			if s.Anew() {
				f.Executed++
			} else {
				f.Cached++
			}
		}
		r.Warnings = append(r.Warnings, x.warnings(*f, steps[i])...)
	}
	for _, c := range r.On(bench.MetricReady) {
		c.Metric = Metric
		p.Comparisons = append(p.Comparisons, c)
	}
	p.Warnings = r.Warnings
	return p
}

// outcomes are what became of builds.
var outcomes = map[runner.Outcome]string{runner.OutcomeReady: "built", runner.OutcomeExited: "failed", runner.OutcomeTimeout: "timeout"}

func rebuildOf(s bench.Start, b runner.Built) Rebuild {
	one := Rebuild{
		Folder: s.Candidate, Role: s.Role, Block: s.Block, Position: s.Position, BeginAt: s.BeginAt, Outcome: outcomes[s.Outcome],
		TookMS: s.ReadyMS, UndoMS: s.StopMS, Error: s.Error, Log: s.Log,
	}
	for _, step := range b.Steps {
		if step.Cached {
			one.Cached++
		} else {
			one.Executed++
		}
	}
	return one
}

// warnings are what a reader should know of a folder's rebuilds.
func (x *rebuilder) warnings(f FolderReport, t tally) []string {
	var w []string
	if t.rebuilds > 0 && f.Executed == 0 {
		w = append(w, fmt.Sprintf("%s: a change of %s makes no step anew: nothing copies the file there", f.Name, x.plan.File))
	}
	if t.uneven() {
		w = append(w, fmt.Sprintf("%s: not every rebuild did the same steps: something else takes away from the engine's cache, or adds to it", f.Name))
	}
	if f.ContextBytes >= heavy {
		w = append(w, fmt.Sprintf("%s: %d MB go to the engine in every build, which is part of its time: name in .dockerignore what no step needs", f.Name, f.ContextBytes/1e6))
	}
	return w
}

// Write writes the report as JSON.
func (p *Report) Write(w io.Writer) error { return bench.WriteJSON(w, p) }

// Package rebuild finds out how long images take to be built again after a
// change of one file, and which of their steps that makes the builder do anew.
// It is the experiment of package bench, with builds instead of starts: order,
// intervals, stopping rule and verdicts are the same.
package rebuild

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/runner"
)

// An Engine builds images from copies of contexts.
type Engine interface {
	runner.Builder
	// CopyContext copies what the engine would get of a build's context, for as
	// long as the Engine lasts.
	CopyContext(ctx context.Context, b runner.Build) (runner.ContextCopy, error)
	Host(ctx context.Context) (runner.Host, error)
}

// A Folder is what is built.
type Folder struct {
	Name  string // unique among those that are compared
	Named string // as the user named it
	Build runner.Build
	Args  map[string]string // of Build, without secrets, for the report
}

// A Plan is what is to be found out.
type Plan struct {
	Spec    bench.Spec
	Folders []Folder // the baseline first
	File    string   // the file that changes, a slash-separated path in every folder
	Append  *string  // how what is appended begins; nil for a comment as the file's kind has them
}

// Called is the word for what is measured.
const Called = "rebuild"

// Run does the experiment. Whatever happens, no image that it made stays. The
// report holds what was measured also where it returns an error, of the kinds
// that bench.Experiment has.
func (p Plan) Run(ctx context.Context, engine Engine, tool bench.Tool, observer bench.Observer) (_ *Report, err error) {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	x := &rebuilder{Engine: engine, plan: p, id: hex.EncodeToString(id), note: observer.Note}
	var candidates []runner.Candidate
	for _, f := range p.Folders {
		candidates = append(candidates, runner.Candidate{Name: f.Name, Ref: f.Named})
	}
	result, err := bench.Experiment{Spec: p.Spec, Runner: x, Candidates: candidates, Tool: tool, Observer: observer, Called: Called}.Run(ctx)
	err = errors.Join(p.inWords(err), x.undo())
	return x.report(result), err
}

// inWords says of a folder whose rebuilds all fail what bench says of an image
// that is never ready.
func (p Plan) inWords(err error) error {
	var never *bench.NeverReadyError
	if !errors.As(err, &never) {
		return err
	}
	text := fmt.Sprintf("%s was built as it is, and every rebuild after a change of %s failed (%s): %s", never.Candidate, p.File, bench.Counts(never.Outcomes), never.Problem)
	return runner.As(runner.ErrEnvironment, errors.New(strings.Join(append([]string{text}, never.Log...), "\n    ")))
}

// undo takes back the first builds, which the others stood on.
func (x *rebuilder) undo() error {
	var failed []error
	for _, f := range slices.Backward(x.folders) {
		if f.undo != nil {
			failed = append(failed, f.undo())
		}
	}
	return errors.Join(failed...)
}

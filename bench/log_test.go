package bench

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// TestLog: every start and every look is logged, with what it found and nothing
// of what candidates are told.
func TestLog(t *testing.T) {
	var b bytes.Buffer
	spec := DefaultSpec()
	spec.Cold, spec.MinPairs, spec.MaxPairs = Warm, 8, 12
	candidates := []runner.Candidate{{Name: "old", Ref: "0"}, {Name: "new\nlevel=ERROR", Ref: "1", Env: []string{"TOKEN=s3cret"}, Args: []string{"--key=s3cret"}}}
	r, err := Experiment{
		Spec: spec, Runner: &runnertest.Scripted{Script: func(_ string, n int) (runner.Start, error) {
			at := time.Duration(100+n) * time.Millisecond
			return runner.Start{Outcome: runner.OutcomeReady, Marks: runner.Marks{runner.Ready: {At: at}}}, nil
		}}, Candidates: candidates,
		Log: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := b.String()
	if n := strings.Count(said, "msg=start "); n != len(r.Starts) {
		t.Errorf("%d starts are logged of %d", n, len(r.Starts))
	}
	if !strings.Contains(said, "msg=look pairs=8 ") || !strings.Contains(said, " role=pair block=0 position=0 ") || !strings.Contains(said, " ready_ms=") {
		t.Error(said)
	}
	if strings.Contains(said, "s3cret") || strings.Contains(said, "\nlevel=ERROR") {
		t.Errorf("a secret, or a forged line:\n%s", said)
	}
}

package calibration

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlbench/bench"
)

// resultFile is what a comparison of an image with itself on this host writes.
func resultFile(t *testing.T, on Regime, blocks int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 9))
	r, err := simulate(t.Context(), NewRunner(on.New(rng), 0, 0), 1, nil, func(s *bench.Spec) { s.Pairs = blocks }, baselineRef, candidateRef)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadTrace(t *testing.T) {
	dir := t.TempDir()
	plain := resultFile(t, InfluencedCovariate(0.12, 0), 20)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(plain)
	if err := errors.Join(err, z.Close(),
		os.WriteFile(filepath.Join(dir, "b.json"), plain, 0o600),
		os.WriteFile(filepath.Join(dir, "a.json.gz"), zipped.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	traces, err := ReadTraces(dir)
	if err != nil || len(traces) != 2 || traces[0].Name != "a" || traces[1].Name != "b" {
		t.Fatalf("%+v, %v", traces, err)
	}
	// The host that the file came from, in its order, less two of warm-up.
	host := InfluencedCovariate(0.12, 0).New(rand.New(rand.NewPCG(1, 9)))
	host.Next()
	host.Next()
	for _, trace := range traces {
		if len(trace.Starts) != 40 {
			t.Fatalf("%d starts", len(trace.Starts))
		}
	}
	offset := 0.0
	for i, s := range traces[0].Starts {
		want := host.Next()
		if i == 0 {
			offset = s.Log - want.Log
		}
		if math.Abs(s.Log-want.Log-offset) > 1e-6 || s.CPU != want.CPU ||
			math.Abs(s.Covariates[bench.CovariateCPUWait]-want.Covariates[bench.CovariateCPUWait]) > 1e-4 {
			t.Errorf("start %d: %+v, want %+v", i, s, want)
		}
	}
}

// A replay is the trace from some place on, round and round.
func TestReplay(t *testing.T) {
	var trace Trace
	for i := range 30 {
		trace.Starts = append(trace.Starts, Sample{Log: float64(i)})
	}
	trace.Starts[7].Log = math.Inf(1)
	begins := make(map[float64]bool)
	for seed := range uint64(50) {
		x := sample(trace.Regime(), seed, 60)
		begins[x[0]] = true
		at := int(min(x[0], 29))
		if math.IsInf(x[0], 1) {
			at = 7
		}
		for i, v := range x {
			if v != trace.Starts[(at+i)%30].Log {
				t.Fatalf("seed %d: start %d is %v", seed, i, v)
			}
		}
	}
	if len(begins) < 15 {
		t.Errorf("replays begin at %d places", len(begins))
	}
}

// Recorded failures fail again, for either name, and an injected change is
// found in what does not.
func TestReplayWithFailuresAndShift(t *testing.T) {
	trace := Trace{Name: "failing"}
	for i, x := range sample(Autoregressive(0.12, 0.5), 10, 100) {
		if i%25 == 3 {
			x = math.Inf(1)
		}
		trace.Starts = append(trace.Starts, Sample{Log: x})
	}
	found := 0
	for i := range 20 {
		o, err := Compare(t.Context(), trace.Regime(), math.Log(1.4), 11, i, nil)
		if err != nil {
			t.Fatal(err)
		}
		if o.Verdict == bench.Regression {
			found++
		}
	}
	if found < 18 {
		t.Errorf("+40 %% is called a regression in %d of 20 replays", found)
	}
}

func TestReadTracesErrors(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"empty":   []byte(`{}`),
		"short":   resultFile(t, Quiet(0.04), 8),
		"damaged": {0x1f, 0x8b, 1, 2, 3},
	} {
		file := filepath.Join(dir, name+".json")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTrace(file); err == nil || !strings.Contains(err.Error(), name+".json") || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadTraces(filepath.Join(dir, "none*")); err == nil {
		t.Error("no traces, no error")
	}
}

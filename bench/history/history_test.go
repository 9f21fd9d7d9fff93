package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/runner"
)

// TestMain makes this test binary append runs where a test of several
// processes starts it so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HISTORY_WRITER"); dir != "" {
		for i := range writes {
			r := result(i)
			r.Spec.Seed = uint64(os.Getpid())
			if _, err := Append(context.Background(), dir, New(r, "")); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const writes = 25 // of each process

var began = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// result is the nth run of two candidates, whose times go up with n.
func result(n int) *bench.Result {
	size := int64(500e6)
	r := &bench.Result{
		Schema: bench.Schema, Spec: bench.DefaultSpec(), StartedAt: began.Add(time.Duration(n) * time.Hour), Ended: bench.EndedFixed,
		Cold: bench.Cold{Level: bench.Warm}, Host: runner.Host{Engine: "Docker Engine 28.5.2", Kernel: "6.8.0", CPU: "Xeon", CPUs: 4, MemoryBytes: 16 << 30, Storage: "overlay2"},
		Candidates: []runner.Candidate{{Name: "svc:old", Ref: "svc:old", UnpackedBytes: &size}, {Name: "svc:new", Ref: "svc:new", Digest: "sha256:1"}},
	}
	r.Spec.Pairs = 8
	for block := range 8 {
		for i := range r.Candidates {
			ms := 400 - 100*float64(i) + float64(block) + float64(n%50)
			r.Starts = append(r.Starts, bench.Start{
				Candidate: i, Role: bench.RolePair, Block: block, Position: i, BeginAt: r.StartedAt.Add(time.Duration(block) * time.Second),
				Outcome: runner.OutcomeReady, ReadyMS: &ms, PhasesMS: map[string]float64{"boot": ms / 2, "warmup": ms / 2},
			})
		}
	}
	if err := r.Judge(); err != nil {
		panic(err)
	}
	return r
}

func appendAll(t testing.TB, dir string, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if _, err := Append(t.Context(), dir, e); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, dir string) *Log {
	t.Helper()
	log, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestAppendedIsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	r := result(3)
	appendAll(t, dir, New(r, filepath.Join(dir, "r.json")), New(result(1), "/elsewhere/r.json"))
	log := read(t, dir)
	if len(log.Entries) != 2 || !log.Entries[0].StartedAt.Before(log.Entries[1].StartedAt) {
		t.Fatalf("found %+v, want two in the order in which they began", log.Entries)
	}
	e := log.Entries[1]
	sum := r.Summary(1)
	c := e.Candidates[1]
	if *c.Ready.Estimate != sum.Ready.Estimate || *c.Ready.Low != sum.Ready.Low || *c.Ready.High != sum.Ready.High || c.Starts != 8 || c.Digest != "sha256:1" {
		t.Errorf("candidate %+v is not %+v", c, sum)
	}
	if c.PhasesMS["boot"] == 0 || *e.Candidates[0].UnpackedBytes != 500e6 {
		t.Errorf("no phases or size: %+v", e.Candidates)
	}
	want := r.On(bench.MetricReady)[0]
	if got := e.Comparisons[0]; *got.Change.Estimate != want.Change.Estimate || got.Verdict != want.Verdict || got.Pairs != 8 {
		t.Errorf("comparison %+v is not %+v", got, want)
	}
	if e.Verdict != r.Verdict || e.Seed != r.Spec.Seed || e.Fingerprint.Kernel != "6.8.0" || e.Fingerprint.CPU != "Xeon" {
		t.Errorf("entry %+v", e)
	}
	if e.Result != "r.json" || log.Entries[0].Result != "/elsewhere/r.json" {
		t.Errorf("results at %q and %q", e.Result, log.Entries[0].Result)
	}
}

func TestNoHistory(t *testing.T) {
	if _, err := Read(t.TempDir()); !errors.Is(err, ErrNone) {
		t.Errorf("found %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("found %v", err)
	}
	taken := t.TempDir()
	if err := os.Mkdir(filepath.Join(taken, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(taken); err == nil {
		t.Error("a folder in the file's place was taken for one")
	}
}

func TestDuplicates(t *testing.T) {
	dir := t.TempDir()
	appendAll(t, dir, New(result(1), ""), New(result(2), ""))
	a, err := Append(t.Context(), dir, New(result(1), "other.json"))
	if err != nil || !a.Duplicate {
		t.Fatalf("found %+v, %v", a, err)
	}
	path := filepath.Join(dir, FileName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, b...), 0o600); err != nil { // as cat of two histories
		t.Fatal(err)
	}
	if log := read(t, dir); len(log.Entries) != 2 || log.Passed.Duplicates != 2 {
		t.Errorf("found %d entries, passed over %+v", len(log.Entries), log.Passed)
	}
}

// TestCutOff cuts the file off at every byte of its last line. The next append
// loses neither what is there nor itself.
func TestCutOff(t *testing.T) {
	dir := t.TempDir()
	first, second, third := New(result(1), ""), New(result(2), ""), New(result(3), "")
	appendAll(t, dir, first)
	path := filepath.Join(dir, FileName)
	one, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, dir, second)
	both, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 97
	}
	for n := len(one) + 1; n < len(both); n += step {
		left := both[:n]
		if err := os.WriteFile(path, left, 0o600); err != nil {
			t.Fatal(err)
		}
		log := read(t, dir)
		whole := n == len(both)-1 // only the newline is missing
		if (len(log.Entries) == 2) != whole || log.Passed.CutOff == whole {
			t.Fatalf("cut off after %d of %d bytes: %d entries, passed over %+v", n, len(both), len(log.Entries), log.Passed)
		}
		again := second // whose line is no duplicate while it is not whole
		if whole {
			again = third
		}
		a, err := Append(t.Context(), dir, again)
		if err != nil || a.Duplicate || a.Repaired != int64(n-len(one)) {
			t.Fatalf("appending after %d bytes: %+v, %v", n, a, err)
		}
		now, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(now, left) {
			t.Fatalf("after %d bytes something was lost", n)
		}
		log = read(t, dir)
		if log.Passed.CutOff || !slices.ContainsFunc(log.Entries, func(e Entry) bool { return e.ID == again.ID }) {
			t.Fatalf("after %d bytes the appended run is not found", n)
		}
	}
}

// TestWriters has processes, and goroutines beside them, append at once.
func TestWriters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	const processes = 4
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), "HISTORY_WRITER="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for i := range 3 {
		all.Go(func() {
			for n := range writes {
				if _, err := Append(t.Context(), dir, New(result(1+i*writes+n), "")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	log := read(t, dir)
	if want := (processes + 3) * writes; len(log.Entries) != want || log.Passed.Damaged+log.Passed.Duplicates > 0 {
		t.Errorf("found %d entries, want %d; passed over %+v", len(log.Entries), want, log.Passed)
	}
}

// TestLocked finds out that a lock of another is waited for, and not for ever.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	if err := Prepare(dir); err != nil {
		t.Fatal(err)
	}
	f, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Append(ctx, dir, New(result(1), "")); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another mlbench") {
		t.Errorf("found %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = f.Close() })
	if _, err := Append(t.Context(), dir, New(result(1), "")); err != nil {
		t.Error(err)
	}
}

func TestForeignLines(t *testing.T) {
	good, err := encode(New(result(1), ""))
	if err != nil {
		t.Fatal(err)
	}
	g := strings.TrimSpace(string(good))
	for _, test := range []struct {
		name string
		line string
		want Passed
	}{
		{"a later schema", strings.Replace(g, LineSchema, "mlbench.history.line/v2", 1), Passed{Others: 1}},
		{"a later schema of other kinds", `{"schema":"mlbench.history.line/v2","id":{},"candidates":7}`, Passed{Others: 1}},
		{"a result", `{"schema":"mlbench.result/v1"}`, Passed{Others: 1}},
		{"no schema", `{"id":"1"}`, Passed{Damaged: 1}},
		{"no JSON", "\x00\x00\x00", Passed{Damaged: 1}},
		{"a number", "7", Passed{Damaged: 1}},
		{"nothing in it", `{"schema":"` + LineSchema + `"}`, Passed{Damaged: 1}},
		{"negative times", strings.Replace(g, `"ready_ms":{"estimate":`, `"ready_ms":{"estimate":-`, 1), Passed{Damaged: 1}},
		{"no such candidate", strings.Replace(g, `"baseline":0,"candidate":1`, `"baseline":0,"candidate":9`, 1), Passed{Damaged: 1}},
		{"blank", "  \t", Passed{}},
		{"deep", strings.Repeat("[", 1<<20), Passed{Damaged: 1}},
		{"long", strings.Repeat("x", maxLine+2), Passed{Long: 1}},
		{"very long", strings.Repeat("x", 3*maxLine), Passed{Long: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			log, err := ReadFrom(strings.NewReader(test.line + "\n" + g + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			if test.want.Damaged+test.want.Long > 0 {
				test.want.Lines = []int{1}
			}
			if len(log.Entries) != 1 || fmt.Sprint(log.Passed) != fmt.Sprint(test.want) {
				t.Errorf("found %d entries, passed over %+v, want %+v", len(log.Entries), log.Passed, test.want)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadFails(t *testing.T) {
	if _, err := ReadFrom(failing{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("found %v", err)
	}
}

// TestLongTexts makes an entry of the longest result that there can be.
func TestLongTexts(t *testing.T) {
	r := result(1)
	for i := range r.Candidates {
		r.Candidates[i].Name += strings.Repeat("\x1b", 1<<20) + fmt.Sprint(i)
		r.Candidates[i].Ref = strings.Repeat("\xff", 1<<20)
		r.Candidates[i].Args = []string{strings.Repeat("<", 1<<20)}
	}
	for len(r.Candidates) < maxCandidates {
		r.Candidates = append(r.Candidates, r.Candidates[len(r.Candidates)%2])
	}
	e := New(r, "")
	if e.Candidates[0].Name[10:] == e.Candidates[1].Name[10:] {
		t.Error("names that differ are cut to the same")
	}
	dir := t.TempDir()
	appendAll(t, dir, e)
	if log := read(t, dir); len(log.Entries) != 1 {
		t.Errorf("passed over %+v", log.Passed)
	}
}

// To open a pipe may never end: what is no file is told before.
func TestReadOfNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("error %v", err)
	}
}

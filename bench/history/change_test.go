package history

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
)

// nightOf is the nth night of two candidates.
func nightOf(n int) *bench.Result {
	r := result(n)
	r.Spec.Pinned = true
	if err := r.Judge(); err != nil {
		panic(err)
	}
	return r
}

func changeOf(state State) Change {
	return Change{
		Series: "s", Candidate: "svc:new", Night: "n", Before: Moment{Run: "b"}, After: Moment{Run: "a"}, Nights: 2, Seen: 0.1, State: state,
		Verification: &Verification{Against: AgainstOld, Pairs: 8, Change: interval(0.1, 0.05, math.Inf(1)), Verdict: bench.Slower},
	}
}

func TestChangesAreRead(t *testing.T) {
	dir := t.TempDir()
	appendAll(t, dir, New(nightOf(1), ""))
	for i, want := range []bool{false, true, false} {
		c := changeOf([]State{Suspected, Suspected, SlowDown}[i])
		c.Verification.Result = filepath.Join(dir, "results", "r.json")
		a, err := AppendChange(t.Context(), dir, c)
		if err != nil || a.Duplicate != want {
			t.Fatalf("%d: %+v, %v", i, a, err)
		}
	}
	appendAll(t, dir, New(nightOf(2), ""))
	log := read(t, dir)
	if len(log.Entries) != 2 || len(log.Changes) != 2 || log.Passed.Others+log.Passed.Damaged+log.Passed.Duplicates > 0 {
		t.Fatalf("found %+v", log)
	}
	c := log.Changes[1]
	if c.State != SlowDown || c.AppendedAt.IsZero() || c.Verification.Result != filepath.Join("results", "r.json") || c.Verification.Change.High != nil || *c.Verification.Change.Low != 0.05 {
		t.Errorf("%+v, %+v", c, c.Verification)
	}
	if err := (Change{}).check(); err == nil {
		t.Error("nothing is a change")
	}
	if _, err := AppendChange(t.Context(), dir, changeOf("unheard-of")); err == nil || !strings.Contains(err.Error(), "no state") {
		t.Errorf("found %v", err)
	}
}

func TestDamagedChanges(t *testing.T) {
	dir := t.TempDir()
	if _, err := AppendChange(t.Context(), dir, changeOf(Refuted)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, FileName)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line := string(b)
	for name, damage := range map[string]string{
		"cut off":     line[:len(line)/2],
		"no state":    strings.Replace(line, `"state":"refuted"`, `"state":""`, 1),
		"no night":    strings.Replace(line, `"night":"n"`, `"night":""`, 1),
		"wrong type":  strings.Replace(line, `"nights":2`, `"nights":"2"`, 1),
		"wrong bound": strings.Replace(line, `"low":0.05`, `"low":-7`, 1),
	} {
		log, err := ReadFrom(strings.NewReader(line + line + damage))
		if err != nil || len(log.Changes) != 1 || log.Passed.Duplicates != 1 || log.Passed.Damaged != 1 {
			t.Errorf("%s: %+v, %v", name, log, err)
		}
	}
}

// TestTracks holds that nights stand in the order in which they were appended, and
// what makes another track.
func TestTracks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(r *bench.Result)
		tracks int
	}{
		{"nothing", func(*bench.Result) {}, 1},
		{"another image", func(r *bench.Result) { r.Candidates[1].Digest = "sha256:9" }, 1},
		{"a clock that went back", func(r *bench.Result) { r.StartedAt = r.StartedAt.AddDate(-1, 0, 0) }, 1},
		{"another reference", func(r *bench.Result) { r.Candidates[0].Digest = "sha256:9" }, 2},
		{"another name of it", func(r *bench.Result) { r.Candidates[0].Name = "ref" }, 2},
		{"another setup of it", func(r *bench.Result) { r.Candidates[0].CPUs = 1 }, 2},
		{"another setup", func(r *bench.Result) { r.Candidates[1].CPUs = 1 }, 2},
		{"another name", func(r *bench.Result) { r.Candidates[1].Name = "api" }, 2},
		{"another kernel", func(r *bench.Result) { r.Host.Kernel = "7" }, 2},
		{"no night", func(r *bench.Result) { r.Spec.Pinned = false }, 1},
	} {
		dir := t.TempDir()
		last := nightOf(3)
		tt.change(last)
		all := []Entry{New(nightOf(1), ""), New(nightOf(2), ""), New(last, "")}
		appendAll(t, dir, all...)
		log := read(t, dir)
		tracks := log.Tracks()
		if len(tracks) != tt.tracks {
			t.Errorf("%s: %d tracks, want %d", tt.name, len(tracks), tt.tracks)
			continue
		}
		var runs, want []string
		for _, track := range tracks {
			for _, n := range track.Nights {
				runs = append(runs, n.Run)
			}
		}
		for _, e := range all {
			if e.Nightly {
				want = append(want, e.ID)
			}
		}
		if !slices.Equal(runs, want) {
			t.Errorf("%s: %v, want %v", tt.name, runs, want)
		}
	}
	cut := nightOf(1)
	cut.Ended = bench.EndedInterrupted
	if n := (&Log{Entries: []Entry{New(cut, "")}}).Tracks()[0].Nights[0]; !math.IsInf(n.Log, 1) {
		t.Errorf("an interrupted night counts: %+v", n)
	}
	r := nightOf(1)
	log := Log{Entries: []Entry{New(r, "")}}
	n := log.Tracks()[0].Nights[0]
	if got, want := n.Log, math.Log1p(r.On(bench.MetricReady)[0].Change.Estimate); got != want || n.Digest != "sha256:1" || n.Ref != "svc:new" {
		t.Errorf("%+v, want %v", n, want)
	}
}

func TestOccupy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	release, err := Occupy(dir)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := Occupy(dir); err == nil || !strings.Contains(err.Error(), "another night is being measured: process ") || time.Since(begin) > 10*time.Second {
		t.Errorf("the second: %v after %v", err, time.Since(begin))
	}
	appendAll(t, dir, New(result(1), "")) // others may append
	release()
	release, err = Occupy(dir)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

package process

import (
	"testing"
	"time"

	"mlbench/runner"
)

func TestParseStat(t *testing.T) {
	const before = " S 1 2 2 0 -1 4194560 100 200 5 6 7 8 "
	for _, test := range []struct {
		stat   string
		want   time.Duration // -1 for none
		faults int64
	}{
		{"2 (sh)" + before + "3 4 20 0 1 0", 70 * time.Millisecond, 11},
		{"2 (a) S 1 (b)" + before + "0 1 20 0 1 0", 10 * time.Millisecond, 11},
		{"2 (sh)" + before + "137438953472 137438953472 20", 2 * 137438953472 * tick, 11},
		{"2 (sh)" + before + "274877906944 0 20", -1, 0},
		{"2 (sh)" + before + "x 0 20", -1, 0},
		{"2 (sh)" + before + "-1 0 20", -1, 0},
		{"2 (sh)" + before + "3", -1, 0},
		{"2 (sh) S 1 2 2 0 -1 4194560 100 200 -5 6 7 8 3 4 20 0 1 0", -1, 0},
		{"2 (sh)", -1, 0},
		{"", -1, 0},
	} {
		got, faults, ok := parseStat(test.stat)
		if ok && (got != test.want || faults != test.faults) || ok != (test.want >= 0) {
			t.Errorf("%q: %v, %d, %v", test.stat, got, faults, ok)
		}
	}
}

func TestParsePeak(t *testing.T) {
	for status, want := range map[string]int64{
		"Name:\tVmHWM: 7 kB\nVmPeak:\t  9 kB\nVmHWM:\t    1234 kB\n": 1234 << 10,
		"VmHWM: 0 kB":                0,
		"VmHWM: -1 kB\n":             -1,
		"VmHWM: 9007199254740992 kB": -1,
		"VmHWM: 3 MB\n":              -1,
		"Name:\tkthreadd\n":          -1,
		"":                           -1,
	} {
		if got := parsePeak(status); got != nil && *got != want || (got != nil) != (want >= 0) {
			t.Errorf("%q: %v", status, got)
		}
	}
}

func FuzzParseProc(f *testing.F) {
	f.Add("2 (sh) S 1 2 2 0 -1 4194560 100 200 0 0 7 8 3 4 20 0 1 0")
	f.Add("Name:\tsh\nVmHWM:\t    1234 kB\n")
	f.Fuzz(func(t *testing.T, text string) {
		if used, faults, ok := parseStat(text); used < 0 || faults < 0 || (used > 0 || faults > 0) && !ok {
			t.Errorf("%v, %v, %v", used, faults, ok)
		}
		if peak := parsePeak(text); peak != nil && *peak < 0 {
			t.Errorf("%v", *peak)
		}
	})
}

// What a shell's children used counts: of one that was waited for, and of one
// that lives.
func TestCPUTimeOfChildren(t *testing.T) {
	c := candidate(t, "")
	c.Ref = c.Ref + " -burn 300ms -exit-after 0s; " + c.Ref + " -burn 300ms; true"
	r := new(Runner)
	c, err := r.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, runner.DefaultTimeout)
	if err != nil || s.Outcome != runner.OutcomeReady {
		t.Fatalf("%v, %+v", err, s)
	}
	if s.CPU == nil {
		t.Fatal("the CPU time is not known")
	}
	if s.ReadBytes == nil || s.MajorFaults == nil || s.PeakMemory == nil || *s.PeakMemory < 1<<20 || *s.PeakMemory > 100<<20 {
		t.Errorf("%+v", s.Cost)
	}
	if *s.CPU < 500*time.Millisecond || *s.CPU > 6*time.Second {
		t.Errorf("%v used, of about 600 ms", *s.CPU)
	}
}

// BenchmarkTreeCost measures what it costs to read what a process has used,
// without children.
func BenchmarkTreeCost(b *testing.B) {
	c := candidate(b, "")
	p, err := launch(c, marker{owner: runner.Self()}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if p.cost().CPU == nil {
			b.Fatal("the CPU time is not known")
		}
	}
	if _, err := p.stop(marker{owner: runner.Self()}); err != nil {
		b.Error(err)
	}
}

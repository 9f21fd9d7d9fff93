package process

import (
	"testing"
	"time"

	"mlbench/runner"
)

func TestParseWaited(t *testing.T) {
	const before = " S 1 2 2 0 -1 4194560 100 200 0 0 7 8 "
	for _, test := range []struct {
		stat string
		want time.Duration // -1 for none
	}{
		{"2 (sh)" + before + "3 4 20 0 1 0", 70 * time.Millisecond},
		{"2 (a) S 1 (b)" + before + "0 1 20 0 1 0", 10 * time.Millisecond},
		{"2 (sh)" + before + "137438953472 137438953472 20", 2 * 137438953472 * tick},
		{"2 (sh)" + before + "274877906944 0 20", -1},
		{"2 (sh)" + before + "x 0 20", -1},
		{"2 (sh)" + before + "-1 0 20", -1},
		{"2 (sh)" + before + "3", -1},
		{"2 (sh)", -1},
		{"", -1},
	} {
		got, ok := parseWaited(test.stat)
		if ok && got != test.want || ok != (test.want >= 0) {
			t.Errorf("%q: %v, %v", test.stat, got, ok)
		}
	}
}

func FuzzParseWaited(f *testing.F) {
	f.Add("2 (sh) S 1 2 2 0 -1 4194560 100 200 0 0 7 8 3 4 20 0 1 0")
	f.Fuzz(func(t *testing.T, stat string) {
		if used, ok := parseWaited(stat); used < 0 || used > 0 && !ok {
			t.Errorf("%v, %v", used, ok)
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
	if *s.CPU < 500*time.Millisecond || *s.CPU > 6*time.Second {
		t.Errorf("%v used, of about 600 ms", *s.CPU)
	}
}

// BenchmarkTreeTime measures what it costs to read the CPU time of a process
// without children.
func BenchmarkTreeTime(b *testing.B) {
	c := candidate(b, "")
	p, err := launch(c, marker{owner: runner.Self()})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if p.cpu() == nil {
			b.Fatal("the CPU time is not known")
		}
	}
	if _, err := p.stop(marker{owner: runner.Self()}); err != nil {
		b.Error(err)
	}
}

package gpu

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// followed is what a track makes of samples 10 ms apart, of which readiness falls
// on one; ours are the processes from 100 on.
func followed(t *testing.T, ready int, samples ...[]Load) *Use {
	t.Helper()
	tr := newTrack(epoch, func(pid int) bool { return pid >= 100 })
	for i, loads := range samples {
		at := epoch.Add(time.Duration(i+1) * 10 * time.Millisecond)
		if err := tr.add(sample{at, at, loads}); err != nil {
			t.Fatal(err)
		}
		if i == ready {
			tr.markReady()
		}
	}
	return tr.use()
}

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestUse(t *testing.T) {
	one := func(l ...Load) []Load { return l }
	untold := func(usedMB int64, processes ...Process) Load {
		l := load(usedMB, processes...)
		for i := range l.Processes {
			l.Processes[i].Memory = nil
		}
		return l
	}
	silent := func(usedMB int64) Load { return Load{Used: usedMB * 1e6} }
	failing := Load{Used: -1, Err: errors.New("GPU 0: no permission")}
	on := func(p Process, instance int) Process { p.GPUInstance = new(instance); return p }
	busy := func(l Load, percent int) Load { l.Busy = &percent; return l }
	tests := []struct {
		name             string
		samples          [][]Load
		source           Source
		context, plateau int // number of the sample, from 1; 0 for none
		ready, peak      int64
		memory           []int64  // of the points, in MB
		others           []string // pid:MB
		problems         string
	}{
		{"nothing", [][]Load{one(load(5)), one(load(5)), one(load(5))}, ByProcess, 0, 0, 0, 0, []int64{0}, nil, ""},
		{"in steps", [][]Load{one(load(5)), one(load(105, has(100, 100))), one(load(305, has(100, 300))), one(load(805, has(100, 800))), one(load(807, has(100, 802)))},
			ByProcess, 2, 4, 100, 802, []int64{0, 100, 300, 800, 802}, nil, ""},
		{"up and down", [][]Load{one(load(5)), one(load(5, has(100, 100))), one(load(5, has(100, 900))), one(load(5, has(100, 100)))},
			ByProcess, 2, 4, 100, 900, []int64{0, 100, 900, 100}, nil, ""},
		{"ended before the end", [][]Load{one(load(5)), one(load(5, has(100, 100))), one(load(5))}, ByProcess, 2, 0, 100, 100, []int64{0, 100, 0}, nil, ""},
		{"several processes, GPUs and instances", [][]Load{one(load(5), load(5)), one(load(5, has(100, 10), has(101, 20)), load(5, has(100, 30), on(has(102, 1), 7), on(has(102, 2), 8)))},
			ByProcess, 2, 2, 63, 63, []int64{0, 63}, nil, ""},
		{"others", [][]Load{one(load(5, has(7, 50))), one(load(5, has(7, 70), has(8, 1), has(100, 100))), one(load(5, has(7, 60), has(100, 100)), load(5, has(7, 60)))},
			ByProcess, 2, 2, 100, 100, []int64{0, 100}, []string{"7:120", "8:1"}, ""},
		{"another's memory is not the start's", [][]Load{one(load(500, has(7, 400))), one(load(900, has(7, 700), has(100, 100)))}, ByProcess, 2, 2, 100, 100, []int64{0, 100}, []string{"7:700"}, ""},
		{"processes of another namespace", [][]Load{one(load(500, has(7, 400))), one(load(600, has(7, 400), has(9, 100))), one(load(1000, has(7, 400), has(9, 500)))},
			ByDevice, 2, 3, 100, 500, []int64{0, 100, 500}, []string{"7:400"}, ""},
		{"no processes told", [][]Load{one(silent(500), silent(1)), one(silent(500), silent(201)), one(silent(400), silent(301))},
			ByDevice, 2, 2, 200, 200, []int64{0, 200}, nil, ""},
		{"no processes told, and no rise", [][]Load{one(silent(500)), one(silent(501)), one(silent(400))}, ByDevice, 0, 0, 1, 1, []int64{0, 1, 0}, nil, ""},
		{"no memory told, as under WSL", [][]Load{one(untold(500)), one(untold(600)), one(untold(700, has(100, 0))), one(untold(900, has(100, 0), has(7, 0)))},
			ByDevice, 3, 4, 100, 400, []int64{0, 100, 200, 400}, []string{"7:-"}, ""},
		{"0 told of all, as to a container", [][]Load{one(load(500)), one(load(600, has(100, 0))), one(load(900, has(100, 0)))},
			ByDevice, 2, 3, 100, 400, []int64{0, 100, 400}, nil, ""},
		{"0 told at first", [][]Load{one(load(500)), one(load(600, has(100, 0))), one(load(900, has(100, 300)))},
			ByProcess, 2, 3, 0, 300, []int64{0, 300}, nil, ""},
		{"a rise that is none", [][]Load{one(load(500)), one(load(501)), one(load(500))}, ByProcess, 0, 0, 0, 0, []int64{0}, nil, ""},
		{"read in vain meanwhile", [][]Load{one(load(5)), one(load(5, has(100, 100))), one(failing), one(load(5, has(100, 100)))}, ByProcess, 2, 2, 100, 100, []int64{0, 100}, nil, "GPU 0: no permission"},
		{"never read", [][]Load{one(failing), one(failing)}, ByDevice, 0, 0, 0, 0, []int64{0}, nil, "GPU 0: no permission"},
		{"first read late", [][]Load{one(failing), one(load(500)), one(load(700))}, ByDevice, 3, 3, 0, 200, []int64{0, 200}, nil, "GPU 0: no permission"},
		{"an id that is given away again", [][]Load{one(load(5)), one(load(5, has(100, 9)))}, ByProcess, 2, 2, 9, 9, []int64{0, 9}, nil, ""},
		{"memory that no GPU has", [][]Load{one(load(5)), one(load(5, has(100, 9e12), has(101, 9e12)))}, ByProcess, 2, 2, 1<<63 - 1, 1<<63 - 1, []int64{0, 9223372036854}, nil, ""},
		{"busy", [][]Load{one(load(5)), one(busy(load(5), 3), busy(load(5), 70)), one(busy(load(5), 70))}, ByProcess, 0, 0, 0, 0, []int64{0, 0}, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := followed(t, 1, test.samples...)
			number := func(m *Moment) int {
				if m == nil {
					return 0
				}
				if m.Gap != 10*time.Millisecond {
					t.Errorf("gap %v", m.Gap)
				}
				return int(m.At.Sub(epoch) / (10 * time.Millisecond))
			}
			if u.Source != test.source || number(u.Context) != test.context || number(u.Plateau) != test.plateau {
				t.Errorf("by %s, context %d, plateau %d; want %s, %d, %d", u.Source, number(u.Context), number(u.Plateau), test.source, test.context, test.plateau)
			}
			ready, peak := test.ready, test.peak
			if ready != 1<<63-1 {
				ready, peak = ready*1e6, peak*1e6
			}
			if u.Ready == nil || *u.Ready != ready || u.Peak != peak {
				t.Errorf("ready %v, peak %d; want %d, %d", *u.Ready, u.Peak, ready, peak)
			}
			var memory []int64
			for _, p := range u.Points {
				memory = append(memory, p.Memory/1e6)
			}
			if !reflect.DeepEqual(memory, test.memory) {
				t.Errorf("points %v, want %v", memory, test.memory)
			}
			var others []string
			for _, p := range u.Others {
				mb := "-"
				if p.Memory != nil {
					mb = fmt.Sprint(*p.Memory / 1e6)
				}
				others = append(others, fmt.Sprintf("%d:%s", p.PID, mb))
			}
			if !reflect.DeepEqual(others, test.others) {
				t.Errorf("others %v, want %v", others, test.others)
			}
			if got := strings.Join(u.Problems, "; "); got != test.problems {
				t.Errorf("problems %q", got)
			}
		})
	}
}

// An id that goes to another process is not taken for the one that had it.
func TestIDGivenAway(t *testing.T) {
	of := true
	tr := newTrack(epoch, func(int) bool { return of })
	for i, loads := range [][]Load{{load(5)}, {load(5, has(1, 10))}, {load(5)}, {load(5, has(1, 99))}} {
		of = i < 3
		if err := tr.add(sample{at: epoch.Add(time.Duration(i)), loads: loads}); err != nil {
			t.Fatal(err)
		}
	}
	if u := tr.use(); u.Peak != 10e6 || len(u.Others) != 1 {
		t.Errorf("%+v", u)
	}
}

// A day's watch takes little memory, and its peak and marks are exact.
func TestThinned(t *testing.T) {
	tr := newTrack(epoch, func(pid int) bool { return pid == 100 })
	const n = 300_000
	var most int64
	for i := range int64(n) {
		mb := 1000 + i%97
		switch {
		case i < 5000:
			mb = i / 10
		case i == 77_777:
			mb = 7777
		case i == 200_001:
			mb = 3
		case i > 250_000:
			mb = 2000 + i%2
		}
		most = max(most, mb)
		loads := []Load{load(mb, has(100, mb), Process{PID: int(1000 + i%1000)})}
		if i < 100 {
			loads = []Load{load(mb)}
		}
		at := epoch.Add(time.Duration(i+1) * time.Millisecond)
		loads[0].Err = fmt.Errorf("trouble %d", i)
		if err := tr.add(sample{at, at, loads}); err != nil {
			t.Fatal(err)
		}
	}
	u := tr.use()
	if len(u.Points) > mostPoints || len(u.Problems) > mostProblems || len(u.Others) > mostOthers || len(tr.gaps.kept) > 4096 || u.Every != time.Millisecond || u.Samples != n {
		t.Errorf("%d points, %d problems, %d others, %d gaps, every %v", len(u.Points), len(u.Problems), len(u.Others), len(tr.gaps.kept), u.Every)
	}
	if u.Peak != 7777e6 || u.Context.At.Sub(epoch) != 101*time.Millisecond {
		t.Errorf("peak %d, context %+v", u.Peak, u.Context)
	}
	if begin := u.Plateau.At.Add(-u.Plateau.Gap).Sub(epoch); begin > 250_002*time.Millisecond || u.Plateau.At.Sub(epoch) < 250_002*time.Millisecond || u.Plateau.Gap > 5*time.Second {
		t.Errorf("plateau from %v, within %v", u.Plateau.At.Sub(epoch), u.Plateau.Gap)
	}
	shown := map[int64]bool{}
	for i, p := range u.Points {
		shown[p.Memory] = true
		if i > 0 && !p.At.After(u.Points[i-1].At) {
			t.Fatal("the points are not in order")
		}
	}
	if !shown[7777e6] || !shown[3e6] {
		t.Error("the extremes are not shown")
	}
}

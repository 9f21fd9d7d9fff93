package gpu

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A meter is scripted: what it reads is a function of the time since its begin.
type meter struct {
	begin time.Time
	read  func(since time.Duration) ([]Load, error)
	count atomic.Int64
}

func (m *meter) Devices() []Device { return nil }
func (m *meter) Close() error      { return nil }
func (m *meter) Read() ([]Load, error) {
	m.count.Add(1)
	return m.read(time.Since(m.begin))
}

// has is a process with so many MB.
func has(pid int, mb int64) Process {
	return Process{PID: pid, Kind: "compute", Memory: new(mb * 1e6)}
}

func load(usedMB int64, processes ...Process) Load {
	if processes == nil {
		processes = []Process{}
	}
	return Load{Used: usedMB * 1e6, Processes: processes}
}

// TestWatch watches a start that makes a context after 100 ms and loads its
// model until 300 ms after its begin.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		m := &meter{begin: begin, read: func(since time.Duration) ([]Load, error) {
			switch {
			case since < 100*time.Millisecond:
				return []Load{load(500, has(7, 90))}, nil
			case since < 300*time.Millisecond:
				return []Load{load(900, has(7, 90), has(42, 400))}, nil
			}
			return []Load{load(1500, has(7, 90), has(42, 1000))}, nil
		}}
		s := &Sampler{Meter: m}
		asked := map[int]int{}
		w := s.Watch(func(pid int) bool { asked[pid]++; return pid == 42 })
		synctest.Wait()
		if m.count.Load() != 1 {
			t.Error("no baseline at once")
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		n := m.count.Load()
		w.Ready()
		synctest.Wait()
		if m.count.Load() != n+1 {
			t.Error("no reading for Ready")
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		n = m.count.Load()
		u, err := w.Stop()
		if err != nil || m.count.Load() != n+1 {
			t.Fatalf("%v after %d readings", err, m.count.Load())
		}
		if u.Source != ByProcess || *u.Ready != 400e6 || u.Peak != 1000e6 || len(u.Points) != 3 || len(u.Problems) > 0 {
			t.Errorf("%+v", u)
		}
		for name, at := range map[string]struct {
			*Moment
			true time.Duration
		}{"context": {u.Context, 100 * time.Millisecond}, "plateau": {u.Plateau, 300 * time.Millisecond}} {
			if at.Moment == nil {
				t.Fatalf("no %s", name)
			}
			if seen := at.At.Sub(begin); seen < at.true || seen-at.Gap > at.true || at.Gap > 6*SampleEvery {
				t.Errorf("%s seen at %v, %v after the reading before", name, seen, at.Gap)
			}
		}
		if len(u.Others) != 1 || u.Others[0].PID != 7 || *u.Others[0].Memory != 90e6 || asked[7] != 1 || asked[42] != 1 {
			t.Errorf("others %+v, asked %v", u.Others, asked)
		}
		if u.Samples != int(m.count.Load()) || u.Every < SampleEvery/2 || u.Every > 6*SampleEvery {
			t.Errorf("%d samples, every %v", u.Samples, u.Every)
		}
		if again, _ := w.Stop(); again != u {
			t.Error("a second Stop returns something else")
		}
		time.Sleep(time.Second)
		if m.count.Load() != int64(u.Samples) {
			t.Error("it reads on after Stop")
		}
	})
}

func TestNoSampler(t *testing.T) {
	var s *Sampler
	w := s.Watch(nil)
	w.Ready()
	if u, err := w.Stop(); u != nil || err != nil || w != nil {
		t.Error(u, err)
	}
}

// A Ready right before Stop has its memory.
func TestReadyThenStop(t *testing.T) {
	m := &meter{read: func(time.Duration) ([]Load, error) { return []Load{load(5, has(1, 3))}, nil }}
	s := &Sampler{Meter: m, Every: time.Hour}
	for range 100 {
		w := s.Watch(func(int) bool { return true })
		w.Ready()
		w.Ready()
		if u, err := w.Stop(); err != nil || u.Ready == nil || *u.Ready != 3e6 {
			t.Fatalf("%+v, %v", u, err)
		}
	}
}

func TestTrouble(t *testing.T) {
	tests := []struct {
		name string
		loss func() ([]Load, error) // from 100 ms on
		want error
		says string
	}{
		{"lost", func() ([]Load, error) {
			return []Load{{Used: -1, Err: fmt.Errorf("GPU 0: %w", &TroubleError{Kind: ErrLost, Tried: "nvmlX", Remedy: "reset it"})}}, nil
		}, ErrLost, "GPU 0: the GPU is lost (nvmlX): reset it"},
		{"lost without a remedy", func() ([]Load, error) { return []Load{{Used: -1, Err: ErrLost}}, nil }, ErrLost, "nvidia-smi --gpu-reset"},
		{"the driver as a whole", func() ([]Load, error) {
			return nil, &TroubleError{Kind: ErrNotLoaded, Tried: "nvmlX", Remedy: "load it"}
		}, ErrNotLoaded, "load it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &meter{begin: time.Now(), read: func(since time.Duration) ([]Load, error) {
					if since < 100*time.Millisecond {
						return []Load{load(500, has(42, 300))}, nil
					}
					return test.loss()
				}}
				w := (&Sampler{Meter: m}).Watch(func(int) bool { return true })
				time.Sleep(200 * time.Millisecond)
				n := m.count.Load()
				w.Ready()
				time.Sleep(200 * time.Millisecond)
				u, err := w.Stop()
				var trouble *TroubleError
				if !errors.Is(err, test.want) || !errors.As(err, &trouble) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v", err)
				}
				if u == nil || u.Peak != 300e6 || u.Ready != nil || u.Context == nil {
					t.Errorf("%+v", u)
				}
				if m.count.Load() != n {
					t.Error("it is read on")
				}
			})
		})
	}
}

// A driver that hangs is given up after seconds, and not asked by a later Watch
// either while it hangs.
func TestWatchHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		m := &meter{read: func(time.Duration) ([]Load, error) { return []Load{load(1)}, nil }}
		m.read = func(time.Duration) ([]Load, error) {
			if m.count.Load() > 1 {
				<-answer
			}
			return []Load{load(1)}, nil
		}
		s := &Sampler{Meter: m}
		for range 2 {
			w := s.Watch(func(int) bool { return false })
			time.Sleep(time.Second)
			begin := time.Now()
			u, err := w.Stop()
			if !errors.Is(err, ErrSilent) || time.Since(begin) != silence || u == nil {
				t.Errorf("%v after %v, %+v", err, time.Since(begin), u)
			}
		}
		if n := m.count.Load(); n != 2 {
			t.Errorf("%d readings", n)
		}
		close(answer)
	})
}

// Whoever cannot say whose a process is hangs no Stop either.
func TestWatchHangsInOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		m := &meter{read: func(time.Duration) ([]Load, error) { return []Load{load(5, has(1, 3))}, nil }}
		w := (&Sampler{Meter: m}).Watch(func(int) bool { <-answer; return true })
		if u, err := w.Stop(); u != nil || !errors.Is(err, ErrSilent) {
			t.Errorf("%+v, %v", u, err)
		}
		close(answer)
	})
}

func TestPause(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct{ took, cpu, want time.Duration }{
		{ms / 2, ms / 2, SampleEvery - ms/2},
		{3 * ms, 3 * ms, 27 * ms},          // 3 of 30
		{200 * ms, ms, SampleEvery / 2},    // it waited for the driver's locks
		{200 * ms, 100 * ms, 800 * ms},     // 100 of 1000
		{0, 0, SampleEvery},                // nothing to measure
		{SampleEvery, ms, SampleEvery / 2}, // it took the whole interval
	} {
		if got := pause(SampleEvery, test.took, test.cpu); got != test.want {
			t.Errorf("%v, computing %v: %v, want %v", test.took, test.cpu, got, test.want)
		}
	}
}

// What the reading takes is its thread's own: another that computes meanwhile
// does not count.
func TestCPUOfReading(t *testing.T) {
	if _, ok := threadTime(); !ok {
		t.Skip("needs a system that tells threads' CPU time: this is ", runtime.GOOS)
	}
	burn := func(d time.Duration) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begin, _ := threadTime()
		for now := begin; now-begin < d; now, _ = threadTime() {
		}
	}
	m := &meter{read: func(time.Duration) ([]Load, error) { burn(20 * time.Millisecond); return []Load{load(1)}, nil }}
	w := (&Sampler{Meter: m, Every: time.Hour}).Watch(func(int) bool { return false })
	burn(200 * time.Millisecond)
	u, err := w.Stop()
	if least := time.Duration(u.Samples) * 20 * time.Millisecond; err != nil || u.CPU < least || u.CPU > least+100*time.Millisecond {
		t.Errorf("%v of %d readings, %v", u.CPU, u.Samples, err)
	}
}

func TestStrangersSorted(t *testing.T) {
	tr := newTrack(time.Now(), func(int) bool { return false })
	if err := tr.add(sample{loads: []Load{load(1, has(3, 1), has(2, 9), Process{PID: 1})}}); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, p := range tr.use().Others {
		pids = append(pids, p.PID)
	}
	if !slices.Equal(pids, []int{2, 3, 1}) {
		t.Error(pids)
	}
}

// BenchmarkWatch measures the CPU time that a second of watching takes beside
// what the driver does, which is nothing here: waking, and what is made of what
// the driver tells, of eight GPUs with two processes each.
func BenchmarkWatch(b *testing.B) {
	loads := make([]Load, 8)
	for i := range loads {
		loads[i] = load(500, has(1+2*i, 300), has(2+2*i, 200))
	}
	m := &meter{read: func(time.Duration) ([]Load, error) { return loads, nil }}
	s := &Sampler{Meter: m}
	var used, watched time.Duration
	for b.Loop() {
		begin := time.Now()
		w := s.Watch(func(int) bool { return false })
		time.Sleep(time.Second)
		u, err := w.Stop()
		if err != nil {
			b.Fatal(err)
		}
		used, watched = used+u.CPU, watched+time.Since(begin)
	}
	b.ReportMetric(used.Seconds()*1000/watched.Seconds(), "cpu-ms/s")
	b.ReportMetric(0, "ns/op") // it is as long as it was told to be
}

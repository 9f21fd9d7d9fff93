package bench

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/runnertest"
)

// served is what a start of a second has on the GPUs where all is well: so many
// bytes from half a second on, which are there when it is ready.
func served(bytes int64) runnertest.Shape {
	return runnertest.Shape{Context: 500 * time.Millisecond, Plateau: 800 * time.Millisecond, Ready: &bytes, Peak: bytes}
}

// onGPUs runs an experiment of a dozen starts of each candidate, which has what
// shape says; nil of it is a start that nothing watched.
func onGPUs(t *testing.T, edit func(*Experiment), shape func(ref string, n int) *runnertest.Shape, refs ...string) *Result {
	t.Helper()
	script := noisy(5, map[string]time.Duration{"old": time.Second, "new": time.Second, "newer": time.Second})
	r := &runnertest.Scripted{Script: func(ref string, n int) (runner.Start, error) {
		s, err := script(ref, n)
		if given := shape(ref, n); given != nil {
			s = runnertest.OnGPU(s, *given)
		}
		if ref == "new" && n == 5 {
			failed := runnertest.Failed(1)
			failed.BeginAt, failed.GPU, failed.Marks = s.BeginAt, s.GPU, runner.Marks{}
			if at, seen := s.Marks[runner.GPUContext]; seen {
				failed.Marks[runner.GPUContext] = at
			}
			s = failed
		}
		return s, err
	}}
	e := experiment(r, func(s *Spec) { s.Pairs = 12 }, refs...)
	for i := range e.Candidates {
		e.Candidates[i].GPUs = &gpu.Request{All: true}
	}
	e.GPU = &GPUs{Devices: []GPUDevice{{Name: "scripted", Persistence: new(true)}}}
	if edit != nil {
		edit(&e)
	}
	result, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sameWhenReadAgain(t, result)
	return result
}

// gpuTold are the warnings that are about GPUs.
func gpuTold(r *Result) []string {
	return slices.DeleteFunc(slices.Clone(r.Warnings), func(w string) bool {
		return !strings.Contains(w, "GPU") && !strings.Contains(w, "persistence")
	})
}

// What is on the GPUs is compared as other witnesses are, and stays out of the
// phases that add up. Where all is well there is nothing to warn of.
func TestGPUWitnesses(t *testing.T) {
	r := onGPUs(t, nil, func(ref string, _ int) *runnertest.Shape {
		s := served(3e9)
		if ref == "new" {
			s = served(1e9)
			s.Context = 300 * time.Millisecond
		}
		return &s
	}, "old", "new")
	for metric, want := range map[string]float64{MetricGPUMemory: -2e9, MetricGPUPeak: -2e9} {
		c := r.On(metric)
		if len(c) != 1 || c[0].Shift == nil || *c[0].Shift != (Change{want, want, want}) || c[0].Pairs != 11 || c[0].Verdict != "" {
			t.Errorf("%s: %+v", metric, c)
		}
		if IsTime(metric) {
			t.Errorf("%s is no time", metric)
		}
	}
	for metric, want := range map[string]float64{"gpu_boot": -200, "gpu_load": 200} {
		c := r.On(metric)
		if len(c) != 1 || c[0].Shift != nil || math.Abs(c[0].ShiftMS.Estimate-want) > 10 || !IsTime(metric) {
			t.Errorf("%s: %+v", metric, c)
		}
	}
	for _, p := range r.Summary(1).Phases {
		if slices.Contains(runner.GPUPhaseNames(), p.Name) {
			t.Errorf("%s is among the phases that add up", p.Name)
		}
	}
	if told := gpuTold(r); len(told) > 0 {
		t.Errorf("warned of %q", told)
	}
}

// What was told in different ways is not compared.
func TestGPUSources(t *testing.T) {
	mixed := func(ref string, n int) *runnertest.Shape {
		s := served(2e9)
		if ref == "new" && n%2 == 0 {
			s.Source = gpu.ByDevice
			s.Others = []gpu.Process{{PID: 8, Memory: new(int64(1e9))}}
		}
		return &s
	}
	r := onGPUs(t, nil, mixed, "old", "new", "newer")
	for _, metric := range GPUWitnesses() {
		if c := r.On(metric); len(c) != 1 || c[0].Candidate != 2 {
			t.Errorf("%s: %+v", metric, c)
		}
	}
	if got := warned(t, r, "is not compared"); !strings.HasPrefix(got, "what old and new have on the GPUs is not compared") {
		t.Errorf("%q", got)
	}
	if got := warned(t, r, "by device only"); !strings.Contains(got, "in 6 of 36 starts") || !strings.Contains(got, "run mlbench in the host's pid namespace") {
		t.Errorf("%q", got)
	}
	if got := warned(t, r, "others were"); !strings.Contains(got, "in 6 of 36 starts: pid 8 (up to 1 GB): they take time") || !strings.HasSuffix(got, "is in the memory that is told by device") {
		t.Errorf("%q", got)
	}
}

// In a start that was not seen on a GPU nothing is known of its memory there.
func TestUnseen(t *testing.T) {
	r := onGPUs(t, nil, func(ref string, _ int) *runnertest.Shape {
		if ref == "new" {
			return &runnertest.Shape{Source: gpu.ByDevice, Ready: new(int64(0))}
		}
		s := served(2e9)
		return &s
	}, "old", "new")
	if c := r.On(MetricGPUMemory); len(c) > 0 {
		t.Errorf("%+v", c)
	}
	got := warned(t, r, "CPU")
	for _, want := range []string{"got GPUs and was never seen on one: new (11 starts, --gpus all). ", "torch.cuda.is_available()", "mlbench gpu IMAGE", "--request"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not contain %q", got, want)
		}
	}
	if len(gpuTold(r)) != 1 {
		t.Errorf("%q", gpuTold(r))
	}
}

func TestGPUWarnings(t *testing.T) {
	edited := func(edit func(*runnertest.Shape, string, int)) func(string, int) *runnertest.Shape {
		return func(ref string, n int) *runnertest.Shape {
			s := served(2e9)
			edit(&s, ref, n)
			return &s
		}
	}
	process := func(pid int, bytes *int64) gpu.Process { return gpu.Process{PID: pid, Memory: bytes} }
	for _, test := range []struct {
		name  string
		edit  func(*Experiment)
		shape func(string, int) *runnertest.Shape
		want  []string // what the only warning about GPUs has in it; none for no warning
	}{
		{"nothing watched", nil, func(string, int) *runnertest.Shape { return nil }, []string{"what the candidates have on their GPUs is not known"}},
		{"nothing to watch", func(e *Experiment) { e.Candidates[0].GPUs, e.Candidates[1].GPUs = nil, nil },
			func(string, int) *runnertest.Shape { return nil }, nil},
		{"parts missing", nil, func(string, int) *runnertest.Shape { return &runnertest.Shape{Context: time.Second / 2} }, nil},
		{"got none and used none", func(e *Experiment) { e.Candidates[0].GPUs, e.Candidates[1].GPUs = nil, nil },
			func(string, int) *runnertest.Shape { return new(runnertest.Shape) }, nil},
		{"persistence", func(e *Experiment) {
			e.GPU.Devices = []GPUDevice{{Persistence: new(false)}, {Persistence: new(true)}, {}}
		}, edited(func(*runnertest.Shape, string, int) {}), []string{"persistence mode is off on 1 of 3 GPUs", "nvidia-smi -pm 1"}},
		{"others", nil, edited(func(s *runnertest.Shape, _ string, n int) {
			if n == 3 || n == 4 {
				s.Others = []gpu.Process{process(8, nil), process(7, new(int64(n)*1e9)), process(9, new(int64(1e6))), process(2, nil)}
			}
		}), []string{"in 4 of 24 starts: pid 7 (up to 4 GB), pid 9 (up to 1 MB), pid 2 (memory not told) and 1 more: they take time"}},
		{"others, of the warm-up alone", nil, edited(func(s *runnertest.Shape, _ string, n int) {
			if n == 0 {
				s.Others = []gpu.Process{process(8, nil)}
			}
		}), nil},
		{"coarse", nil, edited(func(s *runnertest.Shape, _ string, _ int) { s.Every = 80 * time.Millisecond }), []string{"read only every 80 ms (median)"}},
		{"dear", nil, edited(func(s *runnertest.Shape, _ string, _ int) { s.CPU = 45 * time.Millisecond }), []string{"took 3 % of a processor"}},
		{"problems", nil, edited(func(s *runnertest.Shape, ref string, n int) {
			if ref == "old" && n > 0 && n%6 == 0 {
				s.Problems = []string{"gpu 1: no\x1b permission", "a", strings.Repeat("x", 1000), "b", "c"}[:n/6*2+1]
			}
		}), []string{"in 2 of 24 starts: gpu 1: no\uFFFD permission; a; " + strings.Repeat("x", maxProblem) + "…; and 2 more"}},
		{"loaded late", nil, edited(func(s *runnertest.Shape, ref string, _ int) {
			if ref == "new" {
				s.Plateau, s.Ready = 2*time.Second, new(int64(500e6))
			}
		}), []string{"stands: of new by ", " (median) in 11 of 11 starts, with 500 MB when ready and 2 GB at the most. "}},
		{"loaded late now and then", nil, edited(func(s *runnertest.Shape, ref string, n int) {
			if ref == "new" && n%3 == 0 {
				s.Plateau = 2 * time.Second
			}
		}), nil},
		{"within the time between two readings", nil, edited(func(s *runnertest.Shape, _ string, _ int) {
			s.Plateau, s.Every = 1080*time.Millisecond, 49*time.Millisecond*4
		}), []string{"read only every 196 ms"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := onGPUs(t, test.edit, test.shape, "old", "new")
			told := gpuTold(r)
			if test.want == nil && len(told) == 0 {
				return
			}
			if len(told) != 1 || test.want == nil {
				t.Fatalf("%q", told)
			}
			for _, want := range test.want {
				if !strings.Contains(told[0], want) {
					t.Errorf("%q does not contain %q", told[0], want)
				}
			}
		})
	}
}

func TestGPUMemoryGate(t *testing.T) {
	const limit = 10e9
	by := func(source gpu.Source, peak int64, others ...*int64) *runnertest.Shape {
		s := served(peak)
		s.Source = source
		for i, n := range others {
			s.Others = append(s.Others, gpu.Process{PID: 100 + i, Memory: n})
		}
		return &s
	}
	process, device := gpu.ByProcess, gpu.ByDevice
	gb := func(n float64) *int64 { return new(int64(n * 1e9)) }
	for _, test := range []struct {
		name  string
		shape func(n int) *runnertest.Shape // of the 12 measured starts, from 1; the fifth fails
		want  GateVerdict
		why   string
	}{
		{"fits", func(int) *runnertest.Shape { return by(process, 8e9) }, Pass, "8 GB at the most in 12 starts, at most 10 GB wanted"},
		{"to the byte", func(int) *runnertest.Shape { return by(process, limit) }, Pass, "10 GB at the most in 12 starts, at most 10 GB wanted"},
		{"a byte over", func(int) *runnertest.Shape { return by(process, limit+1) }, Fail, "10000000001 bytes at the most in 12 starts, at most 10000000000 bytes wanted"},
		{"the warm-up does not count", func(n int) *runnertest.Shape {
			if n == 0 {
				return by(process, 12e9)
			}
			return by(process, 8e9)
		}, Pass, "8 GB at the most"},
		{"a failed start counts", func(n int) *runnertest.Shape {
			if n == 5 {
				return by(process, 12e9)
			}
			return by(process, 8e9)
		}, Fail, "12 GB at the most in 12 starts"},
		{"others are told apart by process", func(int) *runnertest.Shape { return by(process, 8e9, gb(70), nil) }, Pass, "8 GB at the most in 12 starts, at most 10 GB wanted"},
		{"some not watched", func(n int) *runnertest.Shape {
			if n > 10 {
				return nil
			}
			return by(process, 8e9)
		}, Pass, "8 GB at the most in 10 starts, at most 10 GB wanted; of 2 others it is not known, or not wholly"},
		{"none watched", func(int) *runnertest.Shape { return nil }, Unknown, "nothing tells its GPU memory: NVIDIA's driver could not be asked (mlbench gpu says why)"},
		{"none seen", func(int) *runnertest.Shape { return new(runnertest.Shape) }, Unknown, "none of 12 watched starts was seen on a GPU"},
		{"by device, alone", func(int) *runnertest.Shape { return by(device, 8e9) }, Pass, "8 GB at the most in 12 starts, at most 10 GB wanted; in 12 of them told by device, so by whomever"},
		{"by device, alone, over", func(int) *runnertest.Shape { return by(device, 12e9) }, Fail, "12 GB at the most"},
		{"by device, others too small to matter", func(int) *runnertest.Shape { return by(device, 8e9, gb(1), gb(0.5)) }, Pass, ", while others had up to 1.5 GB there"},
		{"by device, others may hide an excess", func(int) *runnertest.Shape { return by(device, 8e9, gb(3)) }, Unknown, ", while others had up to 3 GB there, which alone could decide it"},
		{"by device, others may be the excess", func(int) *runnertest.Shape { return by(device, 12e9, gb(3)) }, Unknown, ", while others had up to 3 GB there, which alone could decide it"},
		{"by device, over without others", func(int) *runnertest.Shape { return by(device, 15e9, gb(3)) }, Fail, ", while others had up to 3 GB there"},
		{"by device, one start over by itself", func(n int) *runnertest.Shape {
			if n == 2 {
				return by(device, 12e9)
			}
			return by(device, 8e9, gb(3))
		}, Fail, "12 GB at the most"},
		{"by device, others do not tell", func(int) *runnertest.Shape { return by(device, 1e9, nil) }, Unknown, "others had some, nobody knows how much, there, which alone could decide it"},
		{"not all read", func(int) *runnertest.Shape {
			s := by(process, 8e9)
			s.Problems = []string{"gpu 1: no permission"}
			return s
		}, Unknown, "; of no start all could be read"},
		{"not all read, over", func(int) *runnertest.Shape {
			s := by(process, 12e9)
			s.Problems = []string{"gpu 1: no permission"}
			return s
		}, Fail, "12 GB at the most"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := onGPUs(t, func(e *Experiment) { e.Spec.MaxGPUBytes = new(int64(limit)) }, func(ref string, n int) *runnertest.Shape {
				if ref == "old" {
					return by(process, 70e9) // a baseline is what it is
				}
				return test.shape(n)
			}, "old", "new")
			i := slices.IndexFunc(r.Gates, func(g Gate) bool { return g.Name == GateGPUMemory })
			if i < 0 || i != len(r.Gates)-1 {
				t.Fatalf("%+v", r.Gates)
			}
			if g := r.Gates[i]; g.Candidate != 1 || g.Verdict != test.want || !strings.Contains(g.Why, test.why) {
				t.Errorf("%+v, want %s, %q", g, test.want, test.why)
			}
			r.Spec.FailOn, r.Spec.AllowFailures = []string{GateGPUMemory}, 1
			if err := r.Judge(); err != nil || r.Verdict != test.want {
				t.Errorf("%v, %s", err, r.Verdict)
			}
		})
	}
	t.Run("under load", func(t *testing.T) {
		r := onGPUs(t, func(e *Experiment) { e.Spec.MaxGPUBytes = new(int64(limit)) },
			func(string, int) *runnertest.Shape { return by(process, 8e9) }, "old")
		loaded := r.Starts[len(r.Starts)-1]
		use := *loaded.GPU
		loaded.Role, loaded.GPU, use.PeakBytes = RoleLoad, &use, 12e9
		r.Starts = append(r.Starts, loaded)
		if err := r.Judge(); err != nil {
			t.Fatal(err)
		}
		if g := r.Gates[len(r.Gates)-1]; g.Verdict != Fail || !strings.Contains(g.Why, "12 GB at the most in 13 starts (1 of them under load), at most 10 GB wanted") {
			t.Errorf("%+v", g)
		}
	})
	t.Run("got none", func(t *testing.T) {
		r := onGPUs(t, func(e *Experiment) { e.Spec.MaxGPUBytes, e.GPU, e.Candidates[0].GPUs = new(int64(limit)), nil, nil },
			func(string, int) *runnertest.Shape { return nil }, "old")
		if g := r.Gates[len(r.Gates)-1]; g.Verdict != Unknown || !strings.Contains(g.Why, "no GPU was asked for (--gpus)") {
			t.Errorf("%+v", g)
		}
	})
	t.Run("by default", func(t *testing.T) {
		if !slices.Contains(DefaultSpec().FailOn, GateGPUMemory) {
			t.Error("it is told and does not count")
		}
		s := DefaultSpec()
		s.MaxGPUBytes = new(int64(-1))
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), "max_gpu_bytes: ") {
			t.Error(err)
		}
	})
}

// What of others was given back does not make a start's own memory negative.
func TestRecordGPU(t *testing.T) {
	s := runnertest.OnGPU(runnertest.ReadyIn(time.Second), runnertest.Shape{
		Source: gpu.ByDevice, Context: time.Second / 2, Plateau: time.Second, Ready: new(int64(-5)), Peak: -3,
	})
	r := record(s, 0, RolePair, 0, 0)
	if *r.GPUMemoryBytes != 0 || r.GPU.PeakBytes != 0 || r.GPU.check() != nil {
		t.Errorf("%d, %+v", *r.GPUMemoryBytes, r.GPU)
	}
	if want := []GPUPoint{{MS: 500}, {MS: 1000}}; !reflect.DeepEqual(r.GPU.Memory, want) {
		t.Errorf("%+v, want %+v", r.GPU.Memory, want)
	}
	if at := r.Marks[runner.GPUContext]; at != (Mark{500, 15, "nvml-device"}) {
		t.Errorf("%+v", at)
	}
	if r.PhasesMS["gpu_boot"] != 250 || r.PhasesMS["gpu_load"] != 500 {
		t.Errorf("%+v", r.PhasesMS)
	}
	if r = record(runner.Start{GPU: new(gpu.Use)}, 0, RolePair, 0, 0); r.GPU == nil || r.GPUMemoryBytes != nil {
		t.Errorf("%+v", r)
	}
	if r = record(runner.Start{}, 0, RolePair, 0, 0); r.GPU != nil {
		t.Errorf("%+v", r)
	}
}

func TestReadNonsenseOfGPUs(t *testing.T) {
	r := onGPUs(t, nil, func(string, int) *runnertest.Shape {
		s := served(1e9)
		s.Others = []gpu.Process{{PID: 7, Memory: new(int64(77))}}
		return &s
	}, "old", "new")
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	for was, want := range map[string]string{
		`"peak_bytes": 1000000000`:       "starts[0].gpu: peak_bytes",
		`"gpu_memory_bytes": 1000000000`: "starts[0].gpu_memory_bytes: -1 is negative",
		`"bytes": 1000000000`:            "starts[0].gpu.memory[1].bytes: -1 is negative",
		`"memory_bytes": 77`:             "starts[0].gpu.others[0].memory_bytes: -1 is negative",
		`"samples": 100`:                 "starts[0].gpu: peak_bytes",
	} {
		name, _, _ := strings.Cut(was, ":")
		_, err := Read(strings.NewReader(strings.Replace(b.String(), was, name+`: -1`, 1)), "r.json")
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", was, err)
		}
	}
	for want, u := range map[string]GPUUse{
		"gpu.source":                 {},
		"gpu.memory[0].busy_percent": {Source: gpu.ByProcess, Memory: []GPUPoint{{Busy: new(-900)}}},
	} {
		if err := u.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Candidates with other GPUs, or with none, are compared, and it is said what of.
func TestMixedGPUs(t *testing.T) {
	limit := int64(4e9)
	shape := func(ref string, _ int) *runnertest.Shape {
		if ref == "new" {
			return nil
		}
		s := served(3e9)
		return &s
	}
	r := onGPUs(t, func(e *Experiment) {
		e.Spec.MaxGPUBytes = &limit
		e.Candidates[1].GPUs = nil
	}, shape, "old", "new", "newer")
	const want = "candidates have different GPUs (old all, new none, newer all): a change between them is that of the hardware too"
	if got := gpuTold(r); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("%q, want %q", got, want)
	}
	var gates []int
	for _, g := range r.Gates {
		if g.Name == GateGPUMemory {
			gates = append(gates, g.Candidate)
		}
	}
	if !slices.Equal(gates, []int{2}) {
		t.Errorf("gates of GPU memory: of %v, want that of the one judged that has GPUs", gates)
	}
	for _, c := range r.Comparisons {
		if strings.HasPrefix(c.Metric, "gpu") && c.Candidate == 1 {
			t.Errorf("%s is compared with that of one without GPUs", c.Metric)
		}
	}
	if n := len(r.On(MetricReady)); n != 2 {
		t.Errorf("%d comparisons of ready", n)
	}
}

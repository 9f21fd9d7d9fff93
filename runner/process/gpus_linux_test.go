//go:build cgo

package process

import (
	"errors"
	"strings"
	"testing"
	"time"

	experiment "mlbench/bench"
	"mlbench/gpu"
	"mlbench/gpu/nvml"
	"mlbench/gpu/nvml/nvmltest"
	"mlbench/runner"
)

// watcher is a runner that watches the stand-in's GPUs.
func watcher(t *testing.T, uuids ...string) *Runner {
	t.Helper()
	m, err := nvml.Open(t.Context(), uuids)
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{GPUs: &gpu.Sampler{Meter: m}}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// onGPUs is a candidate that gets all GPUs.
func onGPUs(t *testing.T, flags ...string) runner.Candidate {
	t.Helper()
	c := candidate(t, "", flags...)
	c.GPUs = &gpu.Request{All: true}
	return c
}

// startOn starts a candidate once.
func startOn(t *testing.T, r *Runner, timeout time.Duration, c runner.Candidate) (runner.Start, error) {
	t.Helper()
	c, err := r.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Start(t.Context(), c, timeout)
	if left := bench().Left(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return s, err
}

const mb = 1_000_000

// TestGPUs starts a program that takes memory of two GPUs in steps, beside
// another's process.
func TestGPUs(t *testing.T) {
	d := nvmltest.Inside(t, 2)
	if d == nil {
		return
	}
	tenant := d.Tenant(t, "0", 77*mb)
	s, err := startOn(t, watcher(t), runner.DefaultTimeout,
		onGPUs(t, "-gpu", "0:300@300ms,1:100@300ms,0:500@300ms,0:-500@300ms", "-listen-after", "300ms"))
	if err != nil || s.Outcome != runner.OutcomeReady {
		t.Fatalf("%v, %+v", err, s)
	}
	u := s.GPU
	if u == nil || u.Source != gpu.ByProcess || u.Ready == nil || *u.Ready != 400*mb || u.Peak != 900*mb || len(u.Problems) > 0 {
		t.Fatalf("%+v", u)
	}
	var memory []int64
	for _, p := range u.Points {
		memory = append(memory, p.Memory/mb)
	}
	if want := []int64{0, 300, 400, 900, 400}; !equalInts(memory, want) {
		t.Errorf("points %v, want %v", memory, want)
	}
	started, context, plateau, ready := s.Marks[runner.Started], s.Marks[runner.GPUContext], s.Marks[runner.GPUPlateau], s.Marks[runner.Ready]
	if !(started.At <= context.At && context.At < plateau.At && plateau.At < ready.At) || context.Source != "nvml-process" || context.Resolution <= 0 || plateau.Resolution <= 0 {
		t.Errorf("%+v", s.Marks)
	}
	if context.At < 300*time.Millisecond || plateau.At < 1200*time.Millisecond {
		t.Errorf("seen before it was: %+v", s.Marks)
	}
	if len(u.Others) != 1 || u.Others[0].PID != tenant || *u.Others[0].Memory != 77*mb {
		t.Errorf("others %+v", u.Others)
	}
	if u.Samples < 3 || u.Every <= 0 || u.CPU <= 0 {
		t.Errorf("%d samples every %v, %v of CPU", u.Samples, u.Every, u.CPU)
	}
}

func equalInts(a, b []int64) bool {
	for i := range a {
		if len(a) != len(b) || a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// What a daemon of the candidate takes, of another group, is the candidate's.
func TestGPUsOfDaemon(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	daemon := onGPUs(t, "-gpu", "0:60@100ms", "-exit-after", "1h").Ref
	c := onGPUs(t, "-gpu", "0:40@100ms", "-listen-after", "300ms")
	c.Ref = "setsid " + daemon + " & exec " + c.Ref
	s, err := startOn(t, watcher(t), runner.DefaultTimeout, c)
	if err != nil || s.GPU == nil || s.GPU.Ready == nil || *s.GPU.Ready != 100*mb || len(s.GPU.Others) > 0 {
		t.Errorf("%v, %+v", err, s.GPU)
	}
}

// Of a divided GPU the instance that the candidate gets is watched alone.
func TestGPUInstance(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	d.Divide(t, 0, 2, 7)
	d.Tenant(t, "0.2", 11*mb)
	neighbour := d.Tenant(t, "0.7", 7*mb)
	s, err := startOn(t, watcher(t, d.InstanceUUID(0, 7)), runner.DefaultTimeout, onGPUs(t, "-gpu", "0.7:50@200ms", "-listen-after", "200ms"))
	if err != nil || s.GPU == nil || s.GPU.Ready == nil || *s.GPU.Ready != 50*mb || s.GPU.Source != gpu.ByProcess {
		t.Fatalf("%v, %+v", err, s.GPU)
	}
	if o := s.GPU.Others; len(o) != 1 || o[0].PID != neighbour || o[0].GPUInstance == nil || *o[0].GPUInstance != 7 {
		t.Errorf("others %+v", o)
	}
}

// Where the driver's ids are of another namespace the GPUs' memory tells, and
// neither the candidate nor what is there already is taken for the other.
func TestGPUsByDevice(t *testing.T) {
	d := nvmltest.Inside(t, 2)
	if d == nil {
		return
	}
	tenant := d.Tenant(t, "1", 50*mb)
	for script, others := range map[string]int{"pids 10000000": 1, "processes 3": 0} {
		d.Script(t, script, "base 123456789")
		s, err := startOn(t, watcher(t), runner.DefaultTimeout, onGPUs(t, "-gpu", "0:300@200ms,1:100@100ms", "-listen-after", "100ms"))
		if err != nil || s.GPU == nil {
			t.Fatalf("%v, %+v", err, s)
		}
		u := s.GPU
		if u.Source != gpu.ByDevice || u.Ready == nil || *u.Ready != 400*mb || u.Peak != 400*mb || s.Marks[runner.GPUContext].Source != "nvml-device" || s.Marks[runner.GPUPlateau].At <= s.Marks[runner.GPUContext].At {
			t.Errorf("%s: %+v, %+v", script, u, s.Marks)
		}
		if len(u.Others) != others || others > 0 && u.Others[0].PID != tenant+10000000 {
			t.Errorf("%s: others %+v", script, u.Others)
		}
	}
}

// A GPU that is lost fails the environment and not the candidate, and what was
// seen until then is told.
func TestGPULost(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		for !d.Held(t, "0") {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond) // it is seen meanwhile
		d.Script(t, "gpu0 15")
	}()
	s, err := startOn(t, watcher(t, d.UUID(0)), runner.DefaultTimeout, onGPUs(t, "-gpu", "0:300@100ms", "-listen-after", "2s"))
	<-lost
	var trouble *gpu.TroubleError
	if !errors.Is(err, runner.ErrEnvironment) || !errors.Is(err, gpu.ErrLost) || !errors.As(err, &trouble) || !strings.Contains(err.Error(), "while fixture started: GPU 0 ("+d.UUID(0)+"): the GPU is lost") {
		t.Errorf("%v", err)
	}
	if s.GPU == nil || s.GPU.Peak != 300*mb {
		t.Errorf("%+v", s.GPU)
	}
}

// A driver that hangs ends no start late but by the seconds that it is waited
// for, and fails the environment.
func TestGPUSilent(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	r := watcher(t)
	d.Script(t, "hang 8000")
	s, err := startOn(t, r, runner.DefaultTimeout, onGPUs(t))
	if !errors.Is(err, runner.ErrEnvironment) || !errors.Is(err, gpu.ErrSilent) || s.Outcome != runner.OutcomeReady || s.Stop > 5*time.Second {
		t.Errorf("%v, %+v", err, s)
	}
}

// What may not be asked is a problem of the start, which goes on.
func TestGPUsWithoutPermission(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	d.Script(t, "processes 4")
	s, err := startOn(t, watcher(t), runner.DefaultTimeout, onGPUs(t, "-gpu", "0:300@200ms", "-listen-after", "100ms"))
	if err != nil || s.Outcome != runner.OutcomeReady || s.GPU == nil {
		t.Fatalf("%v, %+v", err, s)
	}
	if u := s.GPU; u.Source != gpu.ByDevice || *u.Ready != 300*mb || len(u.Problems) != 1 || !strings.Contains(u.Problems[0], "no permission to ask NVIDIA's driver") {
		t.Errorf("%+v", u)
	}
}

// A failed start says what it had of the GPUs too; a job's memory at its end
// says nothing.
func TestGPUsOfThoseThatEnd(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	flags := []string{"-gpu", "0:300@200ms", "-exit-after", "200ms"}
	s, err := startOn(t, watcher(t), runner.DefaultTimeout, onGPUs(t, append(flags, "-exit-code", "3")...))
	if err != nil || s.Outcome != runner.OutcomeExited || s.GPU == nil || s.GPU.Peak != 300*mb || s.GPU.Ready != nil || s.Marks[runner.GPUContext].At == 0 {
		t.Errorf("%v, %+v, %+v", err, s, s.GPU)
	}
	job := onGPUs(t, flags...)
	job.Ready = runner.Rule{Kind: runner.Exit}
	s, err = startOn(t, watcher(t), runner.DefaultTimeout, job)
	if err != nil || s.Outcome != runner.OutcomeReady || s.GPU == nil || s.GPU.Peak != 300*mb || s.GPU.Ready != nil {
		t.Errorf("%v, %+v, %+v", err, s, s.GPU)
	}
}

// Who gets no GPU is not watched.
func TestNoGPUs(t *testing.T) {
	if nvmltest.Inside(t, 1) == nil {
		return
	}
	s, err := startOn(t, watcher(t), runner.DefaultTimeout, candidate(t, ""))
	if err != nil || s.GPU != nil {
		t.Errorf("%v, %+v", err, s.GPU)
	}
}

// TestGPUExperiment has what was seen in a result.
func TestGPUExperiment(t *testing.T) {
	d := nvmltest.Inside(t, 1)
	if d == nil {
		return
	}
	small, large := onGPUs(t, "-gpu", "0:100@100ms", "-listen-after", "50ms"), onGPUs(t, "-gpu", "0:300@100ms", "-listen-after", "50ms")
	small.Name, large.Name = "small", "large"
	spec := experiment.DefaultSpec()
	spec.Pairs, spec.Cold = 2, experiment.Warm
	res, err := experiment.Experiment{Spec: spec, Runner: watcher(t), Candidates: []runner.Candidate{large, small}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range res.Starts {
		want := int64(300 * mb)
		if s.Candidate == 1 {
			want = 100 * mb
		}
		if s.GPUMemoryBytes == nil || *s.GPUMemoryBytes != want || s.GPU == nil || s.GPU.PeakBytes != want || s.Marks[runner.GPUContext].Source != "nvml-process" {
			t.Errorf("%+v, %+v", s, s.GPU)
		}
	}
	if len(res.Starts) < 4 {
		t.Errorf("%d starts", len(res.Starts))
	}
}

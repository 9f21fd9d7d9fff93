package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
	"mlbench/gpu/nvml"
	"mlbench/runner"
)

const resnetCPU = "gpu-resnet:cpu"

// A service is a container of gpu-resnet, asked from inside, as it may have no
// network.
type service string

// startService starts an image; the test removes the container.
func startService(t *testing.T, image string, flags ...string) service {
	t.Helper()
	name := fmt.Sprintf("mlbench-test-resnet-%d-%d", os.Getpid(), time.Now().UnixNano())
	args := append([]string{"run", "--detach", "--rm", "--name", name, "--label", "mlbench-test=resnet"}, flags...)
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", "--volumes", name).Run() })
	if out, err := exec.CommandContext(t.Context(), "docker", append(args, image)...).CombinedOutput(); err != nil {
		t.Fatalf("docker run %s: %v: %s", image, err, out)
	}
	return service(name)
}

// client waits until the service listens, asks it, and prints the answer's code
// and body. The request's body, if it has one, is on stdin.
const client = `
import sys, time, urllib.error, urllib.request
method, path = sys.argv[1:]
body = sys.stdin.buffer.read() if method == "POST" else None
for _ in range(600):
    request = urllib.request.Request("http://127.0.0.1:8000" + path, body, {"Content-Type": "application/json"}, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    except urllib.error.URLError as e:
        if isinstance(e.reason, ConnectionRefusedError):
            time.sleep(0.1)
            continue
        print(0, e.reason)
        break
    print(answer.getcode(), answer.read().decode())
    break
`

// ask returns what the service answers; code 0 is a connection that it closed.
func (s service) ask(t *testing.T, method, path, body string) (code int, answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "exec", "--interactive", string(s), "python3", "-c", client, method, path)
	cmd.Stdin = strings.NewReader(body)
	out, err := cmd.Output()
	if err != nil {
		log, _ := exec.Command("docker", "logs", string(s)).CombinedOutput()
		t.Fatalf("%s %s: %v\n%s", method, path, err, log)
	}
	if _, err := fmt.Sscan(string(out), &code); err != nil {
		t.Fatalf("%s %s: %q", method, path, out)
	}
	_, answer, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return code, answer
}

// run is what a command prints in the service's container.
func (s service) run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", append([]string{"exec", string(s)}, command...)...).Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// needImage skips where an image has not been built.
func needImage(t *testing.T, image string) {
	t.Helper()
	needEngine(t)
	if err := exec.Command("docker", "image", "inspect", image).Run(); err != nil {
		lacking(t, "needs %s (make images): %v", image, err)
	}
}

// The service's code is the same in all variants: what it does without a GPU is
// all of it that can be tried where there is none.
func TestResNetWithoutGPU(t *testing.T) {
	needImage(t, resnetCPU)
	s := startService(t, resnetCPU, "--network", "none", "--read-only", "--tmpfs", "/tmp")
	if code, answer := s.ask(t, "GET", "/health", ""); code != 200 || !strings.Contains(answer, `"cpu"`) {
		t.Fatalf("/health: %d %s", code, answer)
	}
	if id := s.run(t, "id", "-u"); id != "10001" {
		t.Errorf("it runs as %s", id)
	}
	memory := s.memory(t)
	if memory.GPU != nil || memory.CUDA != nil || memory.Torch == "" {
		t.Errorf("/memory: %+v", memory)
	}

	_, first := s.ask(t, "POST", "/predict", `{"seed": 1}`)
	_, again := s.ask(t, "POST", "/predict", `{"seed": 1}`)
	_, other := s.ask(t, "POST", "/predict", `{"seed": 2}`)
	var told struct {
		Classes []struct{ Class, Score *json.Number }
	}
	if err := json.Unmarshal([]byte(first), &told); err != nil || len(told.Classes) != 5 || told.Classes[0].Score == nil {
		t.Errorf("seed 1: %q: %v", first, err)
	}
	if first != again || first == other {
		t.Errorf("seed 1 gives %s and then %s, seed 2 %s", first, again, other)
	}
	grey := base64.StdEncoding.EncodeToString(make([]byte, 3*32*32))
	if code, answer := s.ask(t, "POST", "/predict", `{"image": "`+grey+`"}`); code != 200 {
		t.Errorf("an image: %d %s", code, answer)
	}
	for body, want := range map[string]int{
		"":                               422,
		"not json":                       422,
		"[1]":                            422,
		"{}":                             422,
		`{"seed": -1}`:                   422,
		`{"seed": 1, "image": "AAAA"}`:   422,
		`{"image": "AAAA"}`:              422,
		`{"image": "%%%%"}`:              422,
		strings.Repeat(" ", 17<<10):      413,
		strings.Repeat("[", 16<<10):      400, // too deep for its parser
		`{"seed": 99999999999999999999}`: 422,
	} {
		if code, answer := s.ask(t, "POST", "/predict", body); code != want {
			t.Errorf("%.30q: %d %.200s, want %d", body, code, answer, want)
		}
	}
	// It stops reading long before the end, which a client may see as a broken
	// connection.
	if code, _ := s.ask(t, "POST", "/predict", strings.Repeat("x", 8<<20)); code != 413 && code != 0 {
		t.Errorf("8 MiB: %d", code)
	}
	if code, answer := s.ask(t, "GET", "/health", ""); code != 200 {
		t.Errorf("/health after all this: %d %s", code, answer)
	}
}

// The weights come from a seed: whoever makes them has the same. Their file's
// name is in the file.
func TestResNetWeights(t *testing.T) {
	needImage(t, resnetCPU)
	out, err := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--network", "none", resnetCPU, "sh", "-c",
		`mkdir /tmp/1 /tmp/2 && for i in 1 2; do python3 model.py /tmp/$i/weights.pt || exit; done
		sha256sum weights.pt /tmp/1/weights.pt /tmp/2/weights.pt | cut -c 1-64`).Output()
	if err != nil {
		t.Fatal(err)
	}
	hashes := strings.Fields(string(out))
	if len(hashes) != 3 || len(hashes[0]) != 64 || hashes[0] != hashes[1] || hashes[1] != hashes[2] {
		t.Errorf("the image's weights and two made anew: %v", hashes)
	}
}

// mlbench finds out by itself how the image is started and asked.
func TestResNetMeasured(t *testing.T) {
	needImage(t, resnetCPU)
	r := measured(t, "run", resnetCPU, "--cold", "warm", "--pairs", "1", "--request", "POST /predict", "--body", `{"seed": 1}`)
	for _, s := range r.Starts {
		if _, ok := s.Marks[runner.FirstResponse]; s.Outcome != runner.OutcomeReady || !ok {
			t.Errorf("a start: %s %s, marks %v", s.Outcome, s.Error, s.Marks)
		}
	}
}

// measured runs mlbench and reads its result.
func measured(t *testing.T, args ...string) bench.Result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.json")
	if out, err := exec.CommandContext(t.Context(), "mlbench", append(args, "--out", file)...).CombinedOutput(); err != nil {
		t.Fatalf("mlbench %v: %v\n%s", args, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r bench.Result
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// What /memory tells.
type torchMemory struct {
	Device, Torch string
	CUDA          *string
	GPU           *struct {
		Name                             string
		Allocated, Reserved, Free, Total int64
	}
}

func (s service) memory(t *testing.T) torchMemory {
	t.Helper()
	code, answer := s.ask(t, "GET", "/memory", "")
	var m torchMemory
	if err := json.Unmarshal([]byte(answer), &m); code != 200 || err != nil {
		t.Fatalf("/memory: %d %q: %v", code, answer, err)
	}
	return m
}

// On a GPU: the marks are in their order, as the service is ready only with its
// model loaded; and NVIDIA's driver tells of the memory what CUDA tells PyTorch,
// which is within 5 %, the context included in both. PyTorch's own two figures
// leave out the context, and are less.
func TestResNetOnGPU(t *testing.T) {
	if _, err := nvml.Host(t.Context()); err != nil {
		t.Skip("needs a GPU: ", err)
	}
	needEngine(t)
	var images []string
	for _, variant := range []string{"lean", "runtime", "devel"} {
		if image := "gpu-resnet:" + variant; exec.Command("docker", "image", "inspect", image).Run() == nil {
			images = append(images, image)
		}
	}
	if len(images) == 0 {
		t.Skip("needs gpu-resnet:lean, :runtime or :devel (mlbench scenario build gpu-resnet, which needs a registry)")
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--gpus", "device=0", "--entrypoint", "true", images[0]).CombinedOutput(); err != nil {
		t.Skipf("needs an engine that gives GPUs to containers (nvidia-container-toolkit): %v: %s", err, out)
	}
	for _, image := range images {
		t.Run(image, func(t *testing.T) { onGPU(t, image) })
	}
}

func onGPU(t *testing.T, image string) {
	r := measured(t, "run", image, "--gpus", "device=0", "--cold", "warm", "--pairs", "1", "--request", "POST /predict", "--body", `{"seed": 1}`)
	s := r.Starts[len(r.Starts)-1]
	if s.Outcome != runner.OutcomeReady {
		t.Fatalf("%s: %s", s.Outcome, s.Error)
	}
	if s.GPU == nil || s.GPUMemoryBytes == nil {
		t.Fatalf("nothing is known of its GPU: %+v", s.GPU)
	}
	if len(s.GPU.Others) > 0 {
		t.Skipf("needs a GPU to itself: %+v use it too", s.GPU.Others)
	}
	began, ctx, plateau, ready := s.Marks[runner.Started], s.Marks[runner.GPUContext], s.Marks[runner.GPUPlateau], s.Marks[runner.Ready]
	// What a sample shows lies up to a resolution before it.
	if ctx.MS <= began.MS || plateau.MS < ctx.MS || ready.MS < plateau.MS-plateau.ResolutionMS {
		t.Errorf("started %.0f ms, context %.0f, plateau %.0f (±%.0f), ready %.0f", began.MS, ctx.MS, plateau.MS, plateau.ResolutionMS, ready.MS)
	}
	running := startService(t, image, "--gpus", "device=0", "--network", "none")
	m := running.memory(t)
	if m.GPU == nil {
		t.Fatalf("/memory: %+v", m)
	}
	told, cuda := *s.GPUMemoryBytes, m.GPU.Total-m.GPU.Free
	if diff := max(told-cuda, cuda-told); diff*20 > cuda {
		t.Errorf("%d bytes by the driver, %d by CUDA", told, cuda)
	}
	if m.GPU.Allocated > m.GPU.Reserved || m.GPU.Reserved > told {
		t.Errorf("PyTorch has %d of %d bytes, the driver says %d", m.GPU.Allocated, m.GPU.Reserved, told)
	}
}

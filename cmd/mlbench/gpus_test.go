package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner/runnertest"
)

// idleMeter tells of GPUs that nobody uses.
type idleMeter struct {
	devices []gpu.Device
	closed  bool
}

func (m *idleMeter) Devices() []gpu.Device { return m.devices }
func (m *idleMeter) Close() error          { m.closed = true; return nil }

func (m *idleMeter) Read() ([]gpu.Load, error) {
	if m.closed {
		return nil, errors.New("read after Close")
	}
	return make([]gpu.Load, len(m.devices)), nil
}

// metered puts a meter in the place of the driver's, and tells which GPUs were to
// be watched.
func metered(t *testing.T, err error) (ids *[]string, m *idleMeter) {
	t.Helper()
	real := openMeter
	t.Cleanup(func() { openMeter = real })
	ids, m = new([]string), &idleMeter{}
	openMeter = func(_ context.Context, uuids []string) (gpu.Meter, error) {
		*ids = uuids
		if err != nil {
			return nil, err
		}
		m.devices = make([]gpu.Device, len(uuids))
		return m, nil
	}
	return ids, m
}

// told runs the command line.
func told(t *testing.T, args ...string) (code int, hints string) {
	t.Helper()
	var out, said bytes.Buffer
	code = run(t.Context(), streams{in: strings.NewReader(""), out: &out, err: &said}, args)
	return code, said.String()
}

// gpuHost has a GPU that is asleep, one with a tenant, one that is divided, and a
// lost one.
func gpuHost(t *testing.T, driver string) gpu.Host {
	t.Helper()
	d, err := gpu.ParseDriver(driver)
	if err != nil {
		t.Fatal(err)
	}
	a100 := gpu.Device{Name: "NVIDIA A100-SXM4-40GB", Capability: gpu.Capability{Major: 8}, Memory: &gpu.Memory{Total: 42e9}, Persistence: new(true)}
	devices := []gpu.Device{a100, a100, a100, {Lost: true}}
	for i := range devices {
		devices[i].Index = i
	}
	devices[0].UUID, devices[0].Persistence = "GPU-aa", new(false)
	devices[1].UUID, devices[1].Processes = "GPU-bb", []gpu.Process{{PID: 4711, Kind: "compute", Memory: new(int64(3e9))}}
	devices[2].UUID = "GPU-cc"
	devices[2].MIG = &gpu.MIG{Enabled: true, Instances: []gpu.Instance{{UUID: "MIG-dd", Memory: &gpu.Memory{Total: 5e9}}}}
	return gpu.Host{Driver: d, From: gpu.FromDriver, Devices: devices}
}

// Which GPUs candidates get is found out before the first start.
func TestGPUsOfAProcess(t *testing.T) {
	fixture := runnertest.Fixture(t)
	host := gpuHost(t, "550.54.15")
	none := &gpu.TroubleError{Kind: gpu.ErrPermission, Tried: "nvmlInit", Remedy: "run as root"}
	for _, test := range []struct {
		name    string
		host    gpu.Host
		err     error // of the driver
		meter   error
		gpus    string
		flags   []string
		code    int
		watched []string // and in the result
		says    string
	}{
		{"one", host, nil, nil, "1", nil, exitOK, []string{"GPU-aa"}, "--gpus: GPU 0: persistence mode is off"},
		{"another tenant", host, nil, nil, "device=GPU-b", nil, exitOK, []string{"GPU-bb"}, "GPU 1: process 4711 (compute) is on it and has 3000 MB of its memory: what it does there is noise"},
		{"an instance", host, nil, nil, "device=2:0", nil, exitOK, []string{"MIG-dd"}, ""},
		{"all", host, nil, nil, "all", nil, exitOK, []string{"GPU-aa", "GPU-bb", "MIG-dd"}, "left out of all GPUs: GPU 3: the GPU is lost"},
		{"more than there are", host, nil, nil, "5", nil, exitEnvironment, nil, "--gpus 5: 5 GPUs are asked for, and the host has GPU 0 (NVIDIA A100-SXM4-40GB, GPU-aa)"},
		{"an unknown UUID", host, nil, nil, "device=GPU-ee", nil, exitEnvironment, nil, "there is no GPU-ee: the host has GPU 0 ("},
		{"a lost GPU", host, nil, nil, "device=3", nil, exitEnvironment, nil, "GPU 3: the GPU is lost: see dmesg for its Xid, end what uses it, and reset it"},
		{"a divided GPU", host, nil, nil, "device=2", nil, exitEnvironment, nil, "name an instance of it, 2:0 MIG-dd"},
		{"no permission", gpu.Host{}, none, nil, "all", nil, exitEnvironment, nil, "--gpus all: no permission to ask NVIDIA's driver (nvmlInit): run as root\n--no-preflight goes on"},
		{"no GPU", gpu.Host{}, nil, nil, "all", nil, exitEnvironment, nil, "the driver tells of none"},
		{"none to watch", host, nil, none, "1", nil, exitEnvironment, []string{"GPU-aa"}, "no permission"},

		{"no permission, passed by", gpu.Host{}, none, nil, "all", []string{"--no-preflight"}, exitOK, nil, "going on without figures of GPU memory, as --no-preflight says"},
		{"an unknown UUID, passed by", host, nil, nil, "device=GPU-ee", []string{"--no-preflight"}, exitOK, nil, "there is no GPU-ee"},
		{"none to watch, passed by", host, nil, none, "1", []string{"--no-preflight"}, exitOK, []string{"GPU-aa"}, "no permission"},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked(t, test.host, test.err)
			watched, meter := metered(t, test.meter)
			out := filepath.Join(t.TempDir(), "r.json")
			args := append([]string{"run", "--runner", "process", "--pairs", "1", "--gpus", test.gpus, "--out", out, fixture}, test.flags...)
			code, said := told(t, args...)
			if code != test.code || !strings.Contains(said, test.says) || !slices.Equal(*watched, test.watched) {
				t.Fatalf("exit code %d, want %d; watched %q, want %q; want %q of:\n%s", code, test.code, *watched, test.watched, test.says, said)
			}
			if opened := meter.devices != nil; opened != meter.closed {
				t.Errorf("the meter was opened: %v, and closed: %v", opened, meter.closed)
			}
			text, err := os.ReadFile(out)
			if code != exitOK {
				if err == nil {
					t.Error("there is a result")
				}
				return
			}
			var r bench.Result
			if err := errors.Join(err, json.Unmarshal(text, &r)); err != nil {
				t.Fatal(err)
			}
			var uuids []string
			if r.GPU != nil {
				for _, d := range r.GPU.Devices {
					uuids = append(uuids, d.UUID)
				}
			}
			if !slices.Equal(uuids, test.watched) {
				t.Errorf("the result tells of %q, want %q", uuids, test.watched)
			}
			if test.watched != nil && r.Candidates[0].GPUs.String() != "device="+strings.Join(test.watched, ",") {
				t.Errorf("the candidate gets %s", r.Candidates[0].GPUs)
			}
			if test.watched == nil && r.Candidates[0].GPUs.String() != test.gpus {
				t.Errorf("the candidate gets %s", r.Candidates[0].GPUs)
			}
		})
	}
}

// An image that surely does not run on the GPUs that it is to get is not started.
// The engine has none to give, which is found out when it is.
func TestGPUsOfAnImage(t *testing.T) {
	needEngine(t)
	if code, _ := told(t, "gpu"); code == exitOK {
		t.Skip("the engine here may give GPUs")
	}
	const started = "the engine cannot give containers NVIDIA's GPUs"
	cuda := fixtureImage(t, "cuda", "EXPOSE 8080", "ENV CUDA_VERSION=12.4.1", "ENV NVIDIA_VISIBLE_DEVICES=all")
	requires := fixtureImage(t, "requires", "EXPOSE 8080", "ENV CUDA_VERSION=12.4.1", "ENV NVIDIA_REQUIRE_CUDA=cuda>=12.8")
	plain := fixtureImage(t, "one", "EXPOSE 8080")
	for _, test := range []struct {
		name   string
		driver string
		image  string
		gpus   string
		flags  []string
		says   []string
		not    string
	}{
		{"it fits", "550.54.15", cuda, "1", nil, []string{started}, "will not run"},
		{"driver too old", "470.256.02", cuda, "1", nil, []string{cuda + " will not run on NVIDIA A100-SXM4-40GB, by the rule driver: the image wants CUDA 12.4", "error 35", "\n    → take driver", "--no-preflight starts it all the same"}, started},
		{"driver too old, passed by", "470.256.02", cuda, "1", []string{"--no-preflight"}, []string{started}, "will not run"},
		{"a requirement", "550.54.15", requires, "1", nil, []string{"by the rule require: NVIDIA_REQUIRE_CUDA: no alternative holds, and the runtime's hook refuses"}, started},
		{"a requirement, switched off", "550.54.15", requires, "1", []string{"--env", "NVIDIA_DISABLE_REQUIRE=1"}, []string{started}, "will not run"},
		{"a requirement, by CDI", "550.54.15", requires, "device=nvidia.com/gpu=0", nil, []string{"not enforced under CDI", started}, "will not run"},
		{"no CUDA in it", "470.256.02", plain, "1", nil, []string{plain + ": needs: nothing of CUDA is in it", started}, "will not run"},
		{"unknown UUID", "550.54.15", cuda, "device=GPU-ee", nil, []string{"there is no GPU-ee"}, started},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked(t, gpuHost(t, test.driver), nil)
			metered(t, nil)
			code, said := told(t, append([]string{"run", test.image, "--cold", "warm", "--pairs", "1", "--gpus", test.gpus}, test.flags...)...)
			if code != exitEnvironment || strings.Contains(said, test.not) {
				t.Errorf("exit code %d, want %d without %q:\n%s", code, exitEnvironment, test.not, said)
			}
			for _, s := range test.says {
				if !strings.Contains(said, s) {
					t.Errorf("want %q of:\n%s", s, said)
				}
			}
		})
	}
}

// A scheduler's choice of GPUs is not followed, which is said.
func TestVisibleGPUs(t *testing.T) {
	fixture := runnertest.Fixture(t)
	asked(t, gpuHost(t, "550.54.15"), nil)
	watched, _ := metered(t, nil)
	t.Setenv("CUDA_VISIBLE_DEVICES", "1")
	code, said := told(t, "run", "--runner", "process", "--pairs", "1", "--gpus", "1", fixture)
	if code != exitOK || !slices.Equal(*watched, []string{"GPU-aa"}) || !strings.Contains(said, "--gpus: CUDA_VISIBLE_DEVICES=1 is set here and not followed") {
		t.Errorf("exit code %d, watched %q:\n%s", code, *watched, said)
	}
}

// Where mlbench alone cannot ask the driver, the engine is asked for GPUs all the
// same; where nobody can, it is not.
func TestOnlyHere(t *testing.T) {
	there := filepath.Join(t.TempDir(), "version")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	absent := there + "-of-none"
	for _, test := range []struct {
		kind    error
		version string
		want    bool
	}{
		{gpu.ErrPermission, absent, true}, {gpu.ErrCannotAsk, absent, true},
		{gpu.ErrNoDriver, absent, false}, {gpu.ErrNoDriver, there, true},
		{gpu.ErrNotLoaded, there, false}, {gpu.ErrMismatch, there, false}, {gpu.ErrSilent, there, false}, {gpu.ErrDriver, there, false},
	} {
		if got := onlyHere(&gpu.TroubleError{Kind: test.kind}, test.version); got != test.want {
			t.Errorf("%v, %s: %v", test.kind, filepath.Base(test.version), got)
		}
	}
}

// A user who may not ask the driver may well have an engine that does.
func TestGPUsOfTheEngineAlone(t *testing.T) {
	needEngine(t)
	if code, _ := told(t, "gpu"); code == exitOK {
		t.Skip("the engine here may give GPUs")
	}
	asked(t, gpu.Host{}, &gpu.TroubleError{Kind: gpu.ErrPermission, Tried: "nvmlInit", Remedy: "run as root"})
	code, said := told(t, "run", fixtureImage(t, "one", "EXPOSE 8080"), "--cold", "warm", "--pairs", "1", "--gpus", "1")
	if code != exitEnvironment || !strings.Contains(said, "--gpus 1: no permission to ask NVIDIA's driver") || !strings.Contains(said, "the engine may give them all the same") ||
		!strings.Contains(said, "the engine cannot give containers NVIDIA's GPUs") { // it was asked
		t.Errorf("exit code %d:\n%s", code, said)
	}
}

// Of an engine on another host this host's driver tells nothing.
func TestGPUsElsewhere(t *testing.T) {
	needEngine(t)
	asked(t, gpuHost(t, "550.54.15"), errors.New("asked"))
	watched, _ := metered(t, nil)
	image := fixtureImage(t, "one", "EXPOSE 8080")
	t.Setenv("DOCKER_HOST", relayed(t))
	code, said := told(t, "run", image, "--cold", "warm", "--pairs", "1", "--gpus", "device=GPU-zz")
	if code != exitEnvironment || *watched != nil || strings.Contains(said, "asked") ||
		!strings.Contains(said, "--gpus: the engine is on another host") || strings.Contains(said, "no engine answers") {
		t.Errorf("exit code %d, watched %q:\n%s", code, *watched, said)
	}
}

// relayed is the engine here at an address that any host may have.
func relayed(t *testing.T) string {
	t.Helper()
	socket := strings.TrimPrefix(cmp.Or(os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock"), "unix://")
	if _, err := os.Stat(socket); err != nil {
		t.Skip("needs an engine behind a socket: ", err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(p *httputil.ProxyRequest) { p.Out.URL.Scheme, p.Out.URL.Host = "http", "engine" },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
	})
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

// Each candidate gets its own GPUs, and all of them are watched.
func TestGPUsOfEach(t *testing.T) {
	asked(t, gpuHost(t, "550.54.15"), nil)
	watched, meter := metered(t, nil)
	dir := t.TempDir()
	out, file := filepath.Join(dir, "r.json"), filepath.Join(dir, "mlbench.yaml")
	text := strings.ReplaceAll(`gpus: 1
pairs: 1
candidates:
- {name: one, command: FIXTURE}
- {name: other, command: FIXTURE, gpus: device=GPU-b}
- {name: none, command: FIXTURE, gpus: none}
- {name: both, command: FIXTURE, gpus: 2}
`, "FIXTURE", runnertest.Fixture(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := told(t, "compare", "-f", file, "--out", out)
	if code != exitOK || !slices.Equal(*watched, []string{"GPU-aa", "GPU-bb"}) || !meter.closed {
		t.Fatalf("exit code %d, watched %q, closed: %v\n%s", code, *watched, meter.closed, said)
	}
	for _, want := range []string{
		"none is given no GPU, and as a command sees those that mlbench sees",
		"candidates get different GPUs: memory that is told by device is that of all of them",
	} {
		if strings.Count(said, want) != 1 {
			t.Errorf("it does not say once %q:\n%s", want, said)
		}
	}
	if n := strings.Count(said, "GPU 0: persistence mode is off"); n != 1 {
		t.Errorf("what is wrong with a GPU is said %d times", n)
	}
	b, err := os.ReadFile(out)
	var r bench.Result
	if err := errors.Join(err, json.Unmarshal(b, &r)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range r.Candidates {
		if c.GPUs == nil {
			got = append(got, "none")
			continue
		}
		got = append(got, c.GPUs.String())
	}
	if want := []string{"device=GPU-aa", "device=GPU-bb", "none", "device=GPU-aa,GPU-bb"}; !slices.Equal(got, want) {
		t.Errorf("they get %q, want %q", got, want)
	}
	if len(r.GPU.Devices) != 2 || !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "candidates have different GPUs") }) {
		t.Errorf("devices %v, warnings %q", r.GPU.Devices, r.Warnings)
	}
	metered(t, nil)
	code, said = told(t, "compare", "-f", file, "one", "none", "--gpus", "1", "--out", out)
	if code != exitOK || strings.Contains(said, "is given no GPU") { // flags win
		t.Errorf("exit code %d:\n%s", code, said)
	}
	code, said = told(t, "run", "-f", file, "none", "--no-preflight")
	if code != exitUsage || !strings.Contains(said, "--no-preflight without --gpus") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}

// An image is judged on its own GPUs, and one that gets none is not.
func TestGPUsOfOneImage(t *testing.T) {
	needEngine(t)
	if code, _ := told(t, "gpu"); code == exitOK {
		t.Skip("the engine here may give GPUs")
	}
	asked(t, gpuHost(t, "470.256.02"), nil)
	metered(t, nil)
	cuda := fixtureImage(t, "cuda", "EXPOSE 8080", "ENV CUDA_VERSION=12.4.1", "ENV NVIDIA_VISIBLE_DEVICES=all")
	file := filepath.Join(t.TempDir(), "mlbench.yaml")
	text := "pairs: 1\ncold: warm\ncandidates:\n- {image: " + cuda + ", name: cpu}\n- {image: " + fixtureImage(t, "one", "EXPOSE 8080") + ", name: gpu, gpus: 1}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := told(t, "compare", "-f", file)
	if code != exitEnvironment || !strings.Contains(said, "gpu: needs: nothing of CUDA is in it") || strings.Contains(said, "cpu will not run") ||
		!strings.Contains(said, "the engine cannot give containers NVIDIA's GPUs") { // it came to starts
		t.Errorf("exit code %d:\n%s", code, said)
	}
	code, said = told(t, "compare", "-f", file, "gpu", "cpu", "--gpus", "1")
	if code != exitEnvironment || !strings.Contains(said, "cpu will not run on NVIDIA A100-SXM4-40GB, by the rule driver") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}

//go:build linux && cgo

package nvml

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"

	"mlbench/gpu"
)

const mega = 1_000_000

// server is a scripted driver with 8 GPUs that tell everything.
func server() (*dgxa100.Server, []*dgxa100.Device) {
	s := dgxa100.New()
	var devices []*dgxa100.Device
	for i, d := range s.Devices {
		d := d.(*dgxa100.Device)
		d.UUID = "GPU-" + string(rune('a'+i))
		d.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
			return nvml.Memory_v2{Total: 40_000 * mega, Reserved: 600 * mega, Used: 1400 * mega, Free: 38_000 * mega}, nvml.SUCCESS
		}
		d.MemoryInfo = nvml.Memory{Total: 40_000 * mega, Used: 2000 * mega, Free: 38_000 * mega}
		d.GetPersistenceModeFunc = func() (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
		d.GetClockInfoFunc = func(t nvml.ClockType) (uint32, nvml.Return) {
			return map[nvml.ClockType]uint32{nvml.CLOCK_SM: 1410, nvml.CLOCK_MEM: 1215}[t], nvml.SUCCESS
		}
		d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 71_500, nvml.SUCCESS }
		d.GetEnforcedPowerLimitFunc = func() (uint32, nvml.Return) { return 400_000, nvml.SUCCESS }
		d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 37, Memory: 5}, nvml.SUCCESS }
		none := func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.SUCCESS }
		d.GetComputeRunningProcessesFunc, d.GetGraphicsRunningProcessesFunc, d.GetMPSComputeRunningProcessesFunc = none, none, none
		devices = append(devices, d)
	}
	return s, devices
}

// wholeDevice is what a GPU of the server tells.
func wholeDevice() gpu.Device {
	return gpu.Device{
		Name: "Mock NVIDIA A100-SXM4-40GB", UUID: "GPU-a", Capability: gpu.Capability{Major: 8}, Brand: "nvidia",
		Memory:      &gpu.Memory{Total: 40_000 * mega, Reserved: new(int64(600 * mega)), Used: 1400 * mega, Free: 38_000 * mega},
		Persistence: new(true), MIG: &gpu.MIG{}, Processes: []gpu.Process{},
		Readings: gpu.Readings{SMClock: new(1410), MemoryClock: new(1215), Power: new(71.5), PowerLimit: new(400.0), Busy: new(37)},
	}
}

func TestRead(t *testing.T) {
	s, _ := server()
	h, err := read(s)
	if err != nil || h.Driver.String() != "550.54.15" || h.CUDA != (gpu.CUDA{Major: 12, Minor: 4}) || h.From != gpu.FromDriver || len(h.Devices) != 8 || h.Warning != "" {
		t.Fatalf("%+v, %v", h, err)
	}
	if !reflect.DeepEqual(h.Devices[0], wholeDevice()) {
		t.Errorf("%+v", h.Devices[0])
	}
	if d := h.Devices[7]; d.Index != 7 || d.UUID != "GPU-h" {
		t.Errorf("%+v", d)
	}
	if len(s.ShutdownCalls()) != 1 {
		t.Error("the library is left open")
	}
}

// failing answers a call with a code and nothing.
func failing[T any](code nvml.Return) func() (T, nvml.Return) {
	return func() (none T, _ nvml.Return) { return none, code }
}

func TestDevices(t *testing.T) {
	process := func(pid uint32, memory uint64, gi, ci uint32) nvml.ProcessInfo {
		return nvml.ProcessInfo{Pid: pid, UsedGpuMemory: memory, GpuInstanceId: gi, ComputeInstanceId: ci}
	}
	running := func(all ...nvml.ProcessInfo) func() ([]nvml.ProcessInfo, nvml.Return) {
		return func() ([]nvml.ProcessInfo, nvml.Return) { return all, nvml.SUCCESS }
	}
	tests := []struct {
		name   string
		script func(*dgxa100.Server, *dgxa100.Device)
		want   func(*gpu.Device)
		says   string // in the problems
	}{
		{"a driver before 510", func(s *dgxa100.Server, d *dgxa100.Device) {
			s.LookupSymbolFunc = func(symbol string) error {
				if symbol == "nvmlDeviceGetMemoryInfo_v2" {
					return errors.New("not found")
				}
				return nil
			}
			d.GetMemoryInfo_v2Func = nil // calling it would end the process
		}, func(d *gpu.Device) {
			d.Memory = &gpu.Memory{Total: 40_000 * mega, Used: 2000 * mega, Free: 38_000 * mega}
		}, ""},
		{"memory of another version", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_ARGUMENT_VERSION_MISMATCH)
		}, func(d *gpu.Device) {
			d.Memory = &gpu.Memory{Total: 40_000 * mega, Used: 2000 * mega, Free: 38_000 * mega}
		}, ""},
		{"memory in no form", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_NO_PERMISSION)
			d.GetMemoryInfoFunc = failing[nvml.Memory](nvml.ERROR_NO_PERMISSION)
		}, func(d *gpu.Device) { d.Memory = nil }, "GPU 0: its memory cannot be read: no permission to ask NVIDIA's driver (nvmlDeviceGetMemoryInfo_v2: ERROR_NO_PERMISSION): run as root, or as a user that may open /dev/nvidiactl and /dev/nvidia0"},
		{"a GPU that supports little", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetPersistenceModeFunc = failing[nvml.EnableState](nvml.ERROR_NOT_SUPPORTED)
			d.GetMigModeFunc = func() (int, int, nvml.Return) { return 0, 0, nvml.ERROR_NOT_SUPPORTED }
			d.GetClockInfoFunc = func(nvml.ClockType) (uint32, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }
			d.GetPowerUsageFunc, d.GetEnforcedPowerLimitFunc = failing[uint32](nvml.ERROR_NOT_SUPPORTED), failing[uint32](nvml.ERROR_NOT_SUPPORTED)
			d.GetUtilizationRatesFunc = failing[nvml.Utilization](nvml.ERROR_NOT_SUPPORTED)
			d.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NOT_SUPPORTED)
		}, func(d *gpu.Device) {
			d.Persistence, d.MIG, d.Processes, d.Readings = nil, nil, nil, gpu.Readings{}
		}, ""},
		{"no permission for one thing", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NO_PERMISSION)
		}, func(d *gpu.Device) { d.Processes = nil }, "GPU 0: its compute processes cannot be read: no permission to ask NVIDIA's driver (nvmlDeviceGetComputeRunningProcesses: ERROR_NO_PERMISSION): run as root"},
		{"lost meanwhile", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_GPU_IS_LOST)
			d.GetPowerUsageFunc = nil // nothing more is asked
		}, func(d *gpu.Device) {
			*d = gpu.Device{Name: d.Name, UUID: d.UUID, Capability: d.Capability, Brand: d.Brand, Lost: true}
		}, "GPU 0: its memory cannot be read: the GPU is lost"},
		{"lost before", func(s *dgxa100.Server, _ *dgxa100.Device) {
			s.DeviceGetHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_GPU_IS_LOST }
		}, func(d *gpu.Device) { *d = gpu.Device{Lost: true} }, "nvidia-smi --gpu-reset"},
		{"not given", func(s *dgxa100.Server, _ *dgxa100.Device) {
			s.DeviceGetHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_NOT_SUPPORTED }
		}, func(d *gpu.Device) { *d = gpu.Device{} }, "GPU 0: the driver does not give it"},
		{"a brand that is new", func(_ *dgxa100.Server, d *dgxa100.Device) { d.Brand = 99 }, func(d *gpu.Device) { d.Brand = "" }, ""},
		{"processes", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = running(process(30, 500*mega, math.MaxUint32, math.MaxUint32), process(10, math.MaxUint64, math.MaxUint32, math.MaxUint32))
			d.GetGraphicsRunningProcessesFunc = running(process(30, 500*mega, math.MaxUint32, math.MaxUint32))
			d.GetMPSComputeRunningProcessesFunc = running(process(20, 7*mega, math.MaxUint32, math.MaxUint32))
		}, func(d *gpu.Device) {
			d.Processes = []gpu.Process{{PID: 10, Kind: "compute"}, {PID: 20, Kind: "mps", Memory: new(int64(7 * mega))}, {PID: 30, Kind: "compute+graphics", Memory: new(int64(500 * mega))}}
		}, ""},
		{"MIG to come", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetMigModeFunc = func() (int, int, nvml.Return) { return nvml.DEVICE_MIG_DISABLE, nvml.DEVICE_MIG_ENABLE, nvml.SUCCESS }
		}, func(d *gpu.Device) { d.MIG = &gpu.MIG{Pending: true} }, ""},
		{"MIG", func(_ *dgxa100.Server, d *dgxa100.Device) {
			part := dgxa100.NewDevice(0)
			part.Name, part.UUID = "A100 MIG 1g.5gb", "MIG-1"
			part.GetGpuInstanceIdFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
			part.GetComputeInstanceIdFunc = func() (int, nvml.Return) { return 0, nvml.SUCCESS }
			part.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
				return nvml.Memory_v2{Total: 5000 * mega, Used: 10 * mega, Free: 4990 * mega}, nvml.SUCCESS
			}
			d.MigMode = nvml.DEVICE_MIG_ENABLE
			d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
			d.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
				if i != 2 {
					return nil, nvml.ERROR_NOT_FOUND
				}
				return part, nvml.SUCCESS
			}
			d.GetUtilizationRatesFunc = failing[nvml.Utilization](nvml.ERROR_NOT_SUPPORTED)
			d.GetComputeRunningProcessesFunc = running(process(10, 3*mega, 7, 0), process(10, 4*mega, 8, 0))
		}, func(d *gpu.Device) {
			d.Readings.Busy = nil
			d.MIG = &gpu.MIG{Enabled: true, Instances: []gpu.Instance{{
				Index: 2, Name: "A100 MIG 1g.5gb", UUID: "MIG-1", GPU: new(7), Compute: new(0),
				Memory: &gpu.Memory{Total: 5000 * mega, Reserved: new(int64(0)), Used: 10 * mega, Free: 4990 * mega},
			}}}
			d.Processes = []gpu.Process{
				{PID: 10, Kind: "compute", Memory: new(int64(3 * mega)), GPUInstance: new(7), ComputeInstance: new(0)},
				{PID: 10, Kind: "compute", Memory: new(int64(4 * mega)), GPUInstance: new(8), ComputeInstance: new(0)},
			}
		}, ""},
		{"MIG without instances", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.MigMode = nvml.DEVICE_MIG_ENABLE
			d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
			d.GetMigDeviceHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_NOT_FOUND }
		}, func(d *gpu.Device) { d.MIG = &gpu.MIG{Enabled: true} }, "GPU 0: MIG is on and there is no instance"},
		{"MIG without permission", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.MigMode = nvml.DEVICE_MIG_ENABLE
			d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 1, nvml.SUCCESS }
			d.GetMigDeviceHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_NO_PERMISSION }
		}, func(d *gpu.Device) { d.MIG = &gpu.MIG{Enabled: true} }, "its MIG instance 0 cannot be read: no permission"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, devices := server()
			test.script(s, devices[0])
			h, err := read(s)
			if err != nil {
				t.Fatal(err)
			}
			got, want := h.Devices[0], wholeDevice()
			test.want(&want)
			if problems := strings.Join(got.Problems, "\n"); (problems == "") != (test.says == "") || !strings.Contains(problems, test.says) {
				t.Errorf("problems %q, want %q", problems, test.says)
			}
			got.Problems = nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

func TestTroubles(t *testing.T) {
	for _, test := range []struct {
		code nvml.Return
		want error
		says string
	}{
		{nvml.ERROR_DRIVER_NOT_LOADED, gpu.ErrNotLoaded, "modprobe nvidia"},
		{nvml.ERROR_LIB_RM_VERSION_MISMATCH, gpu.ErrMismatch, "reboot"},
		{nvml.ERROR_NO_PERMISSION, gpu.ErrPermission, "run as root"},
		{nvml.ERROR_GPU_IS_LOST, gpu.ErrLost, "Xid"},
		{nvml.ERROR_RESET_REQUIRED, gpu.ErrLost, "reset it"},
		{nvml.ERROR_TIMEOUT, gpu.ErrSilent, "dmesg"},
		{nvml.ERROR_INSUFFICIENT_POWER, gpu.ErrDriver, "power cables"},
		{nvml.ERROR_IRQ_ISSUE, gpu.ErrDriver, "interrupts"},
		{nvml.ERROR_LIBRARY_NOT_FOUND, gpu.ErrDriver, "install the driver anew"},
		{nvml.ERROR_UNKNOWN, gpu.ErrDriver, "in a container that had its GPUs before, start it anew"},
		{nvml.Return(12345), gpu.ErrDriver, "12345"},
	} {
		for name, script := range map[string]func(*dgxa100.Server){
			"nvmlInit":                   func(s *dgxa100.Server) { s.InitFunc = func() nvml.Return { return test.code } },
			"nvmlSystemGetDriverVersion": func(s *dgxa100.Server) { s.SystemGetDriverVersionFunc = failing[string](test.code) },
			"nvmlDeviceGetCount":         func(s *dgxa100.Server) { s.DeviceGetCountFunc = failing[int](test.code) },
			"nvmlShutdown":               func(s *dgxa100.Server) { s.ShutdownFunc = func() nvml.Return { return test.code } },
		} {
			s, _ := server()
			script(s)
			_, err := read(s)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v: %v, want %v and %q", test.code, err, test.want, test.says)
			}
		}
	}
}

func TestOddDrivers(t *testing.T) {
	s, _ := server()
	s.DriverVersion = "R550\x1b"
	if h, err := read(s); err != nil || h.Driver.Known() || !strings.Contains(h.Warning, "not understood") {
		t.Errorf("%+v, %v", h, err)
	}
	s, _ = server()
	s.SystemGetCudaDriverVersionFunc = nil // calling it would end the process
	s.LookupSymbolFunc = func(symbol string) error {
		if symbol == "nvmlSystemGetCudaDriverVersion" {
			return errors.New("not found")
		}
		return nil
	}
	if h, err := read(s); err != nil || h.CUDA.Known() || len(h.Devices) != 8 {
		t.Errorf("%+v, %v", h, err)
	}
	s, _ = server()
	s.DeviceGetCountFunc = failing[int](nvml.SUCCESS)
	if h, err := read(s); err != nil || len(h.Devices) != 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

// A driver that hangs is given up.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := server()
		answer := make(chan nvml.Return)
		s.InitFunc = func() nvml.Return { return <-answer }
		if _, err := within(t.Context(), time.Minute, func() (gpu.Host, error) { return read(s) }); !errors.Is(err, gpu.ErrSilent) || !strings.Contains(err.Error(), "waited for 1m0s") {
			t.Error(err)
		}
		answer <- nvml.ERROR_TIMEOUT // let go of what is left behind
	})
}

func TestNoLibrary(t *testing.T) {
	dir := t.TempDir()
	_, err := find([]string{"libnvidia-ml-absent.so.1", dir + "/libnvidia-ml.so.1"})
	if !errors.Is(err, gpu.ErrNoDriver) || !strings.Contains(err.Error(), "looked for libnvidia-ml-absent.so.1, "+dir) || !strings.Contains(err.Error(), "--gpus all") {
		t.Error(err)
	}
	broken := filepath.Join(dir, "libnvidia-ml.so.1")
	if err := os.WriteFile(broken, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := find([]string{broken}); !errors.Is(err, gpu.ErrNoDriver) || !strings.Contains(err.Error(), "cannot be loaded") {
		t.Error(err)
	}
	if path, err := find([]string{broken, "libc.so.6"}); err != nil || path != "libc.so.6" {
		t.Error(path, err)
	}
}

// Of some drivers processes are not asked for, which is said.
func TestOverruns(t *testing.T) {
	for version, want := range map[string]bool{
		"530.41.03": false, "535.43.02": true, "535.54.03": true, "535.86.10": true, "535.98": false, "535.104.05": false, "550.54.15": false, "none": false,
	} {
		s, _ := server()
		s.SystemGetDriverVersionFunc = func() (string, nvml.Return) { return version, nvml.SUCCESS }
		h, err := read(s)
		if err != nil {
			t.Fatal(err)
		}
		d := h.Devices[1]
		if got := d.Processes == nil; got != want || want != strings.Contains(strings.Join(d.Problems, "; "), "GPU 1: its processes are not asked for, as driver "+version) {
			t.Errorf("%s: processes %v, problems %q", version, d.Processes, d.Problems)
		}
	}
}

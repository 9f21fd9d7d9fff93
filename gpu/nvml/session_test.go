//go:build linux && cgo

package nvml

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"

	"mlbench/gpu"
)

// proc is a process on an instance; -1 for none.
func proc(pid uint32, mb uint64, gi, ci int) nvml.ProcessInfo {
	return nvml.ProcessInfo{Pid: pid, UsedGpuMemory: mb * mega, GpuInstanceId: uint32(gi), ComputeInstanceId: uint32(ci)}
}

func listed(all ...nvml.ProcessInfo) func() ([]nvml.ProcessInfo, nvml.Return) {
	return func() ([]nvml.ProcessInfo, nvml.Return) { return all, nvml.SUCCESS }
}

func compute(pid int, mb int64) gpu.Process {
	return gpu.Process{PID: pid, Kind: "compute", Memory: new(mb * mega)}
}

// divided makes a GPU have two instances, MIG-0 and MIG-1 of the GPU instances 7
// and 8.
func divided(d *dgxa100.Device) (parts []*dgxa100.Device) {
	d.MigMode = nvml.DEVICE_MIG_ENABLE
	d.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 2, nvml.SUCCESS }
	for i := range 2 {
		part := dgxa100.NewDevice(i)
		part.UUID = "MIG-" + string(rune('0'+i))
		part.GetGpuInstanceIdFunc = func() (int, nvml.Return) { return 7 + i, nvml.SUCCESS }
		part.GetComputeInstanceIdFunc = func() (int, nvml.Return) { return 0, nvml.SUCCESS }
		part.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
			return nvml.Memory_v2{Used: uint64(10+i) * mega}, nvml.SUCCESS
		}
		part.GetUtilizationRatesFunc = failing[nvml.Utilization](nvml.ERROR_NOT_SUPPORTED)
		part.GetComputeRunningProcessesFunc = listed(proc(uint32(10+i), uint64(1+i), 7+i, 0))
		part.GetMPSComputeRunningProcessesFunc = listed()
		parts = append(parts, part)
	}
	d.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) { return parts[i], nvml.SUCCESS }
	return parts
}

func TestSession(t *testing.T) {
	without := func(s *dgxa100.Server, symbols ...string) {
		s.LookupSymbolFunc = func(symbol string) error {
			for _, missing := range symbols {
				if symbol == missing {
					return errors.New("not found")
				}
			}
			return nil
		}
	}
	instance := func(pid int, mb int64, gi int) gpu.Process {
		p := compute(pid, mb)
		p.GPUInstance, p.ComputeInstance = new(gi), new(0)
		return p
	}
	idle := gpu.Load{Used: 1400 * mega, Busy: new(37), Processes: []gpu.Process{}}
	tests := []struct {
		name   string
		script func(*dgxa100.Server, *dgxa100.Device)
		uuids  []string
		want   []gpu.Load // without Err
		says   string     // in the Errs
	}{
		{"one of eight", nil, []string{"GPU-b"}, []gpu.Load{idle}, ""},
		{"two of eight, in the driver's order", nil, []string{"GPU-c", "GPU-b"}, []gpu.Load{idle, idle}, ""},
		{"processes", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = listed(proc(30, 500, -1, -1), nvml.ProcessInfo{Pid: 10, UsedGpuMemory: math.MaxUint64, GpuInstanceId: math.MaxUint32, ComputeInstanceId: math.MaxUint32})
			d.GetMPSComputeRunningProcessesFunc = listed(proc(20, 7, -1, -1), proc(30, 500, -1, -1))
			d.GetGraphicsRunningProcessesFunc = listed(proc(99, 1, -1, -1)) // who only draws does not count
		}, []string{"GPU-a"}, []gpu.Load{{Used: 1400 * mega, Busy: new(37), Processes: []gpu.Process{
			{PID: 30, Kind: "compute+mps", Memory: new(int64(500 * mega))}, {PID: 10, Kind: "compute"}, {PID: 20, Kind: "mps", Memory: new(int64(7 * mega))},
		}}}, ""},
		{"a driver that overruns what it is given", func(s *dgxa100.Server, d *dgxa100.Device) {
			s.SystemGetDriverVersionFunc = func() (string, nvml.Return) { return "535.86.05", nvml.SUCCESS }
			d.GetComputeRunningProcessesFunc, d.GetGraphicsRunningProcessesFunc, d.GetMPSComputeRunningProcessesFunc = nil, nil, nil // not to be called
		}, []string{"GPU-a"}, []gpu.Load{{Used: 1400 * mega, Busy: new(37)}}, ""},
		{"a process that is named twice", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = listed(proc(30, 500, -1, -1), proc(30, 500, -1, -1))
		}, []string{"GPU-a"}, []gpu.Load{{Used: 1400 * mega, Busy: new(37), Processes: []gpu.Process{compute(30, 500)}}}, ""},
		{"a driver before 510", func(s *dgxa100.Server, d *dgxa100.Device) {
			without(s, "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMPSComputeRunningProcesses")
			d.GetMemoryInfo_v2Func, d.GetMPSComputeRunningProcessesFunc = nil, nil // calling them would end the process
		}, []string{"GPU-a"}, []gpu.Load{{Used: 2000 * mega, Busy: new(37), Processes: []gpu.Process{}}}, ""},
		{"memory of another version", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_ARGUMENT_VERSION_MISMATCH)
		}, []string{"GPU-a"}, []gpu.Load{{Used: 2000 * mega, Busy: new(37), Processes: []gpu.Process{}}}, ""},
		{"a GPU that tells memory alone", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NOT_SUPPORTED)
			d.GetMPSComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NOT_SUPPORTED)
			d.GetUtilizationRatesFunc = failing[nvml.Utilization](nvml.ERROR_NOT_SUPPORTED)
		}, []string{"GPU-a"}, []gpu.Load{{Used: 1400 * mega}}, ""},
		{"no permission for processes", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NO_PERMISSION)
		}, []string{"GPU-a"}, []gpu.Load{{Used: 1400 * mega, Busy: new(37)}}, "GPU 0 (GPU-a): no permission to ask NVIDIA's driver (nvmlDeviceGetComputeRunningProcesses: ERROR_NO_PERMISSION): run as root"},
		{"no permission for anything", func(_ *dgxa100.Server, d *dgxa100.Device) {
			d.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NO_PERMISSION)
			d.GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_NO_PERMISSION)
			d.GetUtilizationRatesFunc = failing[nvml.Utilization](nvml.ERROR_NO_PERMISSION)
		}, []string{"GPU-a"}, []gpu.Load{{Used: -1}}, "nvmlDeviceGetMemoryInfo_v2: ERROR_NO_PERMISSION"},
		{"an instance", func(_ *dgxa100.Server, d *dgxa100.Device) { divided(d) }, []string{"MIG-1"},
			[]gpu.Load{{Used: 11 * mega, Processes: []gpu.Process{instance(11, 2, 8)}}}, ""},
		{"a GPU that is divided", func(_ *dgxa100.Server, d *dgxa100.Device) { divided(d) }, []string{"GPU-a"},
			[]gpu.Load{{Used: 10 * mega, Processes: []gpu.Process{instance(10, 1, 7)}}, {Used: 11 * mega, Processes: []gpu.Process{instance(11, 2, 8)}}}, ""},
		{"an instance whose GPU tells the processes", func(_ *dgxa100.Server, d *dgxa100.Device) {
			part := divided(d)[1]
			part.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NOT_SUPPORTED)
			part.GetMPSComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_INVALID_ARGUMENT)
			d.GetComputeRunningProcessesFunc = listed(proc(10, 3, 7, 0), proc(10, 4, 8, 0), proc(11, 5, 8, 1))
		}, []string{"MIG-1"}, []gpu.Load{{Used: 11 * mega, Processes: []gpu.Process{instance(10, 4, 8)}}}, ""},
		{"an instance whose processes nobody may see", func(_ *dgxa100.Server, d *dgxa100.Device) {
			part := divided(d)[1]
			part.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NOT_SUPPORTED)
			d.GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_NO_PERMISSION)
		}, []string{"MIG-1"}, []gpu.Load{{Used: 11 * mega}}, "GPU 0 (MIG-1): no permission"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, devices := server()
			if test.script != nil {
				test.script(server, devices[0])
			}
			s, err := open(server, test.uuids)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // what was found out at first changes nothing later
				loads, err := s.Read()
				if err != nil {
					t.Fatal(err)
				}
				var problems []string
				for i := range loads {
					if loads[i].Err != nil {
						problems = append(problems, loads[i].Err.Error())
					}
					loads[i].Err = nil
				}
				if !reflect.DeepEqual(loads, test.want) {
					t.Errorf("%+v\nwant %+v", loads, test.want)
				}
				if got := strings.Join(problems, "\n"); (got == "") != (test.says == "") || !strings.Contains(got, test.says) {
					t.Errorf("problems %q", got)
				}
			}
			if err := s.Close(); err != nil || len(server.ShutdownCalls()) != 1 {
				t.Errorf("%v, shut down %d times", err, len(server.ShutdownCalls()))
			}
		})
	}
}

// What a GPU does not have is asked for once.
func TestSessionAsksNothingInVain(t *testing.T) {
	server, devices := server()
	d := devices[0]
	d.GetUtilizationRatesFunc = failing[nvml.Utilization](nvml.ERROR_NOT_SUPPORTED)
	s, err := open(server, []string{"GPU-a"})
	if err != nil {
		t.Fatal(err)
	}
	before := len(d.GetUtilizationRatesCalls())
	names := len(d.GetNameCalls())
	for range 3 {
		if _, err := s.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.GetUtilizationRatesCalls()) - before; n != 1 {
		t.Errorf("utilisation is asked for %d times", n)
	}
	if len(d.GetNameCalls()) != names || len(d.GetGraphicsRunningProcessesCalls()) > 1 {
		t.Error("what does not change is asked for again")
	}
}

func TestSessionDevices(t *testing.T) {
	server, devices := server()
	divided(devices[0])
	s, err := open(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	var uuids []string
	for _, d := range s.Devices() {
		uuids = append(uuids, d.UUID)
	}
	if got := strings.Join(uuids, " "); got != "MIG-0 MIG-1 GPU-b GPU-c GPU-d GPU-e GPU-f GPU-g GPU-h" {
		t.Error(got)
	}
	if d := s.Devices()[1]; d.Index != 0 || d.Capability.Major != 8 || d.Memory == nil || d.Memory.Used != 11*mega {
		t.Errorf("%+v", d)
	}
}

func TestSessionLost(t *testing.T) {
	server, devices := server()
	s, err := open(server, []string{"GPU-a", "GPU-b"})
	if err != nil {
		t.Fatal(err)
	}
	devices[1].GetComputeRunningProcessesFunc = failing[[]nvml.ProcessInfo](nvml.ERROR_GPU_IS_LOST)
	for range 2 {
		devices[1].GetUtilizationRatesFunc = nil // nothing more is asked
		loads, err := s.Read()
		var trouble *gpu.TroubleError
		if err != nil || loads[0].Err != nil || !errors.Is(loads[1].Err, gpu.ErrLost) || !errors.As(loads[1].Err, &trouble) || loads[1].Used >= 0 ||
			!strings.HasPrefix(loads[1].Err.Error(), "GPU 1 (GPU-b): the GPU is lost") {
			t.Errorf("%+v, %v", loads, err)
		}
		devices[1].GetMemoryInfo_v2Func, devices[1].GetComputeRunningProcessesFunc = nil, nil
	}
}

// A driver that goes away as a whole is no trouble of one GPU.
func TestSessionEnds(t *testing.T) {
	for code, want := range map[nvml.Return]error{
		nvml.ERROR_DRIVER_NOT_LOADED: gpu.ErrNotLoaded, nvml.ERROR_LIB_RM_VERSION_MISMATCH: gpu.ErrMismatch, nvml.ERROR_UNINITIALIZED: gpu.ErrDriver,
	} {
		server, devices := server()
		s, err := open(server, nil)
		if err != nil {
			t.Fatal(err)
		}
		devices[3].GetMemoryInfo_v2Func = failing[nvml.Memory_v2](code)
		if _, err := s.Read(); !errors.Is(err, want) {
			t.Errorf("%v: %v", code, err)
		}
	}
}

func TestSessionNotOpened(t *testing.T) {
	tests := []struct {
		name   string
		script func(*dgxa100.Server, []*dgxa100.Device)
		uuids  []string
		want   error // nil for any
		says   string
	}{
		{"Init fails", func(s *dgxa100.Server, _ []*dgxa100.Device) {
			s.InitFunc = func() nvml.Return { return nvml.ERROR_DRIVER_NOT_LOADED }
		}, nil, gpu.ErrNotLoaded, "nvmlInit"},
		{"no permission", func(s *dgxa100.Server, _ []*dgxa100.Device) {
			s.DeviceGetCountFunc = failing[int](nvml.ERROR_NO_PERMISSION)
		}, nil, gpu.ErrPermission, "run as root"},
		{"unknown UUID", nil, []string{"GPU-a", "GPU-x"}, nil, "no GPU or MIG instance GPU-x here: there are GPU-a, GPU-b"},
		{"no UUID", nil, []string{""}, nil, "there are GPU-a"},
		{"lost before", func(_ *dgxa100.Server, all []*dgxa100.Device) {
			all[0].GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_GPU_IS_LOST)
		}, []string{"GPU-a"}, gpu.ErrLost, "GPU-a: the GPU is lost"},
		{"divided, without instances", func(_ *dgxa100.Server, all []*dgxa100.Device) {
			divided(all[0])
			all[0].GetMigDeviceHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_NOT_FOUND }
		}, []string{"GPU-a"}, nil, "MIG is on and there is no instance"},
		{"no GPU", func(s *dgxa100.Server, _ []*dgxa100.Device) { s.DeviceGetCountFunc = failing[int](nvml.SUCCESS) }, nil, nil, "no GPU or MIG instance that can be watched here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, devices := server()
			if test.script != nil {
				test.script(server, devices)
			}
			s, err := open(server, test.uuids)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, %v", s, err)
			}
			if len(server.InitCalls()) != 1 || test.name != "Init fails" && len(server.ShutdownCalls()) != 1 {
				t.Error("the library is left open")
			}
		})
	}
}

// Of all GPUs those that are lost are left out.
func TestSessionAllButLost(t *testing.T) {
	server, devices := server()
	devices[0].GetMemoryInfo_v2Func = failing[nvml.Memory_v2](nvml.ERROR_GPU_IS_LOST)
	s, err := open(server, nil)
	if err != nil || len(s.Devices()) != 7 {
		t.Errorf("%+v, %v", s, err)
	}
}

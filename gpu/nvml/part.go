//go:build linux && cgo

package nvml

import (
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
)

// A part is a GPU, or a MIG instance, that is read again and again. What its
// driver turns out not to have is not asked for a second time.
type part struct {
	told gpu.Device
	h    nvml.Device
	name string // in errors
	lost error

	memory2, memory1, computing, mps, busy bool // what is asked for

	// Of an instance: its GPU, that one's UUID and the instance's ids on it.
	whole        nvml.Device
	of           string
	gpu, compute *int
}

func newPart(library nvml.Interface, d gpu.Device, h nvml.Device) *part {
	has := func(symbol string) bool { return library.Extensions().LookupSymbol(symbol) == nil }
	known := overruns(library) == ""
	return &part{
		told: d, h: h, name: fmt.Sprintf("GPU %d (%s)", d.Index, d.UUID),
		memory2: has("nvmlDeviceGetMemoryInfo_v2"), memory1: has("nvmlDeviceGetMemoryInfo"),
		computing: known && has("nvmlDeviceGetComputeRunningProcesses"), mps: known && has("nvmlDeviceGetMPSComputeRunningProcesses"),
		busy: has("nvmlDeviceGetUtilizationRates"),
	}
}

// read asks for what is in use. An error is one of the driver as a whole.
func (p *part) read() (gpu.Load, error) {
	r := &reading{part: p, load: gpu.Load{Used: -1}}
	if p.lost == nil {
		r.memory()
		r.processes()
		if rates, ok := once(r, &p.busy, "nvmlDeviceGetUtilizationRates", p.h.GetUtilizationRates); ok {
			r.load.Busy = new(int(rates.Gpu))
		}
	}
	if p.lost != nil {
		r.load = gpu.Load{Used: -1, Err: p.lost}
	}
	return r.load, r.fatal
}

// A reading is one of a part.
type reading struct {
	*part
	load  gpu.Load
	fatal error // of the driver as a whole
}

// once calls a function of the library where it is to be asked for, and says
// whether there was an answer.
func once[T any](r *reading, wanted *bool, symbol string, call func() (T, nvml.Return)) (value T, ok bool) {
	var none T
	if !*wanted || r.lost != nil || r.fatal != nil {
		return none, false
	}
	value, code := call()
	switch {
	case code == nvml.SUCCESS:
		return value, true
	case lacks(code):
		*wanted = false
	case lost(code):
		r.lost = fmt.Errorf("%s: %w", r.name, trouble(symbol, code))
	case ended(code):
		r.fatal = trouble(symbol, code)
	default:
		r.load.Err = errors.Join(r.load.Err, fmt.Errorf("%s: %w", r.name, trouble(symbol, code)))
	}
	return none, false
}

// ended reports whether the driver answers nothing any more, of no GPU.
func ended(r nvml.Return) bool {
	switch r {
	case nvml.ERROR_UNINITIALIZED, nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return true
	}
	return false
}

// memory is asked for as Host does. Of either form only changes are looked at.
func (r *reading) memory() {
	if m, ok := once(r, &r.memory2, "nvmlDeviceGetMemoryInfo_v2", r.h.GetMemoryInfo_v2); ok {
		r.load.Used = whole(m.Used)
	} else if !r.memory2 {
		if m, ok := once(r, &r.memory1, "nvmlDeviceGetMemoryInfo", r.h.GetMemoryInfo); ok {
			r.load.Used = whole(m.Used)
		}
	}
}

// processes are those that compute, also through MPS, whose server does so on
// behalf of its clients; who only draws loads no model. nil stands for not told.
func (r *reading) processes() {
	list, ok := once(r, &r.computing, "nvmlDeviceGetComputeRunningProcesses", r.list(nvml.Device.GetComputeRunningProcesses))
	if !ok {
		return
	}
	all := []gpu.Process{}
	for _, info := range list {
		all = with(all, process(info, "compute"))
	}
	list, _ = once(r, &r.mps, "nvmlDeviceGetMPSComputeRunningProcesses", r.list(nvml.Device.GetMPSComputeRunningProcesses))
	for _, info := range list {
		all = with(all, process(info, "mps"))
	}
	r.load.Processes = all
}

// list asks for processes. Those of an instance are told by its own handle, or
// else by that of its GPU, which tells them of all instances and wants more
// permission for it (nvml.h at nvmlDeviceGetComputeRunningProcesses).
func (r *reading) list(of func(nvml.Device) ([]nvml.ProcessInfo, nvml.Return)) func() ([]nvml.ProcessInfo, nvml.Return) {
	return func() ([]nvml.ProcessInfo, nvml.Return) {
		list, code := of(r.h)
		if r.whole == nil || code == nvml.SUCCESS || !lacks(code) && code != nvml.ERROR_INVALID_ARGUMENT {
			return list, code
		}
		list, code = of(r.whole)
		var here []nvml.ProcessInfo
		for _, info := range list {
			if on(info.GpuInstanceId, r.gpu) && on(info.ComputeInstanceId, r.compute) {
				here = append(here, info)
			}
		}
		return here, code
	}
}

// on reports whether a process is on the instance of an id; where that is not
// known it may be.
func on(id uint32, instance *int) bool {
	return instance == nil || int64(id) == int64(*instance)
}

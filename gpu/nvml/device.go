//go:build linux && cgo

package nvml

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
)

// A reader reads one GPU. Once the GPU is lost it asks nothing more.
type reader struct {
	library nvml.Interface
	into    *gpu.Device
}

// ask calls a function of the library, and says whether there was an answer.
// What a GPU does not support is no problem; whatever else fails is written down.
// A function that the library has not is not called: the process would end.
func ask[T any](r reader, what, symbol string, call func() (T, nvml.Return)) (value T, ok bool) {
	if r.into.Lost || r.library.Extensions().LookupSymbol(symbol) != nil {
		return value, false
	}
	value, code := call()
	if code == nvml.SUCCESS {
		return value, true
	}
	var none T
	if !lacks(code) {
		r.into.Lost = lost(code)
		r.into.Problems = append(r.into.Problems, fmt.Sprintf("GPU %d: %s cannot be read: %v", r.into.Index, what, trouble(symbol, code)))
	}
	return none, false
}

// device reads the GPU of an index.
func device(library nvml.Interface, index int) gpu.Device {
	d := gpu.Device{Index: index}
	r := reader{library, &d}
	h, ok := ask(r, "it", "nvmlDeviceGetHandleByIndex", func() (nvml.Device, nvml.Return) { return library.DeviceGetHandleByIndex(index) })
	if !ok {
		if len(d.Problems) == 0 {
			d.Problems = []string{fmt.Sprintf("GPU %d: the driver does not give it", index)}
		}
		return d
	}
	d.Name, _ = ask(r, "its name", "nvmlDeviceGetName", h.GetName)
	d.UUID, _ = ask(r, "its UUID", "nvmlDeviceGetUUID", h.GetUUID)
	d.Capability, _ = ask(r, "its compute capability", "nvmlDeviceGetCudaComputeCapability", func() (gpu.Capability, nvml.Return) {
		major, minor, code := h.GetCudaComputeCapability()
		return gpu.Capability{Major: major, Minor: minor}, code
	})
	if b, ok := ask(r, "its brand", "nvmlDeviceGetBrand", h.GetBrand); ok {
		d.Brand = brands[b]
	}
	d.Memory = memory(r, h)
	if mode, ok := ask(r, "its persistence mode", "nvmlDeviceGetPersistenceMode", h.GetPersistenceMode); ok {
		d.Persistence = new(mode == nvml.FEATURE_ENABLED)
	}
	d.MIG = mig(r, h)
	d.Readings = readings(r, h)
	d.Processes = processes(r, h)
	return d
}

// brands are as the container runtime names them.
var brands = map[nvml.BrandType]string{
	nvml.BRAND_QUADRO: "quadro", nvml.BRAND_TESLA: "tesla", nvml.BRAND_NVS: "nvs", nvml.BRAND_GRID: "grid",
	nvml.BRAND_GEFORCE: "geforce", nvml.BRAND_TITAN: "titan", nvml.BRAND_QUADRO_RTX: "quadrortx",
	nvml.BRAND_NVIDIA_RTX: "nvidiartx", nvml.BRAND_NVIDIA: "nvidia", nvml.BRAND_GEFORCE_RTX: "geforcertx",
	nvml.BRAND_TITAN_RTX: "titanrtx",
}

// memory is asked for in the form that tells what is reserved from what is used;
// drivers before 510 have not got it.
func memory(r reader, h nvml.Device) *gpu.Memory {
	if m, ok := ask(r, "its memory", "nvmlDeviceGetMemoryInfo_v2", h.GetMemoryInfo_v2); ok {
		return &gpu.Memory{Total: whole(m.Total), Reserved: new(whole(m.Reserved)), Used: whole(m.Used), Free: whole(m.Free)}
	}
	problems := r.into.Problems
	if m, ok := ask(r, "its memory", "nvmlDeviceGetMemoryInfo", h.GetMemoryInfo); ok {
		return &gpu.Memory{Total: whole(m.Total), Used: whole(m.Used), Free: whole(m.Free)}
	}
	if len(problems) > 0 { // why is told once
		r.into.Problems = problems
	}
	return nil
}

// readings are of the moment; power comes in thousandths of a watt.
func readings(r reader, h nvml.Device) (now gpu.Readings) {
	clock := func(t nvml.ClockType) func() (uint32, nvml.Return) {
		return func() (uint32, nvml.Return) { return h.GetClockInfo(t) }
	}
	if v, ok := ask(r, "its clock", "nvmlDeviceGetClockInfo", clock(nvml.CLOCK_SM)); ok {
		now.SMClock = new(int(v))
	}
	if v, ok := ask(r, "its memory's clock", "nvmlDeviceGetClockInfo", clock(nvml.CLOCK_MEM)); ok {
		now.MemoryClock = new(int(v))
	}
	if v, ok := ask(r, "its power draw", "nvmlDeviceGetPowerUsage", h.GetPowerUsage); ok {
		now.Power = new(float64(v) / 1000)
	}
	if v, ok := ask(r, "its power limit", "nvmlDeviceGetEnforcedPowerLimit", h.GetEnforcedPowerLimit); ok {
		now.PowerLimit = new(float64(v) / 1000)
	}
	if v, ok := ask(r, "its utilisation", "nvmlDeviceGetUtilizationRates", h.GetUtilizationRates); ok {
		now.Busy = new(int(v.Gpu))
	}
	return now
}

// mig is how the GPU is divided, nil where it cannot be.
func mig(r reader, h nvml.Device) *gpu.MIG {
	modes, ok := ask(r, "its MIG mode", "nvmlDeviceGetMigMode", func() ([2]int, nvml.Return) {
		now, pending, code := h.GetMigMode()
		return [2]int{now, pending}, code
	})
	if !ok {
		return nil
	}
	m := &gpu.MIG{Enabled: modes[0] == nvml.DEVICE_MIG_ENABLE, Pending: modes[0] != modes[1]}
	if !m.Enabled {
		return m
	}
	most, _ := ask(r, "its MIG instances", "nvmlDeviceGetMaxMigDeviceCount", h.GetMaxMigDeviceCount)
	problems := len(r.into.Problems)
	for i := range most {
		part, ok := ask(r, fmt.Sprintf("its MIG instance %d", i), "nvmlDeviceGetMigDeviceHandleByIndex", func() (nvml.Device, nvml.Return) {
			part, code := h.GetMigDeviceHandleByIndex(i)
			if code == nvml.ERROR_NOT_FOUND { // no instance in that place
				code = nvml.ERROR_NO_DATA
			}
			return part, code
		})
		if ok {
			m.Instances = append(m.Instances, instance(r, part, i))
		}
	}
	if most > 0 && len(m.Instances) == 0 && len(r.into.Problems) == problems {
		r.into.Problems = append(r.into.Problems, fmt.Sprintf("GPU %d: MIG is on and there is no instance, so that programs find no GPU: make one (nvidia-smi mig -cgi … -C), or switch MIG off", r.into.Index))
	}
	return m
}

func instance(r reader, h nvml.Device, index int) gpu.Instance {
	what := func(s string) string { return fmt.Sprintf("MIG instance %d's %s", index, s) }
	p := gpu.Instance{Index: index}
	p.Name, _ = ask(r, what("name"), "nvmlDeviceGetName", h.GetName)
	p.UUID, _ = ask(r, what("UUID"), "nvmlDeviceGetUUID", h.GetUUID)
	if id, ok := ask(r, what("GPU instance"), "nvmlDeviceGetGpuInstanceId", h.GetGpuInstanceId); ok {
		p.GPU = &id
	}
	if id, ok := ask(r, what("compute instance"), "nvmlDeviceGetComputeInstanceId", h.GetComputeInstanceId); ok {
		p.Compute = &id
	}
	p.Memory = memory(r, h)
	return p
}

// processes are those of all kinds, each once for every MIG instance that it is
// on, in the order of their ids. They are nil where compute's are not told.
func processes(r reader, h nvml.Device) []gpu.Process {
	if r.into.Lost {
		return nil
	}
	if why := overruns(r.library); why != "" {
		r.into.Problems = append(r.into.Problems, fmt.Sprintf("GPU %d: %s", r.into.Index, why))
		return nil
	}
	all := []gpu.Process{}
	for _, k := range []struct {
		kind, symbol string
		call         func() ([]nvml.ProcessInfo, nvml.Return)
	}{
		{"compute", "nvmlDeviceGetComputeRunningProcesses", h.GetComputeRunningProcesses},
		{"graphics", "nvmlDeviceGetGraphicsRunningProcesses", h.GetGraphicsRunningProcesses},
		{"mps", "nvmlDeviceGetMPSComputeRunningProcesses", h.GetMPSComputeRunningProcesses},
	} {
		list, ok := ask(r, "its "+k.kind+" processes", k.symbol, k.call)
		if !ok && k.kind == "compute" {
			return nil
		}
		for _, info := range list {
			all = with(all, process(info, k.kind))
		}
	}
	slices.SortFunc(all, func(a, b gpu.Process) int { return cmp.Compare(a.PID, b.PID) })
	return all
}

// with adds a process, to itself where it is there already: then the driver
// tells the same memory again.
func with(all []gpu.Process, p gpu.Process) []gpu.Process {
	same := func(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
	for i, q := range all {
		if q.PID == p.PID && same(q.GPUInstance, p.GPUInstance) && same(q.ComputeInstance, p.ComputeInstance) {
			if !slices.Contains(strings.Split(q.Kind, "+"), p.Kind) { // drivers name one twice in a container
				all[i].Kind += "+" + p.Kind
			}
			if q.Memory == nil {
				all[i].Memory = p.Memory
			}
			return all
		}
	}
	return append(all, p)
}

func process(info nvml.ProcessInfo, kind string) gpu.Process {
	p := gpu.Process{PID: int(info.Pid), Kind: kind}
	if info.UsedGpuMemory != math.MaxUint64 { // NVML_VALUE_NOT_AVAILABLE
		p.Memory = new(whole(info.UsedGpuMemory))
	}
	if info.GpuInstanceId != math.MaxUint32 { // not of MIG
		p.GPUInstance = new(int(info.GpuInstanceId))
	}
	if info.ComputeInstanceId != math.MaxUint32 {
		p.ComputeInstance = new(int(info.ComputeInstanceId))
	}
	return p
}

// whole is a count that fits: more than an int64 holds nothing has.
func whole(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

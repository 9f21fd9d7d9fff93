//go:build linux && cgo

package nvml

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
)

// Open begins to ask the driver of the GPUs and MIG instances with these UUIDs,
// or of all where none is named, until Close. A GPU that is divided stands for
// its instances, as programs see those alone. While it is open the driver most
// likely keeps the GPUs awake, as in persistence mode, so that no start has to
// wake them: that is what is known of drivers, and was not tried.
//
// Where the driver cannot be asked the error is a *gpu.TroubleError, as that of
// Host; so it is where one that is named is lost. Of all GPUs those that are
// lost are left out.
func Open(ctx context.Context, uuids []string) (gpu.Meter, error) {
	path, err := find(libraries)
	if err != nil {
		return nil, err
	}
	library := nvml.New(nvml.WithLibraryPath(path))
	s, err := within(ctx, patience, func() (*session, error) { return open(library, uuids) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// A session is a gpu.Meter. Its handles are good for as long as the library is
// initialised.
type session struct {
	library nvml.Interface
	parts   []*part
}

// open initialises the library and finds what is named.
func open(library nvml.Interface, uuids []string) (_ *session, err error) {
	if r := library.Init(); r != nvml.SUCCESS {
		return nil, trouble("nvmlInit", r)
	}
	defer func() {
		if err != nil {
			_ = library.Shutdown() // err tells more than this would
		}
	}()
	count, r := library.DeviceGetCount()
	if r != nvml.SUCCESS {
		return nil, trouble("nvmlDeviceGetCount", r)
	}
	s := &session{library: library}
	var there, problems []string
	for i := range count {
		d := device(library, i)
		named := slices.Contains(uuids, d.UUID)
		if named && d.Lost {
			return nil, fmt.Errorf("%s: %w", d.UUID, trouble("opening GPU "+fmt.Sprint(i), nvml.ERROR_GPU_IS_LOST))
		}
		problems = append(problems, d.Problems...)
		for _, p := range s.split(d) {
			there = append(there, p.told.UUID)
			if len(uuids) == 0 || named || slices.Contains(uuids, p.told.UUID) {
				s.parts = append(s.parts, p)
			}
		}
	}
	for _, uuid := range uuids {
		if !slices.ContainsFunc(s.parts, func(p *part) bool { return p.told.UUID == uuid || p.of == uuid }) {
			return nil, absent(uuid, there, problems)
		}
	}
	if len(s.parts) == 0 {
		return nil, absent("that can be watched", nil, problems)
	}
	return s, nil
}

// absent says that there is no such GPU, what there is instead, and what could
// not be read, which may be why.
func absent(what string, there, problems []string) error {
	s := "no GPU or MIG instance " + what + " here"
	if len(there) > 0 {
		s += ": there are " + strings.Join(there, ", ")
	}
	for _, p := range problems {
		s += "; " + p
	}
	return fmt.Errorf("%s (mlbench gpu shows what this host has)", s)
}

// split is a GPU, or the instances that it is divided into; nothing of one that
// is lost, or that the driver does not give.
func (s *session) split(d gpu.Device) []*part {
	whole, r := s.library.DeviceGetHandleByIndex(d.Index)
	if d.Lost || r != nvml.SUCCESS {
		return nil
	}
	if d.MIG == nil || !d.MIG.Enabled {
		return []*part{newPart(s.library, d, whole)}
	}
	var parts []*part
	for _, i := range d.MIG.Instances {
		h, r := whole.GetMigDeviceHandleByIndex(i.Index)
		if r != nvml.SUCCESS {
			continue
		}
		p := newPart(s.library, gpu.Device{
			Index: d.Index, Name: i.Name, UUID: i.UUID, Capability: d.Capability, Brand: d.Brand, Class: d.Class,
			Memory: i.Memory, Persistence: d.Persistence,
		}, h)
		p.of, p.whole, p.gpu, p.compute = d.UUID, whole, i.GPU, i.Compute
		parts = append(parts, p)
	}
	return parts
}

// Devices are those that are watched, MIG instances by their own names, UUIDs
// and memory.
func (s *session) Devices() []gpu.Device {
	all := make([]gpu.Device, len(s.parts))
	for i, p := range s.parts {
		all[i] = p.told
	}
	return all
}

// Read asks for what is in use. See gpu.Meter.
func (s *session) Read() ([]gpu.Load, error) {
	loads := make([]gpu.Load, len(s.parts))
	for i, p := range s.parts {
		load, err := p.read()
		if err != nil {
			return nil, err
		}
		loads[i] = load
	}
	return loads, nil
}

// Close gives the driver a minute to let go. One that hangs is left behind.
func (s *session) Close() error {
	_, err := within(context.Background(), patience, func() (struct{}, error) {
		if r := s.library.Shutdown(); r != nvml.SUCCESS {
			return struct{}{}, trouble("nvmlShutdown", r)
		}
		return struct{}{}, nil
	})
	return err
}

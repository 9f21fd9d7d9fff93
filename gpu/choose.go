package gpu

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Choice is what a Request comes to on a host.
type Choice struct {
	// Devices are what a candidate sees, each once: GPUs, and MIG instances each
	// as a Device with its own name, UUID and memory, and the index and all else
	// of the GPU that it is a part of.
	Devices []Device
	// Request asks for the same, with UUIDs in full: CUDA takes their beginnings,
	// and container runtimes do not.
	Request Request
	// Warnings are what is wrong with the devices and does not stop anything.
	Warnings []string
}

// UUIDs name the devices.
func (c Choice) UUIDs() []string {
	ids := make([]string, len(c.Devices))
	for i, d := range c.Devices {
		ids[i] = d.UUID
	}
	return ids
}

// errMIG is why a divided GPU is of no use as a whole: programs find instances
// only, and container runtimes do not give those of a GPU along with it but for
// "all" (libnvidia-container, select_devices).
var errMIG = errors.New("it is divided by MIG, and as a whole it gives programs no GPU")

// Choose finds the devices that a Request asks for. An error says which there
// are; it wraps ErrLost where one is lost. The zero Request is none of them.
func (h Host) Choose(r Request) (Choice, error) {
	c := Choice{Request: r}
	var err error
	switch {
	case r.All:
		err = c.all(h)
	case r.Count > len(h.Devices):
		err = fmt.Errorf("%d GPUs are asked for, and %s: ask for fewer", r.Count, h.offers())
	case r.Count > 0:
		for _, d := range h.Devices[:r.Count] {
			if err = c.whole(d); err != nil {
				break
			}
		}
	default:
		err = c.named(h, r.IDs)
	}
	if err != nil {
		return Choice{}, err
	}
	c.warn()
	return c, nil
}

// all are the devices that can be used. Of a divided GPU they are its instances.
func (c *Choice) all(h Host) error {
	var left error
	for _, d := range h.Devices {
		if d.MIG != nil && d.MIG.Enabled && usable(d) == nil && len(d.MIG.Instances) > 0 {
			for _, i := range d.MIG.Instances {
				c.add(d.part(i))
			}
			continue
		}
		if err := c.whole(d); err != nil {
			left = errors.Join(left, err)
			c.Warnings = append(c.Warnings, "left out of all GPUs: "+err.Error())
		}
	}
	switch {
	case len(c.Devices) > 0:
		return nil
	case left != nil:
		return left
	}
	return fmt.Errorf("all GPUs are asked for, and %s: see lspci for what is built in; in a container, start it with --gpus all", h.offers())
}

// whole adds a GPU as a whole.
func (c *Choice) whole(d Device) error {
	if err := usable(d); err != nil {
		return err
	}
	if d.MIG == nil || !d.MIG.Enabled {
		c.add(d)
		return nil
	}
	if len(d.MIG.Instances) == 0 {
		return fmt.Errorf("GPU %d: %w: make an instance (nvidia-smi mig -cgi … -C), or switch MIG off (nvidia-smi -mig 0)", d.Index, errMIG)
	}
	return fmt.Errorf("GPU %d: %w: name an instance of it, %s", d.Index, errMIG, parts(d))
}

// named adds the devices of these names.
func (c *Choice) named(h Host, ids []string) error {
	c.Request.IDs = nil
	for _, id := range ids {
		before := len(c.Devices)
		full, err := c.name(h, id)
		if err != nil {
			return err
		}
		if len(c.Devices) > before { // of two names of one device one is enough
			c.Request.IDs = append(c.Request.IDs, full)
		}
	}
	return nil
}

func (c *Choice) add(d Device) {
	if !slices.ContainsFunc(c.Devices, func(e Device) bool { return e.UUID == d.UUID }) {
		c.Devices = append(c.Devices, d)
	}
}

// usable is an error for a GPU that cannot be used.
func usable(d Device) error {
	switch {
	case d.Lost:
		return fmt.Errorf("GPU %d: %w: %s", d.Index, ErrLost, RemedyLost)
	case d.UUID == "":
		return fmt.Errorf("GPU %d cannot be used: %s", d.Index, strings.Join(append(d.Problems, "the driver does not tell its UUID"), "; "))
	}
	return nil
}

// part is an instance as a Device.
func (d Device) part(i Instance) Device {
	d.UUID, d.Memory, d.MIG = i.UUID, i.Memory, nil
	if i.Name != "" {
		d.Name = i.Name
	}
	d.Readings = Readings{} // are of the whole GPU
	if d.Processes != nil {
		of := []Process{}
		for _, p := range d.Processes {
			if p.in(i) {
				of = append(of, p)
			}
		}
		d.Processes = of
	}
	return d
}

// in reports whether a process is on an instance.
func (p Process) in(i Instance) bool {
	same := func(a, b *int) bool { return a == nil || b == nil || *a == *b }
	return same(p.GPUInstance, i.GPU) && same(p.ComputeInstance, i.Compute)
}

// offers says which devices there are.
func (h Host) offers() string {
	const most = 16 // no host of today has more
	var all []string
	for _, d := range h.Devices {
		s := fmt.Sprintf("GPU %d (%s, %s", d.Index, d.Name, d.UUID)
		switch {
		case d.Lost:
			s = fmt.Sprintf("GPU %d (lost", d.Index)
		case usable(d) != nil:
			s = fmt.Sprintf("GPU %d (which cannot be used", d.Index)
		case d.MIG != nil && d.MIG.Enabled:
			s += ", MIG " + parts(d)
		}
		all = append(all, s+")")
	}
	if len(all) == 0 {
		return "the driver tells of none"
	}
	return "the host has " + listed(all, most)
}

// parts names the instances of a GPU.
func parts(d Device) string {
	var all []string
	for _, i := range d.MIG.Instances {
		all = append(all, fmt.Sprintf("%d:%d %s", d.Index, i.Index, i.UUID))
	}
	if len(all) == 0 {
		return "without instances"
	}
	return listed(all, 8) // a GPU has seven at most
}

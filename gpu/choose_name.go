package gpu

import (
	"fmt"
	"strconv"
	"strings"
)

// CDIKind is the kind of NVIDIA's GPUs in names of the Container Device
// Interface, which are KIND=NAME.
const CDIKind = "nvidia.com/gpu"

// CDIName reads the name of a device in the Container Device Interface.
func CDIName(id string) (kind, name string, ok bool) {
	kind, name, ok = strings.Cut(id, "=")
	return kind, name, ok && strings.Contains(kind, "/")
}

// name adds the device of a name, and says its name with a UUID in full.
func (c *Choice) name(h Host, id string) (full string, err error) {
	if kind, name, ok := CDIName(id); ok {
		if kind != CDIKind {
			return "", fmt.Errorf("%s: of CDI's names only %s=… are known here", id, CDIKind)
		}
		if name == "all" {
			return id, c.all(h)
		}
		// nvidia-ctk cdi generate numbers devices as 0 or gpu0, and 0:1 or mig0:1
		// (its --device-name-strategy).
		short := strings.TrimPrefix(strings.TrimPrefix(name, "gpu"), "mig")
		full, err := c.name(h, short)
		switch {
		case err != nil:
			return "", fmt.Errorf("%s: %w", id, err)
		case full != short: // the beginning of a UUID
			id = CDIKind + "=" + full
		}
		return id, nil
	}
	gpu, instance, divided := strings.Cut(id, ":")
	for _, d := range h.Devices {
		switch {
		case gpu != strconv.Itoa(d.Index):
		case !divided:
			return id, c.whole(d)
		default:
			return id, c.numbered(h, d, id, instance)
		}
	}
	return c.byUUID(h, id)
}

// numbered adds a GPU's instance by its number.
func (c *Choice) numbered(h Host, d Device, id, number string) error {
	if err := usable(d); err != nil {
		return err
	}
	if d.MIG != nil {
		for _, i := range d.MIG.Instances {
			if number == strconv.Itoa(i.Index) {
				c.add(d.part(i))
				return nil
			}
		}
	}
	return fmt.Errorf("there is no MIG instance %s: %s", id, h.offers())
}

// byUUID adds the one device whose UUID begins so, as with CUDA_VISIBLE_DEVICES
// (CUDA Programming Guide, environment variables).
func (c *Choice) byUUID(h Host, id string) (full string, err error) {
	begins := func(uuid string) bool {
		return len(id) > len("GPU-") && len(uuid) >= len(id) && strings.EqualFold(uuid[:len(id)], id)
	}
	var found []string
	add := func() error { return nil }
	for _, d := range h.Devices {
		if begins(d.UUID) {
			found, add = append(found, d.UUID), func() error { return c.whole(d) }
		}
		if d.MIG == nil {
			continue
		}
		for _, i := range d.MIG.Instances {
			if begins(i.UUID) {
				found, add = append(found, i.UUID), func() error {
					if err := usable(d); err != nil {
						return err
					}
					c.add(d.part(i))
					return nil
				}
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], add()
	case 0:
		return "", fmt.Errorf("there is no %s: %s", thing(id), h.offers())
	}
	return "", fmt.Errorf("%s is the beginning of %d UUIDs: give more of it (%s)", id, len(found), listed(found, 4))
}

// thing is what a name that nothing has would be of.
func thing(id string) string {
	switch {
	case strings.HasPrefix(id, "GPU-"):
		return id
	case strings.HasPrefix(id, "MIG-"):
		return "MIG instance " + id
	}
	return "GPU " + id
}

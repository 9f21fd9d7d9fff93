package gpu

import "fmt"

// warn says what is wrong with the devices that were chosen.
func (c *Choice) warn() {
	instances, named := 0, make(map[int]bool)
	for _, d := range c.Devices {
		what := fmt.Sprintf("GPU %d", d.Index)
		if d.instance() {
			instances++
			what += " (" + d.UUID + ")"
		}
		if !named[d.Index] { // once for all of its instances
			c.Warnings = append(c.Warnings, d.Problems...)
			if d.Persistence != nil && !*d.Persistence {
				c.Warnings = append(c.Warnings, fmt.Sprintf("GPU %d: persistence mode is off, so that it sleeps while nothing has it open, and whoever opens it then waits for seconds, though most likely no start that mlbench watches: %s", d.Index, RemedyAsleep))
			}
		}
		named[d.Index] = true
		for _, p := range d.Processes {
			has := ""
			if p.Memory != nil {
				has = fmt.Sprintf(" and has %d MB of its memory", *p.Memory/1e6)
			}
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: process %d (%s) is on it%s: what it does there is noise", what, p.PID, p.Kind, has))
		}
	}
	// MIG User Guide, "CUDA Device Enumeration".
	if instances > 0 && len(c.Devices) > 1 {
		c.Warnings = append(c.Warnings, "a program sees one MIG instance through CUDA, the first, and no other GPU beside it: ask for the one that is meant, e.g. device="+c.firstInstance())
	}
}

// instance tells a MIG instance from a GPU.
func (d Device) instance() bool { return len(d.UUID) > 4 && d.UUID[:4] == "MIG-" }

func (c *Choice) firstInstance() string {
	for _, d := range c.Devices {
		if d.instance() {
			return d.UUID
		}
	}
	return ""
}

package report

import (
	"fmt"
	"slices"
	"strings"

	"mlbench/gpu"
)

// gpuHost shows a host's GPUs, its tables by draw.
func gpuHost(p *printer, r *gpu.Report, draw func(table)) {
	facts := strings.Join(append(gpuDriver(r.Host), plural(len(r.Host.Devices), "GPU")), ", ")
	p.line(brief("host: "+facts, maxLine))
	if t := gpuDevices(r.Host); len(t.rows) > 0 {
		p.line("")
		draw(t)
		for _, note := range gpuNotes(t) {
			p.line("")
			p.line(note)
		}
	}
	if t := gpuUUIDs(r.Host); len(t.rows) > 0 {
		p.line("")
		draw(t)
	}
	if t := gpuProcesses(r.Host); len(t.rows) > 0 {
		p.line("")
		draw(t)
	}
}

// gpuDriver are the driver and what it offers.
func gpuDriver(h gpu.Host) []string {
	facts := []string{"driver not known"}
	if h.Driver.Known() {
		facts = []string{"driver " + h.Driver.String()}
	}
	if h.CUDA.Known() {
		facts = append(facts, "CUDA "+h.CUDA.String())
	}
	return facts
}

// gpuDevices is a row a GPU, and under it one for each of its MIG instances.
func gpuDevices(h gpu.Host) table {
	t := table{left: 5, head: []string{"gpu", "name", "capability", "MIG", "persistent", "memory used", "of", "busy", "power", "processes"}}
	for _, d := range h.Devices {
		capability := unknown
		if d.Capability.Known() {
			capability = d.Capability.String()
		}
		row := []string{fmt.Sprint(d.Index), gpuName(d.Name), capability, migMode(d.MIG), onOff(d.Persistence)}
		if d.Lost {
			row[1] = "LOST " + row[1]
		}
		row = append(row, memoryOf(d.Memory)...)
		busy, power, processes := unknown, unknown, unknown
		if b := d.Readings.Busy; b != nil {
			busy = fmt.Sprintf("%d %%", *b)
		}
		if w := d.Readings.Power; w != nil {
			power = fmt.Sprintf("%.0f W", *w)
		}
		if d.Processes != nil {
			processes = fmt.Sprint(len(d.Processes))
		}
		t.rows = append(t.rows, append(row, busy, power, processes))
		if d.MIG == nil {
			continue
		}
		for _, i := range d.MIG.Instances {
			row := append([]string{fmt.Sprintf("%d:%d", d.Index, i.Index), gpuName(i.Name), "", "", ""}, memoryOf(i.Memory)...)
			t.rows = append(t.rows, append(row, "", "", ""))
		}
	}
	return t
}

func gpuName(s string) string {
	if s == "" {
		return unknown
	}
	return brief(s, maxLine)
}

func migMode(m *gpu.MIG) string {
	switch {
	case m == nil:
		return unknown
	case m.Pending:
		return onOff(&m.Enabled) + " → " + onOff(new(!m.Enabled))
	}
	return onOff(&m.Enabled)
}

func onOff(b *bool) string {
	switch {
	case b == nil:
		return unknown
	case *b:
		return "on"
	}
	return "off"
}

// gpuNotes say what signs in the table stand for, where they are in it.
func gpuNotes(t table) (notes []string) {
	has := func(sign string) bool {
		return slices.ContainsFunc(t.rows, func(row []string) bool {
			return slices.ContainsFunc(row, func(cell string) bool { return strings.Contains(cell, sign) })
		})
	}
	if has("≤ ") {
		notes = append(notes, "≤: what driver and firmware reserve is in it, as this driver does not tell it apart")
	}
	if has(" → ") {
		notes = append(notes, "→: after a reset of the GPU")
	}
	return notes
}

// memoryOf is what is used, and of how much.
func memoryOf(m *gpu.Memory) []string {
	if m == nil {
		return []string{unknown, unknown}
	}
	used := bytes(m.Used)
	if m.Reserved == nil {
		used = "≤ " + used
	}
	return []string{used, bytes(m.Total)}
}

// gpuUUIDs are the names by which an engine is asked for a GPU or an instance.
func gpuUUIDs(h gpu.Host) table {
	t := table{left: 2, head: []string{"gpu", "UUID"}}
	for _, d := range h.Devices {
		if d.UUID != "" {
			t.rows = append(t.rows, []string{fmt.Sprint(d.Index), brief(d.UUID, maxLine)})
		}
		if d.MIG == nil {
			continue
		}
		for _, i := range d.MIG.Instances {
			if i.UUID != "" {
				t.rows = append(t.rows, []string{fmt.Sprintf("%d:%d", d.Index, i.Index), brief(i.UUID, maxLine)})
			}
		}
	}
	return t
}

// gpuProcesses is a row a process with a context on a GPU.
func gpuProcesses(h gpu.Host) table {
	t := table{left: 1, last: true, head: []string{"gpu", "PID", "memory", "kind"}}
	for _, d := range h.Devices {
		for _, q := range d.Processes {
			memory := unknown
			if q.Memory != nil {
				memory = bytes(*q.Memory)
			}
			t.rows = append(t.rows, []string{fmt.Sprint(d.Index), fmt.Sprint(q.PID), memory, q.Kind})
		}
	}
	return t
}

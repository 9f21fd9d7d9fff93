package history

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mlbench/bench"
)

// A Fingerprint is what times depend on besides the candidates: runs where
// these are the same may be compared over time. Empty is not known.
type Fingerprint struct {
	Runner  string          `json:"runner,omitempty"`
	Cold    bench.ColdLevel `json:"cold,omitempty"`
	Engine  string          `json:"engine,omitempty"`
	Storage string          `json:"storage,omitempty"`
	Runtime string          `json:"runtime,omitempty"`
	Reach   string          `json:"reach,omitempty"`

	OS          string `json:"os,omitempty"`
	Arch        string `json:"arch,omitempty"`
	Kernel      string `json:"kernel,omitempty"`
	CPU         string `json:"cpu,omitempty"`
	CPUs        int    `json:"cpus,omitempty"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`

	GPUs      []string `json:"gpus,omitempty"` // names, sorted, one for each
	GPUDriver string   `json:"gpu_driver,omitempty"`
}

func fingerprint(r *bench.Result) Fingerprint {
	h := r.Host
	f := Fingerprint{
		Runner: bounded(r.Spec.Runner), Cold: r.Cold.Level, Engine: bounded(h.Engine), Storage: bounded(h.Storage), Runtime: bounded(h.Runtime), Reach: bounded(h.Reach),
		OS: bounded(h.OS), Arch: bounded(h.Arch), Kernel: bounded(h.Kernel), CPU: bounded(h.CPU), CPUs: h.CPUs, MemoryBytes: h.MemoryBytes,
	}
	if r.GPU != nil {
		f.GPUDriver = bounded(r.GPU.Driver.String())
		for _, d := range r.GPU.Devices {
			f.GPUs = append(f.GPUs, bounded(d.Name))
		}
		slices.Sort(f.GPUs)
	}
	return f
}

// A part is one fact of a fingerprint or a setup.
type part struct{ name, value string }

// memoryStep is how exactly the memory of two hosts is told apart: what the
// kernel keeps for itself differs by some megabytes from boot to boot.
const memoryStep = 256 << 20

func (f Fingerprint) parts() []part {
	memory, cpus := "", ""
	if f.MemoryBytes > 0 {
		memory = fmt.Sprintf("%.2f GiB", float64((f.MemoryBytes+memoryStep/2)/memoryStep)*memoryStep/(1<<30))
	}
	if f.CPUs > 0 {
		cpus = strconv.Itoa(f.CPUs)
	}
	return []part{
		{"runner", f.Runner}, {"cold", string(f.Cold)}, {"engine", f.Engine}, {"storage", f.Storage}, {"runtime", f.Runtime}, {"reach", f.Reach},
		{"os", f.OS}, {"arch", f.Arch}, {"kernel", f.Kernel}, {"cpu", f.CPU}, {"cpus", cpus}, {"memory", memory},
		{"gpus", strings.Join(f.GPUs, ", ")}, {"gpu driver", f.GPUDriver},
	}
}

// ID is a short name of the fingerprint: of the same facts it is the same.
func (f Fingerprint) ID() string {
	h := sha256.New()
	for _, p := range f.parts() {
		fmt.Fprintf(h, "%s=%q\n", p.name, p.value)
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// Facts are what is known of it, in a line for people.
func (f Fingerprint) Facts() string {
	var known []string
	for _, p := range f.parts() {
		if p.value != "" {
			known = append(known, p.name+" "+p.value)
		}
	}
	return strings.Join(known, ", ")
}

// A Difference is a fact that two series do not have in common. An empty value
// is one that is not known, or not given.
type Difference struct {
	What string `json:"what"`
	From string `json:"from"`
	To   string `json:"to"`
}

// differences are what differs between two lists of facts, in their order.
func differences(from, to []part) []Difference {
	var d []Difference
	before := make(map[string]string)
	for _, p := range from {
		before[p.name] = p.value
	}
	for _, p := range to {
		if before[p.name] != p.value {
			d = append(d, Difference{p.name, before[p.name], p.value})
		}
		delete(before, p.name)
	}
	for _, p := range from {
		if was, gone := before[p.name]; gone && was != "" {
			d = append(d, Difference{p.name, was, ""})
		}
	}
	return d
}

// same reports whether two fingerprints are of the same facts to the last bit;
// others may have the same ID all the same.
func (f Fingerprint) same(g Fingerprint) bool {
	if !slices.Equal(f.GPUs, g.GPUs) {
		return false
	}
	return f.Runner == g.Runner && f.Cold == g.Cold && f.Engine == g.Engine && f.Storage == g.Storage && f.Runtime == g.Runtime && f.Reach == g.Reach &&
		f.OS == g.OS && f.Arch == g.Arch && f.Kernel == g.Kernel && f.CPU == g.CPU && f.CPUs == g.CPUs && f.MemoryBytes == g.MemoryBytes &&
		f.GPUDriver == g.GPUDriver
}

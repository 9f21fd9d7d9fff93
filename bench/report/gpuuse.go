package report

import (
	"fmt"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/stats"
)

// onGPU is what starts had on the GPUs: a table beside that of the phases, as
// its times overlap with those and do not add up with them.
func onGPU(v view) table {
	return metrics(v, bench.GPUWitnesses(), "on the GPU")
}

// onGPUNote says what onGPU's times are not, and whose the memory may be.
func onGPUNote(v view) string {
	note := "times on the GPU run beside boot and warmup, and may end after ready: they do not add up with the phases"
	for _, s := range v.Starts {
		if s.Role != bench.RoleWarmup && s.GPU != nil && s.GPU.Source == gpu.ByDevice {
			return note + "; memory is told by device, so it is the change of what is in use there, by whomever"
		}
	}
	return note
}

// gpuMemory says of a candidate whose GPU memory is over the limit how much it
// is; nothing of others.
func gpuMemory(v view, candidate int) string {
	for _, g := range v.Gates {
		if g.Name == bench.GateGPUMemory && g.Candidate == candidate && g.Verdict == bench.Fail {
			why, _, _ := strings.Cut(g.Why, ";")
			return "GPU memory: " + v.told(why) + "."
		}
	}
	return ""
}

// gpuLine says on which GPUs it was measured and how; nothing where there were
// none.
func gpuLine(v view) string {
	var parts []string
	if g := v.GPU; g != nil {
		facts := append(gpuNames(g.Devices), gpuDriver(gpu.Host{Driver: g.Driver, CUDA: g.CUDA})...)
		parts = append(parts, strings.Join(facts, ", "))
	}
	if asked := gpuAsked(v); asked != "" {
		parts = append(parts, asked)
	}
	if told := gpuTold(v); told != "" {
		parts = append(parts, told)
	}
	if len(parts) == 0 {
		return ""
	}
	return brief("GPU: "+strings.Join(parts, "; "), maxLine)
}

// mostGPUNames bounds the kinds of GPUs that are named.
const mostGPUNames = 4

// gpuNames names every kind of GPU once, with its memory and how many there are.
func gpuNames(devices []bench.GPUDevice) []string {
	var names []string
	count := make(map[string]int)
	for _, d := range devices {
		name := shorten(gpuName(d.Name), maxName)
		if d.MemoryTotalBytes > 0 {
			name += " (" + bytes(d.MemoryTotalBytes) + ")"
		}
		names = appendNew(names, name)
		count[name]++
	}
	for i, name := range names {
		if n := count[name]; n > 1 {
			names[i] = fmt.Sprintf("%d × %s", n, name)
		}
	}
	if more := len(names) - mostGPUNames; more > 0 {
		names = append(names[:mostGPUNames], fmt.Sprintf("%d other kinds", more))
	}
	return names
}

// gpuAsked is what the candidates asked for, and how.
func gpuAsked(v view) string {
	var asked []string
	for _, c := range v.Candidates {
		what := "none"
		if c.GPUs != nil {
			what = requested(*c.GPUs)
		}
		asked = appendNew(asked, what)
	}
	s := ""
	if len(asked) > 0 && !slices.Equal(asked, []string{"none"}) {
		s = "asked for: " + strings.Join(asked[:min(len(asked), mostGPUNames)], " and ")
	}
	if how := v.Host.GPURequest; how != "" && s != "" {
		s += " (" + brief(how, maxName) + ")"
	}
	return s
}

// requested is a request, of one that names many GPUs no more than the first:
// UUIDs are long, and cut in their midst they name nothing.
func requested(r gpu.Request) string {
	s := r.String()
	if len([]rune(s)) <= maxName || len(r.IDs) < 2 {
		return brief(s, maxName)
	}
	return fmt.Sprintf("device=%s and %d more", brief(r.IDs[0], maxName), len(r.IDs)-1)
}

// gpuTold is how memory was told, and how often.
func gpuTold(v view) string {
	var sources []string
	var every []float64
	for _, s := range v.Starts {
		if s.GPU != nil && s.Role != bench.RoleWarmup {
			sources = appendNew(sources, brief(string(s.GPU.Source), maxName))
			every = append(every, s.GPU.EveryMS)
		}
	}
	if len(sources) == 0 {
		return ""
	}
	slices.Sort(sources)
	told := strings.Join(sources[:min(len(sources), mostGPUNames)], " and by ")
	return fmt.Sprintf("memory told by %s, read every %s (median)", told, milliseconds(stats.Median(every)))
}

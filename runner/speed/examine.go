package speed

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"mlbench/runner"
)

// What makes a host a poor one to measure on.
const (
	gauged     = 20   // how often the fixed work is done
	unsteady   = 0.15 // from its 10 % to its 90 % quantile, as a share of the median
	busy       = 0.3  // load of a minute, a processor
	stolenFrom = 0.02 // of the processors' time, taken by the hypervisor
)

// Examine says how good this host is to measure on. It takes about a second.
func Examine() []runner.Finding {
	found := []runner.Finding{processors()}
	found = append(found, steady()...)
	for _, f := range []func(root string) (runner.Finding, bool){examineLoad, examineGovernor, examineClock} {
		if finding, ok := f("/"); ok {
			found = append(found, finding)
		}
	}
	return found
}

func processors() runner.Finding {
	n := runtime.NumCPU()
	if n == 1 {
		return runner.Finding{
			Subject: "processors", Grade: runner.Poor, Found: "1, which mlbench, the engine and the candidate share",
			Remedy: "measure where there are two or more",
		}
	}
	return runner.Finding{Subject: "processors", Grade: runner.Good, Found: strconv.Itoa(n)}
}

// steady does the fixed work again and again.
func steady() []runner.Finding {
	g := New()
	stolen, told := Steal()
	begin := time.Now()
	took := make([]time.Duration, gauged)
	for i := range took {
		took[i] = g.Measure()
	}
	elapsed := time.Since(begin)
	slices.Sort(took)
	median := took[gauged/2]
	spread := float64(took[gauged*9/10]-took[gauged/10]) / float64(median)
	f := runner.Finding{
		Subject: "steadiness", Grade: runner.Good,
		Found: fmt.Sprintf("the same work takes %.1f ms, give or take %.0f %%", float64(median)/1e6, 100*spread/2),
	}
	if spread > unsteady {
		f.Grade = runner.Poor
		f.Remedy = "small differences will take many pairs: end what else runs here, or use a host of its own"
	}
	found := []runner.Finding{f}
	if after, ok := Steal(); ok && told {
		share := float64(after-stolen) / float64(elapsed) / float64(runtime.NumCPU())
		f := runner.Finding{Subject: "steal", Grade: runner.Good, Found: fmt.Sprintf("the hypervisor took %.1f %% of the processors' time", 100*share)}
		if share > stolenFrom {
			f.Grade, f.Remedy = runner.Poor, "use a host whose processors are not shared"
		}
		found = append(found, f)
	}
	return found
}

// read is a file of /proc or /sys below root, without what ends it.
func read(root, name string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(root, name))
	return strings.TrimSpace(string(b)), err == nil
}

func examineLoad(root string) (runner.Finding, bool) {
	text, _ := read(root, "proc/loadavg")
	average := parseLoadAverage(text)
	if average == nil {
		return runner.Finding{}, false
	}
	f := runner.Finding{Subject: "load", Grade: runner.Good, Found: fmt.Sprintf("%.2f in the last minute, on %d processors", *average, runtime.NumCPU())}
	if *average > busy*float64(runtime.NumCPU()) {
		f.Grade, f.Remedy = runner.Poor, "end what else runs here (uptime, top), and wait a minute"
	}
	return f, true
}

func examineGovernor(root string) (runner.Finding, bool) {
	text, ok := read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	if !ok {
		return runner.Finding{}, false // a virtual machine's is the host's
	}
	f := runner.Finding{Subject: "governor", Grade: runner.Good, Found: text}
	if text != "performance" {
		f.Grade, f.Found = runner.Poor, text+": the processors' clock follows the load, and a start is a short one"
		f.Remedy = "sudo cpupower frequency-set -g performance"
	}
	return f, true
}

// exactClocks are those that a program reads without asking the kernel.
var exactClocks = []string{"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}

func examineClock(root string) (runner.Finding, bool) {
	text, ok := read(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
	if !ok {
		return runner.Finding{}, false
	}
	f := runner.Finding{Subject: "clock", Grade: runner.Good, Found: text}
	if !slices.Contains(exactClocks, text) {
		f.Grade, f.Found, f.Remedy = runner.Poor, text+": slow to read", "boot with a better one (kernel parameter clocksource=tsc, where the processor has it)"
	}
	return f, true
}

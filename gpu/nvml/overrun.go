//go:build linux && cgo

package nvml

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"mlbench/gpu"
)

// The first drivers of the 535 line tell of a process in 32 bytes where the third
// version of the calls has 24, as before and after them: they name wrong
// processes, and write beyond what they were given (XuehaiPan/nvitop, pull
// requests 79 and 89; NVIDIA/go-nvml, issue 75). 535.98 has the second version
// alone, 535.104.05 the third as it was.
var (
	firstOverrun = mustDriver("535.43.02")
	afterOverrun = mustDriver("535.98")
)

func mustDriver(s string) gpu.Driver {
	d, err := gpu.ParseDriver(s)
	if err != nil {
		panic(err) // our own table
	}
	return d
}

// overruns is why processes are not asked for, "" where they may be.
func overruns(library nvml.Interface) string {
	version, r := library.SystemGetDriverVersion()
	if r != nvml.SUCCESS {
		return ""
	}
	d, err := gpu.ParseDriver(version)
	if err != nil || d.Compare(firstOverrun) < 0 || d.Compare(afterOverrun) >= 0 {
		return ""
	}
	return fmt.Sprintf("its processes are not asked for, as driver %s tells of them wrongly: take 535.104.05 or newer", d)
}

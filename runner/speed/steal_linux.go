package speed

import (
	"os"
	"time"
)

// Steal is how long, since the machine was started and of all processors
// together, something could have run here while the hypervisor had given the
// processor to another guest. ok is false where that is not told.
func Steal() (stolen time.Duration, ok bool) {
	file, err := os.Open("/proc/stat")
	if err != nil {
		return 0, false
	}
	defer func() { _ = file.Close() }()
	text := make([]byte, 512) // the first line has ten figures
	n, err := file.Read(text)
	if err != nil {
		return 0, false
	}
	return parseSteal(string(text[:n]))
}

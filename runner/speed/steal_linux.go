package speed

import "time"

// Steal is how long, since the machine was started and of all processors
// together, something could have run here while the hypervisor had given the
// processor to another guest. ok is false where that is not told.
func Steal() (stolen time.Duration, ok bool) { return parseSteal(head("/proc/stat")) }

package listen

import (
	"fmt"

	"mlbench/runner"
)

// Finding says what it means to measuring that New failed with this error, or
// did not.
func Finding(err error) runner.Finding {
	if err == nil {
		return runner.Finding{
			Subject: "listening", Grade: runner.Good,
			Found: fmt.Sprintf("the kernel tells when a candidate listens, to %v and at no cost to it", ClockError),
		}
	}
	return runner.Finding{
		Subject: "listening", Grade: runner.Poor,
		Found:  "found by connecting again and again, at first every millisecond, which slows a candidate that uses all processors; the kernel could tell, but: " + err.Error(),
		Remedy: "run as root, on Linux 5.15 or later",
	}
}

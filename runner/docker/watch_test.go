package docker

import (
	"testing"
	"time"

	"mlbench/runner"
)

func TestNotAfter(t *testing.T) {
	for _, c := range []struct{ at, resolution, wantAt, wantResolution time.Duration }{
		{900, 100, 900, 100}, // before the end
		{1000, 100, 1000, 100},
		{1500, 800, 1000, 300}, // between 700 and 1500, and the end was at 1000
		{5000, 100, 1000, 0},   // clocks that do not agree
	} {
		m := notAfter(1000, runner.Mark{At: c.at, Resolution: c.resolution})
		if m.At != c.wantAt || m.Resolution != c.wantResolution {
			t.Errorf("%v ± %v: got %v ± %v, want %v ± %v", c.at, c.resolution, m.At, m.Resolution, c.wantAt, c.wantResolution)
		}
	}
}

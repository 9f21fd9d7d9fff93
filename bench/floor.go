package bench

import (
	"fmt"
	"math"

	"mlbench/stats"
)

// ToldPower is the chance with which a change is found of which it is said that
// so many pairs find it.
const ToldPower = 0.8

// noiseFloor says, of a candidate that is the same image as the baseline, how
// much starts differ on this host by nothing, and what could be told from
// that. It is the continuation of a sentence; nothing where it is not known.
func (r *Result) noiseFloor(candidate int) string {
	d := r.differences(r.pairs(candidate))
	logs := d.adjusted()
	noise := math.Expm1(stats.NoiseFloor(logs))
	if !(noise > 0) || math.IsInf(noise, 0) {
		return ""
	}
	left := "in pairs"
	if len(d.choose(len(d.logs)).used) > 0 {
		left += ", adjusted for what the host did"
	}
	line := fmt.Sprintf("; one start varies by %s (standard deviation %s)", share(noise), left)
	schedule, err := r.Spec.schedule(len(r.Candidates) - 1)
	if err != nil {
		return line
	}
	last := schedule.Last()
	least := math.Expm1(stats.Resolvable(logs, last.N, last.Level(), ToldPower))
	if !(least > 0) || math.IsInf(least, 0) {
		return line
	}
	return line + fmt.Sprintf(", and %s find a change of %s in 8 of 10 runs", counted(last.N, "pair"), share(least))
}

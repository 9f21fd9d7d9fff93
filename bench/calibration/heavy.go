package calibration

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

// Heavy is a candidate that uses the processors otherwise than its baseline
// does, measured on an idle host and on one that others load. It shows whether
// taking out the time that a start waited for processors bends the comparison
// of such candidates: all four are differences to the baseline, as logarithms,
// with 95 % intervals.
type Heavy struct {
	Name     string
	Idle     stats.Interval // on the idle host, by the times alone: the truth
	Loaded   stats.Interval // on the loaded one, by the times alone
	Adjusted stats.Interval // the same with the waiting taken out, whoever caused it
	Waiting  stats.Interval // what mlbench sees of that: the waiting's own difference, 99 %
}

// ReadHeavies reads the result files idle.json.gz and loaded.json.gz of a folder.
func ReadHeavies(dir string) ([]Heavy, error) {
	idle, err := readResult(filepath.Join(dir, "idle.json.gz"))
	if err != nil {
		return nil, err
	}
	loaded, err := readResult(filepath.Join(dir, "loaded.json.gz"))
	if err != nil {
		return nil, err
	}
	return heavies(idle, loaded)
}

// heavies pairs the same comparison on an idle and on a loaded host. It is an
// error where the two do not have the same candidates.
func heavies(idle, loaded *bench.Result) ([]Heavy, error) {
	if len(idle.Candidates) != len(loaded.Candidates) {
		return nil, fmt.Errorf("%d candidates on the idle host, %d on the loaded one", len(idle.Candidates), len(loaded.Candidates))
	}
	var all []Heavy
	for i := 1; i < len(idle.Candidates); i++ {
		h := Heavy{Name: idle.Candidates[i].Name}
		if other := loaded.Candidates[i].Name; other != h.Name {
			return nil, fmt.Errorf("candidate %d is %s on the idle host and %s on the loaded one", i, h.Name, other)
		}
		d, _ := idle.Differences(i)
		h.Idle = interval(d, 0.05)
		d, _ = loaded.Differences(i)
		waiting, ok := loaded.Covariate(i, bench.CovariateCPUWait)
		if !ok {
			return nil, fmt.Errorf("how long %s waited for processors was not recorded", h.Name)
		}
		h.Loaded, h.Waiting = interval(d, 0.05), interval(waiting.X, 0.01)
		h.Adjusted = stats.Adjust(d, waiting).HodgesLehmann(stats.Cutoff(len(d), 0.025))
		all = append(all, h)
	}
	return all, nil
}

func interval(d []float64, alpha float64) stats.Interval {
	return stats.HodgesLehmann(d, stats.Cutoff(len(d), alpha/2))
}

func heavy(b *strings.Builder, all []Heavy) {
	b.WriteString(`
## Candidates that use the processors otherwise

Taking out how long a start waited for processors supposes that the host alone decides on that. These candidates differ from their baseline in how they use the processors, and were measured on an idle host, whose change is the truth, and on a loaded one. Changes in percent with 95 % intervals. "Adjusted" takes the waiting out, whoever caused it. "Waiting" is its own difference with the 99 % interval by which mlbench notices that a candidate influences it: where that does not hold 0, nothing is claimed that does not hold both with and without it.

`)
	rows := [][]string{{"candidate", "idle host", "loaded host", "loaded, adjusted", "waiting"}}
	for _, h := range all {
		rows = append(rows, []string{h.Name, change(h.Idle), change(h.Loaded), change(h.Adjusted), change(h.Waiting)})
	}
	table(b, rows)
}

// change writes an interval of logarithms in percent.
func change(i stats.Interval) string {
	return strings.ReplaceAll(fmt.Sprintf("%+.1f [%+.1f, %+.1f]",
		100*math.Expm1(i.Estimate), 100*math.Expm1(i.Low), 100*math.Expm1(i.High)), "-", "−")
}

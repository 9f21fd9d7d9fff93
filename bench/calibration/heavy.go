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
	Waiting  stats.Interval // what mlbench sees of that: the waiting's own difference
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
		d, _ := waiting(idle, i)
		h.Idle = interval(d)
		d, x := waiting(loaded, i)
		h.Loaded, h.Waiting = interval(d), interval(x)
		h.Adjusted = stats.Adjust(d, stats.Covariate{X: x}).HodgesLehmann(stats.Cutoff(len(d), 0.025))
		all = append(all, h)
	}
	return all, nil
}

// waiting lists, pair by pair, the differences of the times and those of the
// waiting relative to what was computed.
func waiting(r *bench.Result, candidate int) (d, x []float64) {
	blocks := make(map[int][2]*bench.Start)
	for i, s := range r.Starts {
		if s.Role != bench.RolePair || s.Failed() || s.CPUMS == nil || s.Candidate != 0 && s.Candidate != candidate {
			continue
		}
		b := blocks[s.Block]
		b[min(s.Candidate, 1)] = &r.Starts[i]
		blocks[s.Block] = b
	}
	relative := func(s *bench.Start) float64 { return math.Log1p(s.Covariates[bench.CovariateCPUWait] / *s.CPUMS) }
	for block := range len(r.Starts) { // in order, so that the result is always the same
		if b, ok := blocks[block]; ok && b[0] != nil && b[1] != nil {
			d = append(d, math.Log(b[1].Time()/b[0].Time()))
			x = append(x, relative(b[1])-relative(b[0]))
		}
	}
	return d, x
}

func interval(d []float64) stats.Interval {
	return stats.HodgesLehmann(d, stats.Cutoff(len(d), 0.025))
}

func heavy(b *strings.Builder, all []Heavy) {
	b.WriteString(`
## Candidates that use the processors otherwise

Taking out how long a start waited for processors supposes that the host alone decides on that. These candidates differ from their baseline in how they use the processors, and were measured on an idle host, whose change is the truth, and on a loaded one. Changes in percent with 95 % intervals. "Waiting" is the imbalance by which mlbench notices a candidate's influence, and then leaves the waiting in; "adjusted" takes it out all the same.

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

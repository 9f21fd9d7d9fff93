package calibration

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

// leastTrace is the fewest starts of a trace, those of ten pairs: fewer say
// little of a host.
const leastTrace = 20

// maxTrace bounds a trace once it is decompressed, in bytes.
const maxTrace = 256 << 20

// A Trace is the recorded starts of one image on a real host, in the order in
// which they were made.
type Trace struct {
	Name   string
	Starts []Sample // Log is relative to their median
}

// readResult reads a result file of mlbench, which may be compressed by gzip.
func readResult(file string) (*bench.Result, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(file)
	if zipped := bytes.HasPrefix(b, []byte{0x1f, 0x8b}); zipped { // RFC 1952, §2.3.1
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if b, err = io.ReadAll(io.LimitReader(z, maxTrace)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return bench.Read(bytes.NewReader(b), name)
}

// ReadTrace reads a result file of mlbench, which may be compressed by gzip.
// All of its measured starts, in the order in which they began, are taken as
// those of one image, whatever name they have: it should compare an image with
// itself. Failed starts stay failed.
func ReadTrace(file string) (Trace, error) {
	r, err := readResult(file)
	if err != nil {
		return Trace{}, err
	}
	name := filepath.Base(file)
	t := Trace{Name: strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".json")}
	var order []int
	for i, s := range r.Starts {
		if s.Role.Measured() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return r.Starts[i].BeginAt.Compare(r.Starts[j].BeginAt) })
	var times []float64
	for _, i := range order {
		s := r.Starts[i]
		times = append(times, math.Log(s.Time()))
		sample := Sample{Log: math.Log(s.Time()), Resident: s.Resident, Covariates: s.Covariates}
		if s.CPUMS != nil {
			sample.CPU = milliseconds(*s.CPUMS)
		}
		t.Starts = append(t.Starts, sample)
	}
	middle := stats.Median(times)
	if len(t.Starts) < leastTrace || math.IsInf(middle, 0) {
		return Trace{}, fmt.Errorf("%s: %d measured starts, at least %d are needed and half of them ready", name, len(t.Starts), leastTrace)
	}
	for i := range t.Starts {
		t.Starts[i].Log -= middle
	}
	return t, nil
}

// ReadTraces reads all traces that a glob names, or that lie in a folder, by
// name.
func ReadTraces(where string) ([]Trace, error) {
	pattern := where
	if info, err := os.Stat(where); err == nil && info.IsDir() {
		pattern = filepath.Join(where, "*.json*")
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no trace there: name a folder with *.json or *.json.gz, or a glob", where)
	}
	var traces []Trace
	for _, f := range files {
		t, err := ReadTrace(f)
		if err != nil {
			return nil, err
		}
		traces = append(traces, t)
	}
	slices.SortFunc(traces, func(a, b Trace) int { return cmp.Compare(a.Name, b.Name) })
	return traces, nil
}

// Regime is Loaded where the trace's name ends so. It replays the trace from a random place on, and from its end goes on at
// its beginning. Given the trace, replays are independent of each other; what
// they show holds for the hours in which it was recorded.
func (t Trace) Regime() Regime {
	name := fmt.Sprintf("trace %s, %d starts", t.Name, len(t.Starts))
	return Regime{Name: name, Loaded: strings.HasSuffix(t.Name, "-loaded"), New: func(rng *rand.Rand) Host {
		at := rng.IntN(len(t.Starts))
		return HostFunc(func() Sample {
			s := t.Starts[at]
			at = (at + 1) % len(t.Starts)
			return s
		})
	}}
}

// recorded reports whether anything was recorded with its starts.
func (r Regime) recorded() bool {
	s := r.New(rand.New(rand.NewPCG(0, 0))).Next()
	return len(s.Covariates) > 0 || s.Resident != nil
}

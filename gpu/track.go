package gpu

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// mostPoints is how many points a track keeps at most; a watch may last a day.
const mostPoints = 4096

// mostOthers and mostProblems bound what else is kept: a host on which short
// jobs come and go may show any number of processes.
const (
	mostOthers   = 256
	mostProblems = 16
)

// aRise is by how much the memory in use of the GPUs has to rise before a start
// is taken to have done it: the driver's own bookkeeping moves by less, and a
// context takes hundreds of MiB.
const aRise = 1 << 20

// A sample is what the GPUs told at a moment.
type sample struct {
	began, at time.Time // of the reading
	loads     []Load
}

// A track is what the samples of a start have shown. It takes them in order,
// keeps those that differ from the one before, and reads no clock.
type track struct {
	ours func(pid int) bool

	began   time.Time // of the sample before
	samples int
	gaps    gaps

	last []Load  // what each GPU told last
	base []int64 // memory in use of each when it was first told; -1 until then

	mine   map[int]bool // whose the processes of the last sample are
	others map[int]*other
	told   bool // whether it ever told of processes
	sized  bool // whether it ever told of memory that one of ours has

	points     []point
	width      int     // points are thinned out to a few of so many samples
	seen, rose *Moment // a process of ours; memory in use
	now        point   // the last sample
	peak       point   // the most of each
	ready      *point

	problems []string
}

// A point is a sample, as far as the start is concerned.
type point struct {
	sample int // its number
	at     time.Time
	gap    time.Duration
	own    int64 // memory of the start's processes
	rise   int64 // of the memory in use since the first sample; may be negative
	busy   *int
}

type other struct {
	Process
	before bool // it was there in the first sample, so it cannot be the start's
}

func newTrack(begin time.Time, ours func(pid int) bool) *track {
	return &track{ours: ours, began: begin, mine: map[int]bool{}, others: map[int]*other{}}
}

// add takes the next sample. An error is that a GPU is lost.
func (t *track) add(s sample) error {
	for i, load := range s.loads {
		if i == len(t.last) {
			t.last, t.base = append(t.last, Load{Used: -1}), append(t.base, -1)
		}
		if load.Err != nil {
			if errors.Is(load.Err, ErrLost) {
				return lost(load.Err)
			}
			t.problem(load.Err.Error())
			if load.Processes == nil { // what it told before is the best that is known
				load.Processes = t.last[i].Processes
			}
		}
		if load.Used < 0 {
			load.Used = t.last[i].Used
		}
		if t.base[i] < 0 {
			t.base[i] = load.Used
		}
		t.last[i] = load
	}
	p := point{sample: t.samples, at: s.at, gap: s.at.Sub(t.began)}
	for i, load := range t.last {
		if load.Used >= 0 {
			p.rise = plus(p.rise, load.Used-t.base[i])
		}
		if load.Busy != nil && (p.busy == nil || *load.Busy > *p.busy) {
			p.busy = load.Busy
		}
	}
	seen := t.processes(&p)
	if t.samples > 0 {
		t.gaps.add(p.gap)
	}
	t.began = s.began
	t.samples++
	if seen && t.seen == nil {
		t.seen = &Moment{p.at, p.gap}
	}
	if p.rise > aRise && t.rose == nil {
		t.rose = &Moment{p.at, p.gap}
	}
	t.peak.own, t.peak.rise = max(t.peak.own, p.own), max(t.peak.rise, p.rise)
	t.now = p
	t.keep(p)
	return nil
}

// lost is a lost GPU's error with a remedy.
func lost(err error) error {
	var trouble *TroubleError
	if errors.As(err, &trouble) {
		return err
	}
	return &TroubleError{Kind: ErrLost, Tried: "read what is in use of the GPUs", Found: err.Error(), Remedy: RemedyLost}
}

// processes adds up the memory of the start's own on all GPUs, and says whether
// there are any. Of others it writes down the most that each had.
func (t *track) processes(p *point) (seen bool) {
	mine, theirs := map[int]bool{}, map[int]Process{}
	for _, load := range t.last {
		t.told = t.told || load.Processes != nil
		for _, q := range load.Processes {
			is, asked := mine[q.PID]
			if !asked {
				if is, asked = t.mine[q.PID]; !asked {
					is = t.ours(q.PID)
				}
				mine[q.PID] = is
			}
			switch {
			case is:
				seen = true
				if q.Memory != nil {
					t.sized = t.sized || *q.Memory > 0
					p.own = plus(p.own, *q.Memory)
				}
			default:
				if had, ok := theirs[q.PID]; ok {
					q = both(had, q)
				}
				theirs[q.PID] = q
			}
		}
	}
	t.mine = mine // ids are given away again: one that was gone is asked for anew
	for pid, q := range theirs {
		t.other(pid, q)
	}
	return seen
}

// both is a process that is on two GPUs, or on two instances of one.
func both(a, b Process) Process {
	if a.Memory == nil {
		a.Memory = b.Memory
	} else if b.Memory != nil {
		a.Memory = new(plus(*a.Memory, *b.Memory))
	}
	a.GPUInstance, a.ComputeInstance = nil, nil
	return a
}

func (t *track) other(pid int, q Process) {
	o := t.others[pid]
	switch {
	case o != nil && (o.Memory == nil || q.Memory != nil && *q.Memory > *o.Memory):
		o.Process = q
	case o == nil && len(t.others) < mostOthers:
		t.others[pid] = &other{q, t.samples == 0}
	case o == nil:
		t.problem(fmt.Sprintf("more than %d processes of others were on the GPUs: those that came later are not named", mostOthers))
	}
}

func (t *track) problem(what string) {
	if len(t.problems) < mostProblems && !slices.Contains(t.problems, what) {
		t.problems = append(t.problems, what)
	}
}

// markReady says that the last sample was taken for Use.Ready. What was not
// told then is not known.
func (t *track) markReady() {
	if t.ready == nil && t.samples > 0 {
		t.ready = new(t.now)
	}
}

// plus adds, up to what an int64 holds.
func plus(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

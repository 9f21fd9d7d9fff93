package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// ErrNone means that a folder holds no history.
var ErrNone = errors.New("no history")

// A Log is what a history's file holds.
type Log struct {
	Entries []Entry  // no run twice, in the order in which they began
	Changes []Change // that nights have found, none twice, in the order of the file
	Passed  Passed
	// Clocks are the places where a clock went back.
	Clocks []Clock
}

// Passed counts the lines that are no entries.
type Passed struct {
	Duplicates int   `json:"duplicates"`    // of runs that are there
	Others     int   `json:"other_schemas"` // as of a later mlbench
	Damaged    int   `json:"damaged"`       // no whole JSON, or nothing that mlbench writes
	Long       int   `json:"too_long"`      // over 4 MiB
	CutOff     bool  `json:"cut_off"`       // the last of the damaged ones has no end, as a crash leaves it
	Lines      []int `json:"lines"`         // numbers of the first damaged and long ones
}

// mostLines is how many numbers of damaged lines are told.
const mostLines = 10

// A Clock is a moment at which a clock went back, or that two hosts tell
// differently: by BackMS from the line before to this one, or, where Ahead, an
// entry that began BackMS after it was appended.
type Clock struct {
	Line   int     `json:"line"`
	BackMS float64 `json:"back_ms"`
	Ahead  bool    `json:"ahead,omitempty"`
}

// clockStep is how far clocks that are kept in step may differ.
const clockStep = 2 * time.Second

// Read reads the history in a folder. Lines that are no entries are passed
// over and counted; its error wraps ErrNone where there is no history.
func Read(dir string) (*Log, error) {
	path := filepath.Join(dir, FileName)
	// Of a pipe that nobody writes to even the opening never ends.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading history %s: %s is no regular file", dir, path)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: there is no %s: compare and run with --history %s begin one", ErrNone, dir, FileName, dir)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// So that no line is half written. Where there are no locks, or somebody
	// keeps one, half a line at the end is told as one that is cut off.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = share(ctx, f)
	log, err := ReadFrom(f)
	if err != nil {
		return nil, fmt.Errorf("reading history %s: %w", dir, err)
	}
	return log, nil
}

// ReadFrom reads a history's file.
func ReadFrom(in io.Reader) (*Log, error) {
	batches, err := decodeAll(in)
	if err != nil {
		return nil, err
	}
	log := new(Log)
	all := 0
	for _, b := range batches {
		all += len(b.entries)
	}
	log.Entries = make([]Entry, 0, all)
	seen := make(map[string]bool)
	var last time.Time
	for _, b := range batches {
		for i, l := range b.lines {
			e, damage := &b.entries[i], false
			switch b.kinds[i] {
			case isOther:
				log.Passed.Others++
			case isDamaged:
				log.Passed.Damaged++
				log.Passed.CutOff = !l.ended
				damage = true
			case isLong:
				log.Passed.Long++
				damage = true
			case isChange:
				c := b.changes[i]
				if c.check() != nil {
					log.Passed.Damaged++
					log.Passed.CutOff = !l.ended
					damage = true
				} else if id := "change " + c.ID; seen[id] {
					log.Passed.Duplicates++
				} else {
					seen[id] = true
					log.Changes = append(log.Changes, c)
				}
			case isEntry:
				if seen[e.ID] {
					log.Passed.Duplicates++
					continue
				}
				seen[e.ID] = true
				log.watch(l.number, last, *e)
				last = e.AppendedAt
				e.line = l.number
				log.Entries = append(log.Entries, *e)
			}
			if damage && len(log.Passed.Lines) < mostLines {
				log.Passed.Lines = append(log.Passed.Lines, l.number)
			}
		}
	}
	// Entries are large, and mostly in order already.
	if began := func(a, b Entry) int { return a.StartedAt.Compare(b.StartedAt) }; !slices.IsSortedFunc(log.Entries, began) {
		order := make([]*Entry, len(log.Entries))
		for i := range order {
			order[i] = &log.Entries[i]
		}
		slices.SortStableFunc(order, func(a, b *Entry) int { return began(*a, *b) })
		sorted := make([]Entry, len(order))
		for i, e := range order {
			sorted[i] = *e
		}
		log.Entries = sorted
	}
	return log, nil
}

// watch notes where clocks went back.
func (log *Log) watch(number int, last time.Time, e Entry) {
	if back := last.Sub(e.AppendedAt); back > clockStep && !e.AppendedAt.IsZero() {
		log.Clocks = append(log.Clocks, Clock{Line: number, BackMS: float64(back.Milliseconds())})
	} else if ahead := e.StartedAt.Sub(e.AppendedAt); ahead > clockStep && !e.AppendedAt.IsZero() {
		log.Clocks = append(log.Clocks, Clock{Line: number, BackMS: float64(ahead.Milliseconds()), Ahead: true})
	}
}

// A batch is some lines that one worker decodes.
type batch struct {
	number  int
	text    []byte
	ends    []int // of each line in text
	lines   []line
	entries []Entry
	kinds   []kind
	changes map[int]Change // by line; few
}

// batchBytes is how much a worker takes at a time.
const batchBytes = 512 << 10

// decodeAll decodes lines on all processors, since of 100,000 it takes one
// longer than somebody waits gladly.
func decodeAll(in io.Reader) ([]*batch, error) {
	work := make(chan *batch)
	var done []*batch
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			known := make(decoder)
			for b := range work {
				b.decode(known)
				mu.Lock()
				done = append(done, b)
				mu.Unlock()
			}
		})
	}
	b := new(batch)
	err := eachLine(in, func(l line) bool {
		b.text = append(b.text, l.text...)
		b.ends = append(b.ends, len(b.text))
		l.text = nil
		b.lines = append(b.lines, l)
		if len(b.text) >= batchBytes {
			work <- b
			b = &batch{number: b.number + 1, text: make([]byte, 0, batchBytes+batchBytes/8)}
		}
		return true
	})
	work <- b
	close(work)
	workers.Wait()
	slices.SortFunc(done, func(a, b *batch) int { return cmp.Compare(a.number, b.number) })
	return done, err
}

func (b *batch) decode(known decoder) {
	b.entries, b.kinds = make([]Entry, len(b.lines)), make([]kind, len(b.lines))
	from := 0
	for i, l := range b.lines {
		l.text = b.text[from:b.ends[i]]
		from = b.ends[i]
		b.entries[i], b.kinds[i] = known.decode(l)
		if b.kinds[i] == isChange {
			if b.changes == nil {
				b.changes = make(map[int]Change)
			}
			b.changes[i] = decodeChange(l)
		}
	}
	b.text = nil
}

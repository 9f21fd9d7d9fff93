package repro

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"strings"
	"time"
	"unicode/utf8"

	"mlbench/bench"
)

// Output is what the two images' programs printed to their standard output, run
// to their end.
type Output struct {
	Verdict bench.GateVerdict `json:"verdict"` // whether it is the same, byte by byte
	Digests [2]string         `json:"digests"`
	Bytes   [2]int64          `json:"bytes"`
	RunMS   [2]float64        `json:"run_ms"`

	// Line is the first that differs; nil where none does, or it is past what is
	// kept of long outputs.
	Line *LineDrift `json:"first_difference"`
	// Itself says whether the first image, run once more, printed something else
	// than before: then what differs is no matter of the builds. Nil where both
	// images print the same.
	Itself *bool `json:"differs_by_itself"`
}

// A LineDrift is a line that two outputs have otherwise.
type LineDrift struct {
	Number int `json:"number"` // from 1 on
	// Texts are the line in both, of long ones a piece with the first byte that
	// differs. Bytes that are no UTF-8 are written as \xff.
	Texts [2]string `json:"texts"`
	Ends  [2]bool   `json:"ends"` // there is no such line; where only a line break is missing, Texts are alike
}

// A printed takes an output: all of it for its digest, and of its beginning as
// much as is looked at for differences.
type printed struct {
	sum   hash.Hash
	bytes int64
	head  []byte
}

// maxHead is how much of an output is held in memory.
const maxHead = 16 << 20

func (p *printed) Write(b []byte) (int, error) {
	p.bytes += int64(len(b))
	p.head = append(p.head, b[:min(len(b), maxHead-len(p.head))]...)
	return p.sum.Write(b)
}

func (p *printed) digest() string { return fmt.Sprintf("sha256:%x", p.sum.Sum(nil)) }

// output runs the programs of both images, and holds what they print against each
// other.
func (p Plan) output(ctx context.Context, engine Engine, r *Report, note func(string)) error {
	var all [2]*printed
	o := &Output{Verdict: bench.Pass}
	for i := range r.Images {
		if i > 0 {
			// Else a time that is printed may be the same by chance.
			if err := pause(ctx, p.Apart); err != nil {
				return err
			}
		}
		var took time.Duration
		var err error
		if all[i], took, err = p.printed(ctx, engine, r, i, note); err != nil {
			return err
		}
		o.Digests[i], o.Bytes[i], o.RunMS[i] = all[i].digest(), all[i].bytes, bench.Millis(took)
	}
	if o.Digests[0] != o.Digests[1] {
		o.Verdict, o.Line = bench.Fail, firstDifference(all[0].head, all[1].head)
		all[1] = nil
		again, _, err := p.printed(ctx, engine, r, 0, note)
		if err != nil {
			return err
		}
		itself := again.digest() != o.Digests[0]
		o.Itself = &itself
	}
	if o.Bytes == [2]int64{} {
		r.Warnings = append(r.Warnings, "the programs printed nothing to their standard output, and nothing was compared: have them print a checksum of what they write")
	}
	r.Output = o
	return nil
}

// printed is what the program of an image prints.
func (p Plan) printed(ctx context.Context, engine Engine, r *Report, i int, note func(string)) (*printed, time.Duration, error) {
	c := p.Job.Clone()
	c.Ref, c.Name = r.Images[i].Ref, r.Images[i].Ref
	if p.Refs == nil {
		c.Name = fmt.Sprintf("%s (%d of %d)", p.Folder, i+1, len(r.Images))
	}
	note("running " + c.Name)
	out := &printed{sum: sha256.New()}
	took, err := engine.Output(ctx, c, p.Timeout, out)
	return out, took, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// firstDifference finds the first line that differs; nil where what is kept of
// both is the same.
func firstDifference(a, b []byte) *LineDrift {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	if at == len(a) && at == len(b) {
		return nil
	}
	begin := bytes.LastIndexByte(a[:at], '\n') + 1
	d := &LineDrift{Number: 1 + bytes.Count(a[:at], []byte{'\n'})}
	for i, all := range [][]byte{a, b} {
		if d.Ends[i] = begin == len(all); d.Ends[i] {
			continue
		}
		line, _, _ := bytes.Cut(all[begin:], []byte{'\n'})
		d.Texts[i] = piece(line, at-begin)
	}
	return d
}

// How many bytes of a line are shown, and how many of them before the first that
// differs.
const (
	maxPiece = 200
	before   = 60
)

// piece is a line, or as much of it around a place as is shown.
func piece(line []byte, at int) string {
	from := 0
	if len(line) > maxPiece {
		from = max(0, min(at-before, len(line)-maxPiece))
		for from > 0 && from < at && !utf8.RuneStart(line[from]) {
			from++
		}
		line = line[from:min(len(line), from+maxPiece)]
	}
	var s strings.Builder
	if from > 0 {
		s.WriteString("…")
	}
	for len(line) > 0 {
		c, size := utf8.DecodeRune(line)
		if c == utf8.RuneError && size == 1 {
			fmt.Fprintf(&s, `\x%02x`, line[0])
		} else {
			s.WriteRune(c)
		}
		line = line[size:]
	}
	return s.String()
}

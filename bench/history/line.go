package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// A line is one of a history's file.
type line struct {
	number int  // from 1
	ended  bool // by a newline
	long   bool // over maxLine; the text is none then
	text   []byte
}

// eachLine calls for every line that is not blank, until that returns false.
// The text is the reader's, and good until the call returns.
func eachLine(in io.Reader, do func(line) bool) error {
	b := bufio.NewReaderSize(in, 256<<10)
	var long []byte // what does not fit the buffer
	for l := (line{number: 1}); ; l = (line{number: l.number + 1}) {
		long = long[:0]
		for {
			part, err := b.ReadSlice('\n')
			l.text = part
			if len(long) > 0 || errors.Is(err, bufio.ErrBufferFull) {
				if len(long)+len(part) > maxLine+1 {
					l.long, long = true, long[:0]
				}
				if !l.long {
					long = append(long, part...)
				}
				l.text = long
			}
			if l.long {
				l.text = nil
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			l.ended = err == nil
			l.text = bytes.TrimSpace(l.text)
			if (len(l.text) > 0 || l.long) && !do(l) {
				return nil
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			break
		}
	}
}

// A kind is what a line is.
type kind int

const (
	isEntry kind = iota
	isOther      // a line of another schema
	isDamaged
	isLong
	isChange
)

// decode reads a line.
func decode(l line) (Entry, kind) { return make(decoder).decode(l) }

// A decoder knows fingerprints that it has read: a history has few, in many
// lines, and they are a third of the work.
type decoder map[string]Fingerprint

// mostKnown bounds what a decoder keeps.
const mostKnown = 1000

func (d decoder) decode(l line) (Entry, kind) {
	if l.long {
		return Entry{}, isLong
	}
	var whole struct {
		Entry
		Fingerprint json.RawMessage `json:"fingerprint"` // instead of Entry's
	}
	err := json.Unmarshal(l.text, &whole)
	e := whole.Entry
	if err == nil && len(whole.Fingerprint) > 0 && e.Schema == LineSchema {
		known, ok := d[string(whole.Fingerprint)]
		if !ok {
			if err = json.Unmarshal(whole.Fingerprint, &known); err == nil && len(d) < mostKnown {
				d[string(whole.Fingerprint)] = known
			}
		}
		e.Fingerprint = known
	}
	if err == nil && e.Schema == LineSchema {
		if e.check() != nil {
			return Entry{}, isDamaged
		}
		return e, isEntry
	}
	// Other schemas may have other kinds of values under the same names.
	var head struct {
		Schema *string `json:"schema"`
	}
	if json.Unmarshal(l.text, &head) == nil && head.Schema != nil && *head.Schema == ChangeSchema {
		return Entry{}, isChange
	}
	if head.Schema != nil && *head.Schema != "" && *head.Schema != LineSchema {
		return Entry{}, isOther
	}
	return Entry{}, isDamaged
}

package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// FileName is the file of a history in its folder.
const FileName = "history.jsonl"

// maxLine is how long a line may be, in bytes. One of two candidates takes
// about 1.3 kB, and what New makes of any result fits.
const maxLine = 4 << 20

// lockTimeout is how long to wait for others that append: each needs
// milliseconds, or, on a disk that is busy, seconds.
const lockTimeout = 30 * time.Second

// Appended says how an entry came into a history.
type Appended struct {
	// Duplicate: the run was there already, and nothing was written.
	Duplicate bool
	// Repaired is how many bytes the last line had that a crash had cut off.
	// They are kept, on a line of their own.
	Repaired int64
}

// Prepare makes the folder and finds out whether a run can be appended to the
// history in it.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("history %s cannot be made: %w", dir, err)
	}
	f, err := open(dir)
	if err != nil {
		return err
	}
	return f.Close()
}

func open(dir string) (*os.File, error) {
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("history %s cannot be written: %w", dir, err)
	}
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, fmt.Errorf("history %s cannot be written: %s is no regular file", dir, path)
	}
	return f, nil
}

// Append adds an entry to the history in a folder, unless that run is there
// already. It has the file locked meanwhile, so that no other process's line
// comes between; when it returns the line is on the disk. It waits for others
// until ctx ends, and half a minute at most.
func Append(ctx context.Context, dir string, e Entry) (Appended, error) {
	return underLock(ctx, dir, func(f *os.File, a *Appended) error {
		e.AppendedAt = appendedNow()
		e.Result = within(dir, e.Result)
		if err := e.check(); err != nil {
			return fmt.Errorf("not an entry: %w", err)
		}
		return a.add(f, e, e.on, e.ID)
	})
}

// on reports whether a line is of this run.
func (e Entry) on(l line) bool {
	known, kind := decode(l)
	return kind == isEntry && known.ID == e.ID
}

func appendedNow() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// underLock lets do append to the file.
func underLock(ctx context.Context, dir string, do func(f *os.File, a *Appended) error) (a Appended, err error) {
	if err := Prepare(dir); err != nil {
		return a, err
	}
	f, err := open(dir)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, f.Close()) }() // which unlocks it
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	if err := lock(ctx, f); err != nil {
		return a, fmt.Errorf("history %s: locking %s, which another mlbench may be writing: %w", dir, FileName, err)
	}
	if err := do(f, &a); err != nil {
		return a, fmt.Errorf("history %s: %w", dir, err)
	}
	return a, syncFolder(dir)
}

// add writes what of this id is not there yet on a line, under the lock. Is tells
// of a line that has the id whether it is that.
func (a *Appended) add(f *os.File, what any, is func(line) bool, id string) error {
	line, err := encode(what)
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if a.Duplicate, err = holds(io.NewSectionReader(f, 0, size), id, is); err != nil || a.Duplicate {
		return err
	}
	tail, err := unended(f, size)
	if err != nil {
		return err
	}
	if tail > 0 {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := f.Write(line); err != nil {
		// Half a line would be what a crash leaves: nobody else has written
		// meanwhile, so it can be taken back.
		return errors.Join(fmt.Errorf("appending a line: %w", err), f.Truncate(size))
	}
	a.Repaired = tail
	return f.Sync()
}

func encode(what any) ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b) // which ends the line
	to.SetEscapeHTML(false)
	if err := to.Encode(what); err != nil {
		return nil, err
	}
	if b.Len() > maxLine {
		return nil, fmt.Errorf("the line would be %d bytes long, and %d are the most", b.Len(), maxLine)
	}
	return b.Bytes(), nil
}

// holds reports whether a whole line has what is of the id.
func holds(in io.Reader, id string, is func(line) bool) (found bool, err error) {
	// Inside of a JSON string a quote would have a backslash before it.
	needle := []byte(`"id":"` + id + `"`)
	err = eachLine(in, func(l line) bool {
		if bytes.Contains(l.text, needle) {
			found = is(l)
		}
		return !found
	})
	return found, err
}

// unended is how many bytes the last line has if it does not end, as where a
// crash cut it off; a whole entry without its end is one too.
func unended(f io.ReaderAt, size int64) (int64, error) {
	block := make([]byte, 64<<10)
	var n int64
	for at := size; at > 0; {
		from := max(at-int64(len(block)), 0)
		part := block[:at-from]
		if _, err := f.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return n + int64(len(part)-1-i), nil
		}
		n, at = n+int64(len(part)), from
	}
	return n, nil
}

// within is a path as seen from the folder where it lies in there, so that the
// folder can be moved, and whole elsewhere.
func within(dir, path string) string {
	if path == "" {
		return ""
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return whole
	}
	rel, err := filepath.Rel(dir, whole)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return whole
	}
	return rel
}

// syncFolder makes sure that a file that is new is found after a crash.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // some file systems know no such thing for folders
	return d.Close()
}

package image

import (
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"mlbench/gpu"
)

// A GPUCode finds code for GPUs in an image's libraries as they go by: its Look
// is for Options.
type GPUCode struct {
	found  map[looked]gpu.Found
	notes  map[looked]*gpu.Note
	failed map[looked]error
}

// looked is what a file is told by that is looked into: which layer it is of is
// not known then.
type looked struct {
	path string
	size int64
}

// leastCode is the size in bytes under which a library has no code for GPUs: one
// container with one kernel that does nothing has over a thousand, in an ELF
// file of as many.
const leastCode = 4 << 10

// compatLibrary is a forward compatibility library of NVIDIA's driver, as the
// container runtime finds it; NVIDIA's NGC images have it in lib or lib.real.
var compatLibrary = regexp.MustCompile(`^usr/local/cuda(?:-[0-9.]+)?/compat/(?:lib(?:\.real)?/)?libcuda\.so\.([0-9]+\.[0-9.]+)$`)

// Look chooses libraries, and looks into them.
func (c *GPUCode) Look(name string, size int64) func(io.Reader) error {
	base := path.Base(name)
	if size < leastCode || !strings.HasSuffix(base, ".so") && !strings.Contains(base, ".so.") {
		return nil
	}
	if c.found == nil {
		c.found, c.notes, c.failed = make(map[looked]gpu.Found), make(map[looked]*gpu.Note), make(map[looked]error)
	}
	place := looked{name, size}
	if compatLibrary.MatchString(name) {
		return func(content io.Reader) (err error) {
			c.notes[place], err = note(content)
			return c.passed(place, err)
		}
	}
	return func(content io.Reader) error {
		f, err := code(content)
		if f.Any() {
			c.found[place] = f
		} else {
			delete(c.found, place) // of a lower layer
		}
		return c.passed(place, err)
	}
}

// passed goes on after a library that cannot be read, and remembers it: it is no
// reason to know nothing of the image. A cut off archive is found by its reader.
func (c *GPUCode) passed(place looked, err error) error {
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.failed[place] = fmt.Errorf("it could not be read: %w", err)
		return nil
	}
	return err
}

func code(content io.Reader) (gpu.Found, error) {
	if file, ok := content.(io.ReaderAt); ok {
		return gpu.ReadLibrary(file)
	}
	return gpu.ScanLibrary(content)
}

func note(content io.Reader) (*gpu.Note, error) {
	if file, ok := content.(io.ReaderAt); ok {
		return gpu.ReadNote(file)
	}
	return gpu.ScanNote(content)
}

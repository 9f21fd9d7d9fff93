package gpu

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A CUDA is a version of CUDA, of a toolkit or of what a driver offers. Updates
// within a minor version change nothing of what runs where. The zero value is
// an unknown one.
type CUDA struct{ Major, Minor int }

// ParseCUDA reads a version such as 12.2; more parts, as in 12.2.140, are passed
// over.
func ParseCUDA(s string) (CUDA, error) {
	n, err := numbers(s, 2, 4)
	if err != nil {
		return CUDA{}, fmt.Errorf("%q is no CUDA version such as 12.2: %w", s, err)
	}
	if n[0] == 0 {
		return CUDA{}, fmt.Errorf("%q is no CUDA version: there was no CUDA 0", s)
	}
	return CUDA{n[0], n[1]}, nil
}

// Known reports whether it is a version at all.
func (c CUDA) Known() bool { return c != CUDA{} }

// Compare is negative where c is older than d.
func (c CUDA) Compare(d CUDA) int {
	return cmp.Or(cmp.Compare(c.Major, d.Major), cmp.Compare(c.Minor, d.Minor))
}

func (c CUDA) String() string {
	if !c.Known() {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", c.Major, c.Minor)
}

// MarshalText writes the version; nothing where it is unknown.
func (c CUDA) MarshalText() ([]byte, error) {
	if !c.Known() {
		return nil, nil
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (c *CUDA) UnmarshalText(b []byte) (err error) {
	if *c = (CUDA{}); len(b) > 0 {
		*c, err = ParseCUDA(string(b))
	}
	return err
}

// A Driver is a version of NVIDIA's driver for Linux, e.g. 535.104.05. The zero
// value is an unknown one.
type Driver struct {
	text string // with its leading zeros
	n    [3]int
}

// ParseDriver reads a version of two or three parts. Of one part would not be
// known on which side of a limit it is.
func ParseDriver(s string) (Driver, error) {
	n, err := numbers(s, 2, 3)
	if err != nil {
		return Driver{}, fmt.Errorf("%q is no driver version such as 535.104.05: %w", s, err)
	}
	d := Driver{text: s}
	copy(d.n[:], n)
	return d, nil
}

func driver(s string) Driver {
	d, err := ParseDriver(s)
	if err != nil {
		panic(err) // our own tables
	}
	return d
}

// Known reports whether it is a version at all.
func (d Driver) Known() bool { return d.text != "" }

// Branch is the first part, by which NVIDIA names lines of drivers, e.g. 535.
func (d Driver) Branch() int { return d.n[0] }

// Compare is negative where d is older than e.
func (d Driver) Compare(e Driver) int {
	return cmp.Or(cmp.Compare(d.n[0], e.n[0]), cmp.Compare(d.n[1], e.n[1]), cmp.Compare(d.n[2], e.n[2]))
}

func (d Driver) String() string {
	if !d.Known() {
		return "unknown"
	}
	return d.text
}

// MarshalText writes the version; nothing where it is unknown.
func (d Driver) MarshalText() ([]byte, error) { return []byte(d.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Driver) UnmarshalText(b []byte) (err error) {
	if *d = (Driver{}); len(b) > 0 {
		*d, err = ParseDriver(string(b))
	}
	return err
}

// A Capability is a GPU's compute capability, e.g. 9.0 of an H100. The zero
// value is an unknown one.
type Capability struct{ Major, Minor int }

// ParseCapability reads a compute capability such as 8.0.
func ParseCapability(s string) (Capability, error) {
	n, err := numbers(s, 2, 2)
	switch {
	case err != nil && len(s) >= 2 && strings.Trim(s, "0123456789") == "" && len(s) <= 3:
		return Capability{}, fmt.Errorf("%q is no compute capability: is %s.%s meant?", s, s[:len(s)-1], s[len(s)-1:])
	case err != nil:
		return Capability{}, fmt.Errorf("%q is no compute capability such as 8.0: %w", s, err)
	case n[0] == 0 || n[0] > 99 || n[1] > 9:
		return Capability{}, fmt.Errorf("%q is no compute capability: they are from 1.0 to 99.9", s)
	}
	return Capability{n[0], n[1]}, nil
}

// Known reports whether it is a capability at all.
func (c Capability) Known() bool { return c != Capability{} }

// Compare is negative where c is less than d.
func (c Capability) Compare(d Capability) int {
	return cmp.Or(cmp.Compare(c.Major, d.Major), cmp.Compare(c.Minor, d.Minor))
}

func (c Capability) String() string {
	if !c.Known() {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", c.Major, c.Minor)
}

// MarshalText writes the capability; nothing where it is unknown.
func (c Capability) MarshalText() ([]byte, error) {
	if !c.Known() {
		return nil, nil
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (c *Capability) UnmarshalText(b []byte) (err error) {
	if *c = (Capability{}); len(b) > 0 {
		*c, err = ParseCapability(string(b))
	}
	return err
}

// numbers reads from least to most numbers with dots between them.
func numbers(s string, least, most int) ([]int, error) {
	parts := strings.SplitN(s, ".", most+1)
	if len(parts) < least || len(parts) > most {
		return nil, fmt.Errorf("it has to have %s with dots between them", counted(least, most))
	}
	n := make([]int, len(parts))
	for i, p := range parts {
		x, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", p)
		}
		n[i] = int(x)
	}
	return n, nil
}

func counted(least, most int) string {
	if least == most {
		return fmt.Sprintf("%d numbers", least)
	}
	return fmt.Sprintf("%d to %d numbers", least, most)
}

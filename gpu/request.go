package gpu

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Request says which of a host's GPUs a candidate gets, as `docker run --gpus`
// has it. The zero Request is none.
type Request struct {
	All   bool
	Count int      // the first so many
	IDs   []string // UUIDs of GPUs or of MIG instances, indexes, or CDI names such as nvidia.com/gpu=0
}

// errRequest says what a request looks like.
var errRequest = errors.New("not GPUs: e.g. all, 2 or device=GPU-3a23c669,1")

// mostGPUs is more than any host has.
const mostGPUs = 1024

// ParseRequest reads all, a number, or device=ID,ID.
func ParseRequest(s string) (Request, error) {
	if s == "all" {
		return Request{All: true}, nil
	}
	if list, ok := strings.CutPrefix(s, "device="); ok {
		// Docker's own flag needs quotes around a list, which shells leave on.
		ids := strings.Split(strings.Trim(list, `"`), ",")
		for i, id := range ids {
			_, name, cdi := CDIName(id)
			if id == "" || cdi && name == "" || strings.ContainsAny(id, "\"'") || strings.ContainsFunc(id, unprintable) {
				return Request{}, errRequest
			}
			if slices.Contains(ids[:i], id) {
				return Request{}, fmt.Errorf("%s is named twice", id)
			}
		}
		return Request{IDs: ids}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > mostGPUs {
		return Request{}, errRequest
	}
	return Request{Count: n}, nil
}

// unprintable reports whether no name of a device has it; blanks are of those.
func unprintable(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// String is the form that ParseRequest reads; "" for the zero Request.
func (r Request) String() string {
	switch {
	case r.All:
		return "all"
	case r.Count > 0:
		return strconv.Itoa(r.Count)
	case len(r.IDs) > 0:
		return "device=" + strings.Join(r.IDs, ",")
	}
	return ""
}

// MarshalText writes the form that ParseRequest reads.
func (r Request) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Request) UnmarshalText(text []byte) error {
	parsed, err := ParseRequest(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

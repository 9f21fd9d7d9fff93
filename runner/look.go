package runner

import (
	"context"
	"time"
)

// A Looker is a Runner that lets its caller look at a start while it goes on.
// It is an optional power.
type Looker interface {
	// StartLooking is Start, and calls look right after the ready rule was seen
	// to hold and again after the first response, while the candidate still
	// runs. Looking takes time, which timeout does not bound: of such a start no
	// mark after a look counts. An error of look ends the start and is returned.
	// The context that look gets is done when the candidate has ended, or ctx is.
	StartLooking(ctx context.Context, c Candidate, timeout time.Duration, look func(context.Context, Look) error) (Start, error)
}

// A Look is what is seen of a candidate at a mark.
type Look struct {
	Mark MarkName // Ready or FirstResponse
	// Log reads what the candidate printed to its standard error until then, from
	// the beginning, MaxLog bytes at most; a Runner that cannot tell them apart
	// has standard output in it too. Reading takes some time, and is left to
	// whoever wants it.
	Log func() ([]byte, error)
	// Addrs are where the candidate answers, host:port, the one that answered
	// at the mark first; none under rules that need no port.
	Addrs []string
}

// MaxLog bounds what a Look's Log reads, in bytes. A program that imports 10,000 Python
// modules, and says so, prints 1 MB.
const MaxLog = 16 << 20

// A FileWitness is a Runner that can say of which files of a candidate how
// much is in memory. It is an optional power.
type FileWitness interface {
	// ResidentFiles names the files that have any page in memory, each once
	// however many names it has. An error wraps ErrNotPermitted and names what
	// is missing.
	ResidentFiles(ctx context.Context, c Candidate) ([]FileResidency, error)
}

// FileResidency is how much of one file of a candidate is in memory.
type FileResidency struct {
	Layer    int    // of the image, from the lowest on
	Path     string // in the layer, without leading slash
	Resident int64  // bytes of pages in memory, no more than the file has
}

package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"mlbench/bench"
)

// Marker is a line by which a bot finds its own comment on a pull request, to
// write the new one in its place: an HTML comment, which is not shown, and the
// last line of what Markdown writes. It stays the same from push to push, so
// tags and digests do not count; candidates of other names, another runner,
// another cold level or other GPUs make another comment.
//
// Nothing foreign can stand alone on such a line: see escape and shellLine. So
// look for a line that is the marker, and not for a part of the text.
func Marker(r *bench.Result) string {
	h := sha256.New()
	write := func(s string) { _, _ = h.Write([]byte(s + "\x00")) } // which never fails
	write(r.Spec.Runner)
	write(string(r.Spec.Cold))
	for _, c := range r.Candidates {
		name := c.Name
		if r.Spec.Runner != "process" { // whose candidates are command lines
			name = repository(name)
		}
		write(name)
		if c.GPUs != nil {
			write("gpus " + c.GPUs.String())
		}
	}
	return "<!-- mlbench result " + hex.EncodeToString(h.Sum(nil))[:16] + " -->"
}

// repository is an image's name without tag and digest.
func repository(name string) string {
	name, _, _ = strings.Cut(name, "@")
	at := strings.LastIndexByte(name, '/') + 1 // before it, a colon is a port's
	if end := strings.IndexByte(name[at:], ':'); end >= 0 {
		name = name[:at+end]
	}
	return name
}

package docker

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message of fields that have a length.
func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		b = protowire.AppendTag(b, protowire.Number(fields[i].(int)), protowire.BytesType)
		switch value := fields[i+1].(type) {
		case string:
			b = protowire.AppendString(b, value)
		case []byte:
			b = protowire.AppendBytes(b, value)
		}
	}
	return b
}

func TestTrace(t *testing.T) {
	var noted []string
	trace := newTrace(func(step string) { noted = append(noted, step) })
	for _, vertex := range [][]byte{
		message(1, "a", 3, "[internal] load", 5, ""),
		message(1, "b", 3, "[1/2] FROM x"),
		message(1, "b", 3, "[1/2] FROM x", 5, ""),
		message(1, "b", 3, "[1/2] FROM x", 5, "", 6, ""),
		message(1, "c", 3, "[2/2] RUN y", 5, ""),
		message(1, "c", 3, "[2/2] RUN y", 5, "", 7, "exit code: 3"),
		message(1, "b", 3, "[1/2] FROM x", 5, "", 7, "context canceled"),
	} {
		trace.read(message(1, vertex))
	}
	trace.read(message(3, message(1, "c", 4, "out\nmore"), 3, message(1, "c", 4, " of it\n"), 3, message(1, "b", 4, "other\n")))
	if got := strings.Join(noted, ", "); got != "[1/2] FROM x, [2/2] RUN y" {
		t.Errorf("noted %s", got)
	}
	if got, want := trace.failed(), "\n  in [2/2] RUN y\n    out\n    more of it"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(message(1, message(1, "c", 3, "[2/2] RUN y", 5, "", 7, "exit code: 3"), 3, message(1, "c", 4, "out\n")))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, response []byte) {
		trace := newTrace(func(string) {})
		trace.read(response)
		trace.failed()
		if len(trace.steps) > mostSteps {
			t.Error(len(trace.steps), "steps")
		}
	})
}

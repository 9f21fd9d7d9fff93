package docker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/jsonmessage"
	"google.golang.org/protobuf/encoding/protowire"

	"mlbench/runner"
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

// Steps are those of the Dockerfile, with what BuildKit tells of the last time
// that it came to them.
func TestTraceSteps(t *testing.T) {
	at := func(seconds, nanos uint64) []byte {
		b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), seconds)
		return protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), nanos)
	}
	cached := protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 1)
	trace := newTrace(func(string) {})
	for _, vertex := range [][]byte{
		message(1, "a", 3, "[internal] load context", 5, at(9, 0), 6, at(10, 0)),
		message(1, "b", 3, "[1/4] FROM x", 5, at(9, 0), 6, at(10, 0)),
		message(1, "c", 3, "[2/4] COPY a b"),
		message(1, "d", 3, "[stage 3/4] RUN y", 5, at(10, 0)),
		append(message(1, "c", 3, "[2/4] COPY a b", 5, at(10, 0), 6, at(10, 1)), cached...),
		message(1, "d", 3, "[stage 3/4] RUN y", 5, at(10, 0), 6, at(12, 5e8)),
		message(1, "e", 3, "[4/4] RUN never", 5, at(12, 5e8)),
		message(1, "f", 3, "exporting to image", 5, at(12, 5e8), 6, at(13, 0)),
	} {
		trace.read(message(1, vertex))
	}
	got := fmt.Sprint(trace.done())
	if want := "[{[2/4] COPY a b true 1ns} {[stage 3/4] RUN y false 2.5s}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A step that wants an image that cannot be had is told from others.
func TestBaseThatFailed(t *testing.T) {
	for name, want := range map[string]string{
		"[internal] load metadata for docker.io/library/debian:12": "docker.io/library/debian:12",
		"[internal] load .dockerignore":                            "",
		"[build 1/4] FROM docker.io/library/debian:12@sha256:1":    "docker.io/library/debian:12@sha256:1",
		"[2/4] RUN echo ] FROM x":                                  "",
		"exporting to image":                                       "",
	} {
		trace := newTrace(func(string) {})
		trace.read(message(1, message(1, "a", 3, name, 5, "", 7, "no such host")))
		if got := trace.base(); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	c := newClassic(func(string) {}, 0)
	for _, line := range []struct{ says, want string }{
		{"Step 1/4 : ARG BASE=x\n", ""},
		{"Step 2/4 : FROM --platform=linux/amd64 ${BASE} AS one\n", "${BASE}"},
		{" ---> 3cabfe93de06\n", ""}, // it is there
		{"# Executing 1 build trigger\n", ""},
		{"Step 3/4 : RUN echo FROM\n", ""},
		{"Step 4/4 : FROM one\n", "one"},
	} {
		c.message(jsonmessage.JSONMessage{Stream: line.says})
		if got := c.base(); got != line.want {
			t.Errorf("after %q: %q, want %q", line.says, got, line.want)
		}
	}
}

// Of the classic builder, steps are what made or found an image, but FROM and
// what the engine adds.
func TestClassicSteps(t *testing.T) {
	c := newClassic(func(string) {}, 1)
	for _, line := range []string{
		"Step 1/6 : ARG BASE=x\n", "Step 2/6 : FROM ${BASE}\n", " ---> 3cabfe93de06\n",
		"Step 3/6 : WORKDIR /app\n", " ---> Using cache\n", " ---> 111111111111\n",
		"Step 4/6 : COPY a b\n", " ---> 222222222222\n",
		"Step 5/6 : RUN y\n", " ---> Running in 0123456789ab\n", " ---> says the step\n", "Removing intermediate container 0123456789ab\n", " ---> 333333333333\n",
		"Step 6/6 : LABEL " + runner.OwnerLabel + "=x\n", " ---> Running in 0123456789ac\n", " ---> 444444444444\n", "Successfully built 444444444444\n",
	} {
		c.message(jsonmessage.JSONMessage{Stream: line})
	}
	var got []string
	for _, s := range c.done() {
		got = append(got, fmt.Sprintf("%s %v", s.Name, s.Cached))
	}
	if want := "[3/5] WORKDIR /app true, [4/5] COPY a b false, [5/5] RUN y false"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	if got := strings.Join(c.made, " "); got != "222222222222 333333333333 444444444444" {
		t.Errorf("made %s", got)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(message(1, message(1, "c", 3, "[2/2] RUN y", 5, "", 7, "exit code: 3"), 3, message(1, "c", 4, "out\n")))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, response []byte) {
		trace := newTrace(func(string) {})
		trace.read(response)
		trace.failed()
		trace.done()
		if len(trace.steps) > mostSteps {
			t.Error(len(trace.steps), "steps")
		}
	})
}

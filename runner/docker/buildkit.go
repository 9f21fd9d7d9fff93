package docker

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/pkg/jsonmessage"
	"google.golang.org/protobuf/encoding/protowire"

	"mlbench/runner"
	"mlbench/runner/probe"
)

// traceID is of messages that hold BuildKit's own: a StatusResponse of
// https://github.com/moby/buildkit/blob/v0.12.0/api/services/control/control.proto
// in protobuf, in base64, in JSON.
const traceID = "moby.buildkit.trace"

// mostSteps bounds what is kept of a build; Dockerfiles have a few dozen.
const mostSteps = 10_000

// A trace is what BuildKit tells of a build.
type trace struct {
	note  func(step string)
	steps map[string]*vertex // by digest
	order []*vertex          // in which they were told of
	last  *vertex            // that failed
}

// A vertex is a step as BuildKit knows it.
type vertex struct {
	name, failure  string
	started, noted bool
	cached         bool
	began, ended   time.Time // zero where it has not
	output         probe.Lines
}

func newTrace(note func(string)) *trace {
	return &trace{note: note, steps: make(map[string]*vertex)}
}

func (t *trace) message(m jsonmessage.JSONMessage) {
	var response []byte
	if m.ID == traceID && m.Aux != nil && json.Unmarshal(*m.Aux, &response) == nil {
		t.read(response)
	}
}

// read takes a StatusResponse as far as it can be understood.
func (t *trace) read(response []byte) {
	const vertexes, logs = 1, 3
	fields(response, func(n protowire.Number, value []byte) {
		switch n {
		case vertexes:
			t.vertex(value)
		case logs:
			t.log(value)
		}
	})
}

func (t *trace) vertex(message []byte) {
	const digest, name, cached, started, completed, failure = 1, 3, 4, 5, 6, 7
	var id string
	var now vertex
	fields(message, func(n protowire.Number, value []byte) {
		switch n {
		case digest:
			id = string(value)
		case name:
			now.name = string(value)
		case started:
			now.started, now.began = true, timestamp(value)
		case completed:
			now.ended = timestamp(value)
		case failure:
			now.failure = string(value)
		}
	})
	v := t.step(id)
	if v == nil {
		return
	}
	v.name, v.cached = now.name, v.cached || number(message, cached) != 0
	if now.started {
		v.began, v.ended = now.began, now.ended
	}
	if now.failure != "" && !strings.Contains(now.failure, "context canceled") { // others end with the one that fails
		v.failure, t.last = now.failure, v
	}
	if now.started && !v.noted && !strings.HasPrefix(v.name, "[internal]") && strings.HasPrefix(v.name, "[") {
		v.noted = true
		t.note(v.name)
	}
}

func (t *trace) log(message []byte) {
	const of, text = 1, 4
	var id string
	var output []byte
	fields(message, func(n protowire.Number, value []byte) {
		switch n {
		case of:
			id = string(value)
		case text:
			output = value
		}
	})
	if v := t.step(id); v != nil {
		_, _ = v.output.Write(output) // Lines never fails
	}
}

// step is the one of that digest; nil where there are too many.
func (t *trace) step(id string) *vertex {
	v := t.steps[id]
	if v == nil && len(t.steps) < mostSteps {
		v = new(vertex)
		v.output.Keep = logLines
		t.steps[id] = v
		t.order = append(t.order, v)
	}
	return v
}

// done are the steps of the Dockerfile that are over: BuildKit has others too,
// such as loading the context, and calls these "[stage 2/5] RUN …".
func (t *trace) done() []runner.Step {
	var steps []runner.Step
	for _, v := range t.order {
		place, instruction, ok := strings.Cut(v.name, "] ")
		if !ok || !strings.HasPrefix(place, "[") || place == "[internal" || strings.HasPrefix(instruction, "FROM ") || v.ended.IsZero() {
			continue
		}
		steps = append(steps, runner.Step{Name: v.name, Cached: v.cached, Took: max(v.ended.Sub(v.began), 0)})
	}
	return steps
}

// timestamp is a google.protobuf.Timestamp.
func timestamp(message []byte) time.Time {
	const seconds, nanos = 1, 2
	return time.Unix(int64(number(message, seconds)), int64(number(message, nanos)))
}

// number is a field of a protobuf message that is a varint; 0 where there is none.
func number(message []byte, wanted protowire.Number) (value uint64) {
	for len(message) > 0 {
		n, kind, taken := protowire.ConsumeTag(message)
		if taken < 0 {
			return value
		}
		message = message[taken:]
		if taken = protowire.ConsumeFieldValue(n, kind, message); taken < 0 {
			return value
		}
		if n == wanted && kind == protowire.VarintType {
			value, _ = protowire.ConsumeVarint(message)
		}
		message = message[taken:]
	}
	return value
}

func (t *trace) failed() string {
	if t.last == nil {
		return ""
	}
	return fmt.Sprintf("\n  in %s%s", t.last.name, indented(t.last.output.Last()))
}

// base: an image is looked for first, and fetched in a step of its own.
func (t *trace) base() string {
	if t.last == nil {
		return ""
	}
	if ref, ok := strings.CutPrefix(t.last.name, "[internal] load metadata for "); ok {
		return ref
	}
	if _, instruction, ok := strings.Cut(t.last.name, "] "); ok && strings.HasPrefix(instruction, "FROM ") {
		return fromOf(instruction)
	}
	return ""
}

// fields are those of a protobuf message that have a length; it ends where
// the message is malformed.
func fields(message []byte, each func(n protowire.Number, value []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		if kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return
			}
			each(number, value)
			message = message[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return
		}
		message = message[n:]
	}
}

// indented are lines of output under an error.
func indented(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("\n    " + line)
	}
	return b.String()
}

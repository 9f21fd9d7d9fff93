package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"mlbench/runner"
)

// maxFile bounds a result file. One start takes about 1 kB.
const maxFile = 256 << 20

// maxCandidates bounds what a file may claim; every block has room for each.
const maxCandidates = 64

// ErrMalformed means that a result file is not what it should be.
var ErrMalformed = errors.New("malformed result")

// Write writes the result file.
func (r *Result) Write(w io.Writer) error { return WriteJSON(w, r) }

// WriteJSON writes what a command found, as all commands do.
func WriteJSON(w io.Writer, found any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(found)
}

// Read reads a result file and judges it anew. Its errors wrap ErrMalformed
// and name the place and the field; name is the file's, for them.
func Read(in io.Reader, name string) (*Result, error) {
	b, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(b) > maxFile {
		return nil, malformed(name, fmt.Errorf("over %d MiB long", maxFile>>20))
	}
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, malformed(name, place(b, err))
	}
	if head.Schema == nil || *head.Schema != Schema {
		found := "none"
		if head.Schema != nil {
			found = fmt.Sprintf("%q", *head.Schema)
		}
		return nil, malformed(name, fmt.Errorf("schema: found %s, want %q, which compare and run write", found, Schema))
	}
	r := new(Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, malformed(name, place(b, err))
	}
	if err := r.check(); err != nil {
		return nil, malformed(name, err)
	}
	if err := r.Judge(); err != nil {
		return nil, malformed(name, fmt.Errorf("spec: %w", err))
	}
	return r, nil
}

func malformed(name string, err error) error {
	return fmt.Errorf("%s: %w: %w", name, ErrMalformed, err)
}

// place says at which line and field a JSON error is.
func place(b []byte, err error) error {
	offset, field := int64(-1), ""
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset, field = kind.Offset, kind.Field
	}
	switch {
	case offset < 0 && field != "":
		return fmt.Errorf("field %s: %w", field, inWords(err))
	case offset < 0 || offset > int64(len(b)):
		return element(b, err)
	}
	before := b[:offset]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	if field != "" {
		return fmt.Errorf("line %d, column %d, field %s: %w", line, column, field, inWords(err))
	}
	return fmt.Errorf("line %d, column %d: %w", line, column, inWords(err))
}

// inWords says what is there and what is wanted, for errors that have Go's names
// of both.
func inWords(err error) error {
	var kind *json.UnmarshalTypeError
	var moment *time.ParseError
	switch {
	case errors.As(err, &kind):
		what, value, _ := strings.Cut(kind.Value, " ")
		if value == "" || len(value) > mostOfNumber {
			value = map[string]string{"object": "an object", "array": "a list", "string": "a text", "number": "a number", "bool": "true or false"}[what]
		}
		return fmt.Errorf("it is %s, and ought to be %s", cmp.Or(value, what), inJSON(kind.Type))
	case errors.As(err, &moment):
		return fmt.Errorf("%s is no time: want one such as 2026-11-01T12:00:00Z", strings.Trim(moment.Value, `"`))
	}
	return err
}

// mostOfNumber is how many characters of a number are shown; no number of a
// result needs as many.
const mostOfNumber = 24

// inJSON is what a value of a Go type is called in a file.
func inJSON(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return inJSON(t.Elem())
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "an object"
}

// element says in which candidate or start an error is that tells no offset,
// as those of times and ready rules do not.
func element(b []byte, err error) error {
	var parts struct {
		Candidates []json.RawMessage `json:"candidates"`
		Starts     []json.RawMessage `json:"starts"`
	}
	if json.Unmarshal(b, &parts) != nil {
		return err
	}
	for i, part := range parts.Candidates {
		if err := json.Unmarshal(part, new(runner.Candidate)); err != nil {
			return fmt.Errorf("candidates[%d]: %w", i, inWords(err))
		}
	}
	for i, part := range parts.Starts {
		if err := json.Unmarshal(part, new(Start)); err != nil {
			return fmt.Errorf("starts[%d]: %w", i, inWords(err))
		}
	}
	return inWords(err)
}

// check finds what no run would have written.
func (r *Result) check() error {
	if err := r.Spec.Validate(); err != nil {
		return fmt.Errorf("spec.%w", err)
	}
	if !slices.Contains([]Ended{EndedDecided, EndedLimit, EndedFixed, EndedInterrupted, EndedFailed}, r.Ended) {
		return fmt.Errorf("ended: no end %q", r.Ended)
	}
	if len(r.Candidates) > maxCandidates {
		return fmt.Errorf("candidates: %d of them, at most %d can be compared", len(r.Candidates), maxCandidates)
	}
	if len(r.Candidates) == 0 && len(r.Starts) > 0 {
		return errors.New("candidates: there are starts but no candidates")
	}
	for i, c := range r.Candidates {
		if c.Name == "" {
			return fmt.Errorf("candidates[%d].name: empty", i)
		}
		if c.UnpackedBytes != nil && *c.UnpackedBytes < 0 {
			return fmt.Errorf("candidates[%d].unpacked_bytes: %d is negative", i, *c.UnpackedBytes)
		}
		if c.CompressedBytes != nil && *c.CompressedBytes < 0 {
			return fmt.Errorf("candidates[%d].compressed_bytes: %d is negative", i, *c.CompressedBytes)
		}
	}
	for i, e := range r.Cold.Evidence {
		if e.Candidate < 0 || e.Candidate >= len(r.Candidates) {
			return fmt.Errorf("cold.evidence[%d].candidate: there is no candidate %d", i, e.Candidate)
		}
	}
	for i, e := range r.Cold.Pulls {
		if e.Candidate < 0 || e.Candidate >= len(r.Candidates) {
			return fmt.Errorf("cold.pulls[%d].candidate: there is no candidate %d", i, e.Candidate)
		}
		if e.Layers < 0 || e.AlreadyHere < 0 {
			return fmt.Errorf("cold.pulls[%d]: layers and already_here are %d and %d, and cannot be negative", i, e.Layers, e.AlreadyHere)
		}
	}
	type slot struct {
		role             Role
		block, candidate int
	}
	seen := make(map[slot]int)
	for i, s := range r.Starts {
		if err := s.check(len(r.Candidates)); err != nil {
			return fmt.Errorf("starts[%d].%w", i, err)
		}
		at := slot{s.Role, s.Block, s.Candidate}
		if first, twice := seen[at]; twice && s.Role != RoleWarmup {
			return fmt.Errorf("starts[%d]: block %d has a start of candidate %d already, starts[%d]", i, s.Block, s.Candidate, first)
		}
		seen[at] = i
	}
	return nil
}

func (s Start) check(candidates int) error {
	switch s.Role {
	case RoleWarmup, RolePair, RoleTarget, RoleLoad:
	default:
		return fmt.Errorf("role: no role %q", s.Role)
	}
	if s.Candidate < 0 || s.Candidate >= candidates {
		return fmt.Errorf("candidate: there is no candidate %d", s.Candidate)
	}
	if s.Block >= MaxPairs {
		return fmt.Errorf("block: %d, and no run has more than %d", s.Block, MaxPairs)
	}
	if s.Block < 0 || s.Position < 0 || s.Position >= candidates {
		return fmt.Errorf("block, position: %d, %d is no place for a start", s.Block, s.Position)
	}
	switch s.Outcome {
	case runner.OutcomeReady:
		if s.ReadyMS == nil || !(*s.ReadyMS > 0) {
			return errors.New("ready_ms: the outcome is ready, so it has to be over 0")
		}
	case runner.OutcomeExited, runner.OutcomeTimeout, runner.OutcomeError:
		if s.ReadyMS != nil {
			return fmt.Errorf("ready_ms: the outcome is %s, so it has to be null", s.Outcome)
		}
	default:
		return fmt.Errorf("outcome: no outcome %q", s.Outcome)
	}
	if s.ResolutionMS < 0 || math.IsInf(s.ResolutionMS, 0) {
		return fmt.Errorf("resolution_ms: %v is not a time", s.ResolutionMS)
	}
	if p := s.Pull; p != nil {
		for name, ms := range map[string]*float64{"download_ms": p.DownloadMS, "extract_ms": p.ExtractMS} {
			if ms != nil && *ms < 0 {
				return fmt.Errorf("pull.%s: %v is negative", name, *ms)
			}
		}
		for name, n := range map[string]int64{"layers": int64(p.Layers), "already_here": int64(p.AlreadyHere), "bytes": p.Bytes} {
			if n < 0 {
				return fmt.Errorf("pull.%s: %d is negative", name, n)
			}
		}
	}
	if err := s.Load.check(); err != nil {
		return err
	}
	for name, ms := range s.PhasesMS {
		if ms < 0 {
			return fmt.Errorf("phases_ms.%s: %v is negative", name, ms)
		}
	}
	for name, n := range map[string]*int64{"read_bytes": s.ReadBytes, "major_faults": s.MajorFaults, "peak_memory_bytes": s.PeakMemoryBytes, "gpu_memory_bytes": s.GPUMemoryBytes} {
		if n != nil && *n < 0 {
			return fmt.Errorf("%s: %d is negative", name, *n)
		}
	}
	if s.GPU != nil {
		return s.GPU.check()
	}
	return nil
}

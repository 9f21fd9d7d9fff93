package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mlbench/gpu"
)

// A Candidate is an image (or, for runner/process, a command) and how it is
// started. The JSON form is the result file's "candidates" entry.
type Candidate struct {
	Name string `json:"name"` // as the user named it; unique within a run
	Ref  string `json:"ref"`  // image reference, or command line

	// How it is started, as `docker run` has it. Zero values leave the
	// image's or the engine's own setting.
	Args       []string `json:"args,omitempty"`
	Env        Env      `json:"env,omitempty"`
	Volumes    []string `json:"volumes,omitempty"` // source:target[:options]
	Memory     int64    `json:"memory_bytes,omitempty"`
	CPUs       float64  `json:"cpus,omitempty"`
	ShmSize    int64    `json:"shm_size_bytes,omitempty"`
	Network    string   `json:"network,omitempty"`
	User       string   `json:"user,omitempty"`
	Entrypoint string   `json:"entrypoint,omitempty"`

	// GPUs are those that it gets; nil for none. A command of runner/process
	// sees those that mlbench itself would see where it is nil, and all that
	// the host has where it is all; its Env wins where that has
	// CUDA_VISIBLE_DEVICES.
	GPUs *gpu.Request `json:"gpus,omitempty"`

	// When it counts as ready. Port 0 and Health "" are found: Port by
	// Prepare, Health by Prepare or in the first start.
	Ready   Rule     `json:"ready"`
	Port    int      `json:"port,omitempty"`
	Health  string   `json:"health,omitempty"`
	Request *Request `json:"request,omitempty"`

	// What Prepare found.
	Digest        string `json:"digest,omitempty"`         // the engine's image ID
	UnpackedBytes *int64 `json:"unpacked_bytes,omitempty"` // sum of the layers; nil where unknown
	// CompressedBytes is the sum of the layers as they are pulled at level
	// Pull: as the user's registry has them, or as a Runner that serves copies
	// has compressed those. Nil where it is not known.
	CompressedBytes *int64 `json:"compressed_bytes,omitempty"`

	// Built is what its image was built from, for this run alone; nil where it
	// was there before.
	Built *Origin `json:"built,omitempty"`
}

// Env is a list of NAME=value. In JSON only the names appear: values are where
// people keep their tokens, and result files go to pull requests.
type Env []string

// MarshalJSON writes the names.
func (e Env) MarshalJSON() ([]byte, error) {
	names := make([]string, len(e))
	for i, v := range e {
		names[i], _, _ = strings.Cut(v, "=")
	}
	return json.Marshal(names)
}

// Image names the candidate's image for people: the folder where it was built for
// this run, else the reference.
func (c Candidate) Image() string {
	if c.Built != nil {
		return c.Built.Folder
	}
	return c.Ref
}

// Clone returns a copy that shares nothing with c.
func (c Candidate) Clone() Candidate {
	c.Args = slices.Clone(c.Args)
	c.Env = slices.Clone(c.Env)
	c.Volumes = slices.Clone(c.Volumes)
	if c.Request != nil {
		r := *c.Request
		r.Body = slices.Clone(r.Body)
		c.Request = &r
	}
	if c.GPUs != nil {
		r := *c.GPUs
		r.IDs = slices.Clone(r.IDs)
		c.GPUs = &r
	}
	if c.Built != nil {
		o := *c.Built
		o.Args = maps.Clone(o.Args)
		c.Built = &o
	}
	for _, size := range []**int64{&c.UnpackedBytes, &c.CompressedBytes} {
		if *size != nil {
			n := **size
			*size = &n
		}
	}
	return c
}

// Paths are the health paths to try: the known one, or HealthPaths.
func (c Candidate) Paths() []string {
	if c.Health != "" {
		return []string{c.Health}
	}
	return HealthPaths
}

// A Request is the first real request sent to a ready candidate; the first
// 2xx answer to it is the mark FirstResponse.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   []byte `json:"body,omitempty"`
}

// To makes the request to a candidate at addr, host:port. Its Host is localhost,
// as a health check from inside the container would have it: servers with a list
// of allowed hosts rarely list a container's address.
func (r Request) To(addr string) (*http.Request, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	u, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return nil, fmt.Errorf("path %q: %w", r.Path, err)
	}
	u.Scheme, u.Host = "http", net.JoinHostPort("localhost", port)
	req, err := http.NewRequest(r.Method, u.String(), bytes.NewReader(r.Body)) //nolint:noctx // whoever sends it has one
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "mlbench")
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", r.ContentType())
	}
	return req, nil
}

// ContentType is application/json for a body that looks like it, which is what
// nearly every inference service takes, else what the bytes look like.
func (r Request) ContentType() string {
	if b := bytes.TrimSpace(r.Body); len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return "application/json"
	}
	return http.DetectContentType(r.Body)
}

// HealthPaths are tried in this order where nothing names a health path.
var HealthPaths = []string{
	"/health", "/healthz", "/readyz", "/ready", "/health/ready", "/v2/health/ready", "/ping", "/",
}

// DefaultTimeout bounds a start where nothing else is said.
const DefaultTimeout = 60 * time.Second

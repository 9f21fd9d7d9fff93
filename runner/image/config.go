package image

import (
	"encoding/json"
	"fmt"
	"path"
	"time"
)

// A Config is an image's configuration (OCI image specification, config.md),
// as far as analyses need it.
type Config struct {
	ID           string    `json:"-"` // as the engine calls the image: its digest
	Created      time.Time `json:"created"`
	Architecture string    `json:"architecture"` // as Go names it
	OS           string    `json:"os"`
	Run          Run       `json:"config"`
	History      []Step    `json:"history"`
	RootFS       struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// Run is how containers of an image are started.
type Run struct {
	User         string
	Env          []string
	Entrypoint   []string
	Cmd          []string
	WorkingDir   string
	Labels       map[string]string
	ExposedPorts map[string]struct{}
	Healthcheck  *struct{ Test []string }
}

// Folder is the folder that containers start in, as an Index has paths: "" is
// the root.
func (r Run) Folder() string { return path.Clean("/" + r.WorkingDir)[1:] }

// A Step is one line of an image's history.
type Step struct {
	CreatedBy  string `json:"created_by"`
	Comment    string `json:"comment"`
	EmptyLayer bool   `json:"empty_layer"` // it made no layer
}

// ParseConfig reads a configuration.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%w: its configuration: %w", ErrMalformed, err)
	}
	return c, nil
}

// Steps are the history's lines that made layers, one for each, "" where the
// history tells less.
func (c Config) Steps(layers int) []string {
	steps := make([]string, layers)
	n := 0
	for _, h := range c.History {
		if h.EmptyLayer || n == layers {
			continue
		}
		steps[n] = h.CreatedBy
		n++
	}
	return steps
}

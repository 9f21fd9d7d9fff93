package gpu

import (
	"encoding/json"
	"fmt"
	"io"
)

// Schema names the form of a Report in JSON.
const Schema = "mlbench.gpu/v1"

// A Report is what can be said of an image on a host.
type Report struct {
	Schema   string   `json:"schema"`
	Ref      string   `json:"ref"`
	Digest   string   `json:"digest,omitempty"`
	Host     Host     `json:"host"`
	Needs    Needs    `json:"needs"`
	Rules    []Rule   `json:"rules"`
	Verdict  Verdict  `json:"verdict"`
	Warnings []string `json:"warnings,omitempty"`
}

// NewReport judges an image's needs on a host.
func NewReport(ref, digest string, n Needs, h Host) *Report {
	h = h.Complete()
	r := &Report{Schema: Schema, Ref: ref, Digest: digest, Host: h, Needs: n}
	if h.Warning != "" {
		r.Warnings = []string{h.Warning}
	}
	r.Rules, r.Verdict = Judge(n, h)
	return r
}

// Write writes the report as JSON.
func (r *Report) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Decides is the first rule of those that the verdict is from.
func (r *Report) Decides() Rule {
	for _, rule := range r.Rules {
		if rule.Verdict == r.Verdict {
			return rule
		}
	}
	return Rule{Verdict: r.Verdict}
}

// Sentence is the verdict in words, without the reason.
func (r *Report) Sentence() string {
	switch {
	case !r.Needs.GPU:
		return r.Ref + " needs no GPU"
	case r.Verdict == OK:
		return r.Ref + " will run on this host's GPUs"
	case r.Verdict == Warn:
		return r.Ref + " will run on this host's GPUs, but see the warnings"
	case r.Verdict == Fail:
		return r.Ref + " will not run on this host's GPUs"
	}
	return fmt.Sprintf("%s: not all is known that decides whether it runs on this host's GPUs", r.Ref)
}

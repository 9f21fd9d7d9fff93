package image

import (
	"slices"
)

// Schema is the form of a Report's JSON. Fields are never renamed within it;
// readers ignore what they do not know.
const Schema = "mlbench.image/v1"

// A Report is what inspecting an image finds: plain values.
type Report struct {
	Schema   string `json:"schema"`
	Ref      string `json:"ref"`                // as the user named it
	Digest   string `json:"digest,omitempty"`   // of its configuration, as the engine names it
	Platform string `json:"platform,omitempty"` // e.g. linux/amd64

	UnpackedBytes   int64  `json:"unpacked_bytes"` // the sum over the layers, and over the owners, and over the reasons
	CompressedBytes *int64 `json:"compressed_bytes,omitempty"`
	WastedBytes     int64  `json:"wasted_bytes"` // hidden by later layers, each copy counted once
	Files           int    `json:"files"`        // of all layers, folders not counted

	Reasons  []ReasonShare `json:"reasons"` // largest first
	Owners   []OwnerShare  `json:"owners"`  // largest first
	Layers   []LayerShare  `json:"layers"`  // from the lowest on
	Findings []Finding     `json:"findings"`

	Gates    []Gate   `json:"gates"`
	Verdict  Verdict  `json:"verdict"`
	Warnings []string `json:"warnings"`
}

// An OwnerShare is what one owner has of an image, and the Reason why it is there.
type OwnerShare struct {
	Owned
	Reason string `json:"reason"`
}

// A ReasonShare is how much of an image is there for one Reason. The Reasons' bytes
// add up to the image's.
type ReasonShare struct {
	Reason string `json:"reason"`
	Owners int    `json:"owners"`
	Bytes  int64  `json:"bytes"`
	Wasted int64  `json:"wasted_bytes"`
}

// A LayerShare is a layer with what made it.
type LayerShare struct {
	DiffID          string `json:"diff_id,omitempty"`
	CreatedBy       string `json:"created_by,omitempty"` // its Instruction on one line, without secrets
	UnpackedBytes   int64  `json:"unpacked_bytes"`
	CompressedBytes int64  `json:"compressed_bytes,omitempty"` // 0 where not known
	WastedBytes     int64  `json:"wasted_bytes"`               // of these, what later layers hide
	Files           int    `json:"files"`
}

// Describe says what is in an image, which has these owners. It has no gates
// yet; see Judge.
func Describe(x *Index, owners *Owners) *Report {
	r := &Report{
		Schema: Schema, Ref: x.Ref, Digest: x.Config.ID, UnpackedBytes: x.UnpackedBytes(),
		Reasons: []ReasonShare{}, Owners: []OwnerShare{}, Layers: []LayerShare{}, Gates: []Gate{}, Verdict: Pass,
		Warnings: append([]string{}, x.Warnings...),
	}
	if c := x.Config; c.OS != "" {
		r.Platform = c.OS + "/" + c.Architecture
	}
	if n, known := x.CompressedBytes(); known {
		r.CompressedBytes = &n
	}
	for _, l := range x.Layers {
		r.Layers = append(r.Layers, LayerShare{
			DiffID: l.DiffID, CreatedBy: line(l.CreatedBy),
			UnpackedBytes: l.UnpackedBytes, CompressedBytes: l.CompressedBytes,
		})
	}
	for _, f := range x.Files {
		l := &r.Layers[f.Layer]
		l.WastedBytes, r.WastedBytes = l.WastedBytes+f.Wasted(), r.WastedBytes+f.Wasted()
		if !f.isFolder() && f.Kind != Whiteout {
			l.Files, r.Files = l.Files+1, r.Files+1
		}
	}
	why := make(map[Owner]string)
	for _, reason := range x.Reasons(owners) {
		r.Reasons = append(r.Reasons, ReasonShare{reason.Name, len(reason.Packages), reason.Bytes, reason.Wasted})
		for _, o := range reason.Packages {
			why[o.Owner] = reason.Name
		}
	}
	for _, o := range owners.All {
		r.Owners = append(r.Owners, OwnerShare{o, why[o.Owner]})
	}
	r.Add(Check(x, owners)...)
	return r
}

// Add adds findings: the most severe first, and of these the heaviest.
func (r *Report) Add(findings ...Finding) {
	r.Findings = slices.Concat([]Finding{}, r.Findings, findings)
	for i, f := range r.Findings {
		if f.Evidence == nil {
			r.Findings[i].Evidence = []string{} // a list in JSON
		}
	}
	slices.SortStableFunc(r.Findings, worseFirst)
}

// Trace adds the findings of what the image was built from. Of what the image
// itself shows too they are more evidence, and the first, as they say where it
// is to be changed.
func (r *Report) Trace(findings ...Finding) {
	for _, f := range findings {
		i := slices.IndexFunc(r.Findings, func(have Finding) bool { return have.ID == f.ID })
		if i < 0 {
			r.Add(f)
			continue
		}
		have := &r.Findings[i]
		have.Evidence = slices.Concat(f.Evidence, have.Evidence)
		if f.Severity.rank() > have.Severity.rank() {
			have.Severity = f.Severity
		}
	}
	r.Add() // by their severities anew
}

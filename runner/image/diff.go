package image

import (
	"cmp"
	"slices"
	"strings"
)

// DifferenceSchema is the form of a Difference's JSON.
const DifferenceSchema = "mlbench.image-difference/v1"

// A Difference is how two images differ, byte by byte: its Reasons and its
// Owners each add up to the difference between the images' sizes.
type Difference struct {
	Schema string  `json:"schema"`
	Old    *Report `json:"old"`
	New    *Report `json:"new"`

	Changed Change         `json:"unpacked_bytes"`
	Reasons []ReasonChange `json:"reasons"` // the greatest change first
	Owners  []OwnerChange  `json:"owners"`  // the greatest change first
	Layers  Shared         `json:"layers"`

	Findings Findings `json:"findings"`
}

// Findings are two images' findings, held against each other.
type Findings struct {
	Fixed []Finding     `json:"fixed"` // only the old image has it
	New   []Finding     `json:"new"`   // only the new image has it
	Kept  []KeptFinding `json:"kept"`
}

// A Change is so many bytes before and after.
type Change struct {
	Old int64 `json:"old"`
	New int64 `json:"new"`
}

// Bytes is how many came to it; negative where some went.
func (c Change) Bytes() int64 { return c.New - c.Old }

// A ReasonChange is how much more or less is there for a Reason.
type ReasonChange struct {
	Reason string `json:"reason"`
	Bytes  Change `json:"bytes"`
}

// An OwnerChange is that of an owner of one kind and name. Several versions of
// it in one image are taken together.
type OwnerChange struct {
	Kind       OwnerKind `json:"kind"`
	Name       string    `json:"name"`
	Reason     string    `json:"reason"`                // in the new image if it is there
	OldVersion string    `json:"old_version,omitempty"` // several are joined by ", "
	NewVersion string    `json:"new_version,omitempty"`
	In         Presence  `json:"in"`
	Bytes      Change    `json:"bytes"`
}

// Presence says which of two images have something.
type Presence string

// The presences.
const (
	OldOnly Presence = "old"
	NewOnly Presence = "new"
	Both    Presence = "both"
)

// Shared are the layers that both images begin with: who has one image need
// not pull these for the other, and who has both holds them once.
type Shared struct {
	Shared   int   `json:"shared"`
	Bytes    int64 `json:"shared_bytes"`
	Together int64 `json:"together_bytes"` // of the layers of both, unpacked, the shared ones once
}

// A KeptFinding is one that both images have.
type KeptFinding struct {
	Finding        // as the new image has it
	OldBytes int64 `json:"old_bytes"`
}

// Diff compares two images.
func Diff(before, after *Report) *Difference {
	d := &Difference{
		Schema: DifferenceSchema, Old: before, New: after,
		Changed: Change{before.UnpackedBytes, after.UnpackedBytes},
		Reasons: []ReasonChange{}, Owners: []OwnerChange{},
		Findings: Findings{[]Finding{}, []Finding{}, []KeptFinding{}},
	}
	d.reasons()
	d.owners()
	d.layers()
	d.findings()
	return d
}

func (d *Difference) reasons() {
	at := make(map[string]int)
	of := func(name string) *Change {
		i, ok := at[name]
		if !ok {
			i = len(d.Reasons)
			at[name], d.Reasons = i, append(d.Reasons, ReasonChange{Reason: name})
		}
		return &d.Reasons[i].Bytes
	}
	for _, g := range d.Old.Reasons {
		of(g.Reason).Old += g.Bytes
	}
	for _, g := range d.New.Reasons {
		of(g.Reason).New += g.Bytes
	}
	slices.SortStableFunc(d.Reasons, func(a, b ReasonChange) int {
		return cmp.Or(greatest(a.Bytes, b.Bytes), cmp.Compare(a.Reason, b.Reason))
	})
}

// greatest puts the greater change first, and of equal ones the larger thing.
func greatest(a, b Change) int {
	return cmp.Or(cmp.Compare(max(b.Bytes(), -b.Bytes()), max(a.Bytes(), -a.Bytes())), cmp.Compare(b.New, a.New))
}

func (d *Difference) owners() {
	type name struct {
		kind OwnerKind
		name string
	}
	at := make(map[name]int)
	of := func(s OwnerShare, in Presence) *OwnerChange {
		i, ok := at[name{s.Kind, s.Name}]
		if !ok {
			i = len(d.Owners)
			at[name{s.Kind, s.Name}], d.Owners = i, append(d.Owners, OwnerChange{Kind: s.Kind, Name: s.Name, In: in, Reason: s.Reason})
		}
		o := &d.Owners[i]
		if o.In != in {
			o.In, o.Reason = Both, s.Reason
		}
		return o
	}
	for _, s := range d.Old.Owners {
		o := of(s, OldOnly)
		o.Bytes.Old += s.Bytes
		o.OldVersion = joined(o.OldVersion, s.Version)
	}
	for _, s := range d.New.Owners {
		o := of(s, NewOnly)
		o.Bytes.New += s.Bytes
		o.NewVersion = joined(o.NewVersion, s.Version)
	}
	slices.SortStableFunc(d.Owners, func(a, b OwnerChange) int {
		return cmp.Or(greatest(a.Bytes, b.Bytes), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}

// joined adds a version to others, in order.
func joined(versions, version string) string {
	if versions == "" || version == "" {
		return versions + version
	}
	all := append(strings.Split(versions, ", "), version)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

func (d *Difference) layers() {
	for i := range min(len(d.Old.Layers), len(d.New.Layers)) {
		before, after := d.Old.Layers[i], d.New.Layers[i]
		if before.DiffID == "" || before.DiffID != after.DiffID {
			break
		}
		d.Layers.Shared++
		d.Layers.Bytes += after.UnpackedBytes
	}
	d.Layers.Together = d.Changed.Old + d.Changed.New - d.Layers.Bytes
}

// findings holds findings of one check against each other: those with the same
// title, and then the others in their order, as titles tell figures.
func (d *Difference) findings() {
	of := make([]int, len(d.New.Findings)) // place in the old image's, + 1
	taken := make([]bool, len(d.Old.Findings))
	for _, same := range []func(a, b Finding) bool{
		func(a, b Finding) bool { return a.ID == b.ID && a.Title == b.Title },
		func(a, b Finding) bool { return a.ID == b.ID },
	} {
		for i, f := range d.New.Findings {
			if of[i] > 0 {
				continue
			}
			for j, old := range d.Old.Findings {
				if !taken[j] && same(old, f) {
					of[i], taken[j] = j+1, true
					break
				}
			}
		}
	}
	for j, f := range d.Old.Findings {
		if !taken[j] {
			d.Findings.Fixed = append(d.Findings.Fixed, f)
		}
	}
	for i, f := range d.New.Findings {
		if of[i] == 0 {
			d.Findings.New = append(d.Findings.New, f)
		} else {
			d.Findings.Kept = append(d.Findings.Kept, KeptFinding{f, d.Old.Findings[of[i]-1].Bytes})
		}
	}
}

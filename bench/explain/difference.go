package explain

import (
	"cmp"
	"math"
	"slices"

	"mlbench/runner/image"
)

// A Difference is what a second candidate imports and touches otherwise than
// the first.
type Difference struct {
	Imports []ImportChange  `json:"imports"` // the greatest change first
	Touched []TouchedChange `json:"touched"` // likewise
}

// An ImportChange is the time in a top-level package's own modules: of imports
// the one that may be added up.
type ImportChange struct {
	Name  string  `json:"name"`
	OldMS float64 `json:"old_ms"` // 0 where it is not imported
	NewMS float64 `json:"new_ms"`
}

// ChangeMS is how much more time it takes, negative where it takes less.
func (c ImportChange) ChangeMS() float64 { return c.NewMS - c.OldMS }

// A TouchedChange is how much of an owner's files is touched until the last
// mark. Versions of it are one owner.
type TouchedChange struct {
	Kind     image.OwnerKind `json:"kind"`
	Name     string          `json:"name"`
	OldBytes int64           `json:"old_bytes"`
	NewBytes int64           `json:"new_bytes"`
}

// Change is how many bytes more are touched, negative where there are less.
func (c TouchedChange) Change() int64 { return c.NewBytes - c.OldBytes }

// Differ fills in the Difference of a report about two candidates, as far as
// something is known of both.
func (r *Report) Differ() {
	if len(r.Candidates) != 2 {
		return
	}
	before, after := &r.Candidates[0], &r.Candidates[1]
	r.Difference = &Difference{Imports: []ImportChange{}, Touched: []TouchedChange{}}
	if before.Imports != nil && after.Imports != nil {
		r.Difference.Imports = importChanges(before.Imports.Packages, after.Imports.Packages)
	}
	if before.Touched != nil && after.Touched != nil {
		r.Difference.Touched = touchedChanges(before.Touched.Owners, after.Touched.Owners)
	}
}

func importChanges(before, after []Package) []ImportChange {
	places := make(map[string]int)
	all := []ImportChange{}
	at := func(name string) *ImportChange {
		i, ok := places[name]
		if !ok {
			i = len(all)
			places[name], all = i, append(all, ImportChange{Name: name})
		}
		return &all[i]
	}
	for _, p := range before {
		at(p.Name).OldMS = p.SelfMS
	}
	for _, p := range after {
		at(p.Name).NewMS = p.SelfMS
	}
	slices.SortFunc(all, func(a, b ImportChange) int {
		return cmp.Or(cmp.Compare(math.Abs(b.ChangeMS()), math.Abs(a.ChangeMS())), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func touchedChanges(before, after []TouchedOwner) []TouchedChange {
	places := make(map[image.Owner]int)
	all := []TouchedChange{}
	at := func(o image.Owner) *TouchedChange {
		o.Version = ""
		i, ok := places[o]
		if !ok {
			i = len(all)
			places[o], all = i, append(all, TouchedChange{Kind: o.Kind, Name: o.Name})
		}
		return &all[i]
	}
	for _, o := range before {
		at(o.Owner).OldBytes += o.TouchedBytes
	}
	for _, o := range after {
		at(o.Owner).NewBytes += o.TouchedBytes
	}
	all = slices.DeleteFunc(all, func(c TouchedChange) bool { return c.OldBytes == 0 && c.NewBytes == 0 })
	slices.SortFunc(all, func(a, b TouchedChange) int {
		x, y := a.Change(), b.Change()
		return cmp.Or(cmp.Compare(max(y, -y), max(x, -x)), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return all
}

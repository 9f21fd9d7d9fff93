package explain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
)

// touchedHow says how touched bytes are counted. Readahead is the kernel's:
// up to 128 KiB by default around what a program reads or maps.
const touchedHow = "pages of the image's files in memory after one start from a cold cache: what was read and what the kernel read ahead of it, so a little more than was used, and what other programs read of these files meanwhile; a file of which only its name or size was asked is not touched"

// touched starts the candidate from a cold cache and sees what is in memory at
// each mark, while it still runs: between two marks only then, and before its
// end reads more.
func (l *look) touched(ctx context.Context) error {
	witness, ok := l.r.(runner.FileWitness)
	if !ok {
		return fmt.Errorf("runner %s does not know the candidate's files", l.result.Spec.Runner)
	}
	if l.result.Cold.Level == bench.Pull {
		return errors.New("at level pull another copy of the image is started: use --cold cache, or leave --cold away")
	}
	if l.found.index == nil {
		return errors.New("the image's files are not known")
	}
	proved, err := l.evict(ctx)
	if err != nil {
		return err
	}
	if !proved {
		return errors.New("it cannot be proved that nothing of the image was in memory before: run mlbench as root on the engine's host, with the storage driver overlay2")
	}
	// What is still there is another program's, and tells nothing of this one.
	before, err := witness.ResidentFiles(ctx, l.c)
	if err != nil {
		return err
	}
	var seen [][]runner.FileResidency
	_, err = l.start(ctx, l.c, func(runner.Look) error {
		files, err := witness.ResidentFiles(ctx, l.c)
		seen = append(seen, files)
		return err
	})
	if err != nil {
		return err
	}
	l.found.Touched = addTouched(l.found.index, l.found.owners, before, seen)
	l.found.Touched.never(l.found.reasons)
	return nil
}

// addTouched adds up what was touched by owner. The last of seen is at the last
// mark.
func addTouched(x *image.Index, o *image.Owners, before []runner.FileResidency, seen [][]runner.FileResidency) *Touched {
	bearers := bearersOf(x)
	add := func(files []runner.FileResidency) map[int]int64 {
		bytes := make(map[int]int64)
		for _, f := range files {
			if i, ok := bearers[image.Place{Layer: f.Layer, Path: f.Path}]; ok {
				bytes[i] += f.Resident
			}
		}
		return bytes
	}
	there := add(before)
	t := &Touched{How: touchedHow}
	var last map[int]int64
	for mark, files := range seen {
		last = add(files)
		for i, n := range there {
			if last[i] -= n; last[i] <= 0 {
				delete(last, i)
			}
		}
		reading := Reading{Files: len(last)}
		for _, n := range last {
			reading.Bytes += n
		}
		if mark == 0 {
			t.Ready = reading
		} else {
			t.FirstResponse = &reading
		}
	}
	places := make(map[image.Owner]int)
	for i, f := range x.Files {
		if f.Kind != image.Regular {
			continue
		}
		t.Files++
		t.Bytes += f.Size
		owner := o.Of(i)
		at, ok := places[owner]
		if !ok {
			at = len(t.Owners)
			places[owner] = at
			t.Owners = append(t.Owners, TouchedOwner{Owner: owner})
		}
		w := &t.Owners[at]
		w.Files++
		w.Bytes += f.Size
		if strings.HasPrefix(f.Path, records) {
			continue
		}
		if n, ok := last[i]; ok {
			w.TouchedFiles++
			w.TouchedBytes += n
		} else if there[i] == 0 {
			w.NeverBytes += f.Size
		}
	}
	slices.SortFunc(t.Owners, func(a, b TouchedOwner) int {
		return cmp.Or(cmp.Compare(b.NeverBytes, a.NeverBytes), cmp.Compare(b.Bytes, a.Bytes), strings.Compare(string(a.Kind)+a.Name+a.Version, string(b.Kind)+b.Name+b.Version))
	})
	return t
}

// never puts owners of whom nothing was touched together by why they are in the
// image.
func (t *Touched) never(reasons map[image.Owner]string) {
	at := make(map[string]int)
	for _, o := range t.Owners {
		if o.TouchedFiles > 0 || o.NeverBytes == 0 {
			continue
		}
		reason := reasons[o.Owner]
		i, ok := at[reason]
		if !ok {
			i = len(t.Never)
			at[reason], t.Never = i, append(t.Never, NeverTouched{Reason: reason})
		}
		n := &t.Never[i]
		n.Bytes += o.Bytes
		if name := cmp.Or(o.Name, string(o.Kind)); !slices.Contains(n.Owners, name) { // it may be there in two versions
			n.Owners = append(n.Owners, name)
		}
	}
	slices.SortStableFunc(t.Never, func(a, b NeverTouched) int { return cmp.Compare(b.Bytes, a.Bytes) })
}

// records are what dpkg notes of each package: no reason to call one touched,
// as scanners read all of them, also while another program starts.
const records = "var/lib/dpkg/info/"

// bearersOf finds the file that bears the bytes, by each of its names.
func bearersOf(x *image.Index) map[image.Place]int {
	bearers := make(map[image.Place]int, len(x.Files))
	for i, f := range x.Files {
		if f.Kind == image.Regular {
			bearers[image.Place{Layer: f.Layer, Path: f.Path}] = i
		}
	}
	for _, f := range x.Files {
		if f.Kind == image.HardLink {
			if i, ok := bearers[image.Place{Layer: f.Layer, Path: f.Link}]; ok {
				bearers[image.Place{Layer: f.Layer, Path: f.Path}] = i
			}
		}
	}
	return bearers
}

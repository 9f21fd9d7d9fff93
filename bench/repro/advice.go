package repro

import (
	"fmt"
	"slices"
	"strings"

	"mlbench/runner"
	"mlbench/runner/image"
)

// meaning is what a builder means for the grade.
func meaning(with runner.BuildWith, epoch bool) string {
	switch {
	case with == runner.Classic:
		return "it writes the time of every step into the configuration: the digest is never the same, so grade 2 is the best there is"
	case epoch:
		return EpochArg + " was passed on: from BuildKit 0.11 on the digest may be the same; older ones write the time into the configuration all the same"
	}
	return "without " + EpochArg + " it writes the time into the configuration: the digest is never the same, so grade 2 is the best there is"
}

// Words are what a grade means.
func Words(g image.ReproGrade) string {
	switch g {
	case image.SameDigest:
		return "same digest"
	case image.SameLayers:
		return "same layers"
	case image.SameFiles:
		return "same files, other times"
	case image.SameVersions:
		return "same package versions, other bytes"
	case image.OtherVersions:
		return "packages drift"
	}
	return fmt.Sprintf("no grade %d", int(g))
}

// pins say how packages are pinned.
var pins = map[image.OwnerKind]string{
	image.Dpkg:  "what apt installs depends on the day: name versions (apt-get install NAME=VERSION), or take packages from a dated archive, as Debian keeps them",
	image.Pip:   "what pip installs depends on the day: pin every package in a lock file, dependencies too, and install it with pip install --require-hashes -r FILE",
	image.Conda: "what conda solves depends on the day: install from a lock file (conda list --explicit --md5, or conda-lock)",
	image.Apk:   "what apk installs depends on the day: name versions (apk add NAME=VERSION), and pin the base by its digest",
	image.Rpm:   "what dnf installs depends on the day: name versions (dnf install NAME-VERSION), and pin the base by its digest",
}

// Explain says what the builder means for the grade, and what would make it
// better.
func (r *Report) Explain() {
	if r.Builder != nil {
		r.Builder.Meaning = meaning(r.Builder.Name, r.Builder.Epoch != "")
	}
	r.Remedies = remedies(r)
}

// remedies are what would make the grade better, for what was found.
func remedies(r *Report) []string {
	var all []string
	add := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for _, p := range r.Packages {
		if pin := pins[p.Kind]; pin != "" {
			add("%s", pin)
		}
	}
	if o := r.Output; o != nil && o.Itself != nil {
		if *o.Itself {
			add("one image prints another thing each time it runs: read no clock (take the time as an argument), seed random numbers, sort what comes from sets and from threads")
		} else {
			add("one image prints the same each time it runs: what differs between the two comes from their packages and files")
		}
	}
	if len(r.Files) > 0 && len(r.Packages) == 0 {
		add("look at what writes the files that differ: times, random names and seeds, and downloads without a version are the usual ones")
	}
	for _, f := range r.Noise {
		switch {
		case r.IgnoreNoise:
		case f.Why == image.Bytecode:
			add("with %s set, Python writes bytecode that holds the hash of its source and not its time (ARG %s in the Dockerfile)", EpochArg, EpochArg)
		case strings.HasPrefix(f.Path, "var/log/"), strings.HasPrefix(f.Path, "var/cache/"), strings.HasPrefix(f.Path, "var/lib/"):
			add("remove logs and caches in the RUN that makes them: rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*; or leave them out of the grade with --ignore-noise")
		}
	}
	if r.Grade == image.SameFiles {
		add("times in layers: docker buildx build --output type=image,rewrite-timestamp=true with %s sets all of them (BuildKit 0.13); copy onto folders that are there already, as those that COPY makes get the time", EpochArg)
	}
	if r.Grade == image.SameLayers && r.Builder != nil {
		add("the digest: build with BuildKit 0.11 or later and %s set", EpochArg)
	}
	for _, b := range r.Bases {
		switch {
		case b.Pinned:
		case b.Syntax:
			add("the Dockerfile is read by %s, which may be another one tomorrow: pin it by its digest (# syntax=%s@sha256:…)", b.Ref, b.Ref)
		default:
			add("%s is not pinned, and the grade holds for today's only: write %s@sha256:…", b.Ref, b.Ref)
		}
	}
	return all
}

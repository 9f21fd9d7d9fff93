package repro

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
)

// An Engine builds images and reads what is in them.
type Engine interface {
	runner.Builder
	// RemoveImage removes an image even if nothing else is done any more; one
	// that is not there is no error.
	RemoveImage(ref string) error
	// Layers are an image's ID and its layers' DiffIDs.
	Layers(ctx context.Context, ref string) (id string, diffIDs []string, err error)
	Index(ctx context.Context, ref string, opts image.Options) (*image.Index, error)
	// Output runs a candidate's program to its end, hands on what it prints to its
	// standard output, and says how long it took. That it fails, or does not end
	// within the timeout, is an error.
	Output(ctx context.Context, c runner.Candidate, timeout time.Duration, out io.Writer) (time.Duration, error)
}

// Apart is how long after the end of the first build, and of the first run, the
// second begins: times are written in seconds, in zip archives in two, and would be
// the same by chance.
const Apart = 2 * time.Second

// EpochArg is the build argument, and the environment's variable, that holds
// the seconds since 1970 that builds write instead of the time.
// https://reproducible-builds.org/docs/source-date-epoch/
const EpochArg = "SOURCE_DATE_EPOCH"

// A Plan is what is to be found out.
type Plan struct {
	Folder string        // as the user named it
	Build  runner.Build  // Context, Dockerfile, Args and With of what is built twice
	Apart  time.Duration // between the builds, and between the runs; see Apart

	Refs *[2]string // images to compare instead

	// Job is how the images' programs are run to their end, so that what they print
	// is compared too; nil for not at all.
	Job     *runner.Candidate
	Timeout time.Duration // of each run

	Ignore      []string // patterns of files that do not count
	IgnoreNoise bool     // nor do files that are known to come out otherwise each time
	Keep        bool     // the images that are built
	Limit       image.ReproGrade
}

// Run builds and grades. Whatever happens, no image of its own stays unless
// the plan is to keep them.
func (p Plan) Run(ctx context.Context, engine Engine, tool bench.Tool, note func(string)) (_ *Report, err error) {
	r := &Report{Schema: Schema, Tool: tool, StartedAt: time.Now().UTC(), Folder: p.Folder, Ignore: slices.Clone(p.Ignore), IgnoreNoise: p.IgnoreNoise}
	ignore, err := image.NewIgnore(p.Ignore)
	if err != nil {
		return nil, runner.As(runner.ErrUsage, err)
	}
	if p.Refs != nil {
		for i, ref := range p.Refs {
			r.Images[i].Ref = ref
			if p.Job == nil {
				continue
			}
			// Else the job of the first may run for hours before the second is missed.
			if _, _, err := engine.Layers(ctx, ref); err != nil {
				return nil, err
			}
		}
	} else {
		defer func() {
			if !p.Keep || err != nil {
				err = errors.Join(err, engine.RemoveImage(r.Images[0].Ref), engine.RemoveImage(r.Images[1].Ref))
			}
		}()
		if err := p.build(ctx, engine, r); err != nil {
			return nil, err
		}
	}
	if p.Job != nil {
		if err := p.output(ctx, engine, r, note); err != nil {
			return nil, err
		}
	}
	if err := r.compare(ctx, engine, ignore, note); err != nil {
		return nil, err
	}
	if p.IgnoreNoise {
		r.Grade = r.Quiet
	}
	if p.Limit > 0 {
		r.Gate = &Gate{Limit: p.Limit, Verdict: bench.Pass}
		if r.Grade > p.Limit {
			r.Gate.Verdict = bench.Fail
		}
	}
	r.Explain()
	return r, nil
}

// build builds twice. It may have built something even if it fails.
func (p Plan) build(ctx context.Context, engine Engine, r *Report) error {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	for i := range r.Images {
		r.Images[i].Ref = fmt.Sprintf("mlbench-repro:%s-%d", hex.EncodeToString(id), i+1)
		r.Images[i].Kept = p.Keep
	}
	var err error
	if r.Bases, err = bases(p.Build); err != nil {
		r.Warnings = append(r.Warnings, "which images the Dockerfile is based on is not known: "+err.Error())
	}
	for i := range r.Images {
		b := p.Build
		b.Tag, b.Name = r.Images[i].Ref, fmt.Sprintf("%s (%d of %d)", p.Folder, i+1, len(r.Images))
		b.Fresh, b.Passing = true, !p.Keep
		if i > 0 {
			if err := pause(ctx, p.Apart); err != nil {
				return err
			}
		}
		built, err := engine.Build(ctx, b)
		if err != nil {
			return err
		}
		r.Images[i].ID, r.Images[i].BuildMS = built.ID, float64(built.Took)/float64(time.Millisecond)
		r.Builder = &Builder{
			Name: built.With, Version: built.Version, Dockerfile: b.Dockerfile, Args: WithoutSecrets(b.Args),
			Epoch: b.Args[EpochArg],
		}
	}
	if r.Builder.Name == runner.Classic { // which reads Dockerfiles itself
		r.Bases = slices.DeleteFunc(r.Bases, func(b dockerfile.Base) bool { return b.Syntax })
	}
	return nil
}

// WithoutSecrets are build arguments as they may be saved and shown.
func WithoutSecrets(args map[string]string) map[string]string {
	told := maps.Clone(args)
	for name, value := range told {
		told[name] = image.RedactedValue(name, value)
	}
	return told
}

func bases(b runner.Build) ([]dockerfile.Base, error) {
	f, err := b.Context.Open(b.Dockerfile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return dockerfile.Bases(f, b.Dockerfile, b.Args)
}

// compare reads of the images as much as is needed, and grades them.
func (r *Report) compare(ctx context.Context, engine Engine, ignore *image.Ignore, note func(string)) error {
	var layers [2][]string
	shared := make(map[string]bool)
	for i := range r.Images {
		var err error
		if r.Images[i].ID, layers[i], err = engine.Layers(ctx, r.Images[i].Ref); err != nil {
			return err
		}
	}
	for _, id := range layers[0] {
		if slices.Contains(layers[1], id) {
			shared[id] = true
		}
	}
	differ := !slices.Equal(layers[0], layers[1])
	err := r.grade(ctx, engine, image.Options{Digests: differ, NoDigests: shared}, ignore, note)
	if errors.Is(err, image.ErrNoDigest) { // only one image has a file of a shared layer anew
		note("one image has a file of a shared layer anew: reading that layer's files too")
		err = r.grade(ctx, engine, image.Options{Digests: true}, ignore, note)
	}
	return err
}

// grade reads the images and grades them.
func (r *Report) grade(ctx context.Context, engine Engine, opts image.Options, ignore *image.Ignore, note func(string)) error {
	var warnings []string
	var indexes [2]*image.Index
	for i := range r.Images {
		if i == 1 && r.Images[0].ID == r.Images[1].ID {
			indexes[1] = indexes[0]
		} else {
			note("reading " + r.Images[i].Ref)
			x, err := engine.Index(ctx, r.Images[i].Ref, opts)
			if err != nil {
				return err
			}
			indexes[i] = x
			warnings = append(warnings, x.Warnings...)
		}
		r.Images[i].Bytes = indexes[i].UnpackedBytes()
	}
	var err error
	if r.Reproduction, err = image.Grade(indexes[0], indexes[1], ignore); err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	r.Warnings = append(r.Warnings, warnings...)
	return nil
}

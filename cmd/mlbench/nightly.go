package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/nightly"
	"mlbench/bench/report"
	"mlbench/bench/suite"
	"mlbench/runner"
)

func newNightly(std streams) *cobra.Command {
	var o options
	var telling rendering[*nightly.Report]
	cmd := &cobra.Command{
		Use:   "nightly --history DIR [flags] [-- ARG...]",
		Short: "Follow the candidates of a suite file night after night, and tell what changed",
		Long: `nightly measures every candidate of the suite file against the first, which is
the pinned reference: an image that never changes, so that what the host does to
both cancels out. It appends the night to the history in DIR, searches that for
changes, and measures a change that it suspects afresh, the image as it was
against the image as it is, before it tells of it.

The exit code is 1 for a slow-down that was verified so, and where a gate fails:
starts, and target, size and gpu_memory where they are asked. Speed-ups, slow-downs
within --margin and suspicions that are still open are told and fail nothing.

A night measures --pairs pairs (20), a suspicion as many as it takes and --max-pairs
at most (100). Changes can be found from the tenth night on.`,
		Example: `  mlbench nightly -f mlbench.yaml --history runs
  mlbench nightly --history runs --format markdown --out night.json`,
		Args: thenArgs(0, "no images, as the suite file names them,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := telling.open()
			if err != nil {
				return err
			}
			n, err := o.night(cmd, std, args)
			if err != nil {
				return err
			}
			progress := newProgress(std.notes())
			n.Note = progress.Note
			n.Measure = func(ctx context.Context, spec bench.Spec, candidates []runner.Candidate) (*bench.Result, error) {
				defer progress.end()
				return o.measured(ctx, progress, spec, candidates)
			}
			found, err := n.Run(cmd.Context())
			if found.Run != "" {
				err = errors.Join(err, to.tell(std, found))
			}
			if err != nil {
				return err
			}
			return ended(found.Verdict, found.Spec)
		},
	}
	f := cmd.Flags()
	o.registerExperiment(f)
	o.registerSuite(f)
	f.StringVar(&o.history, "history", "", "`folder` of the history, which is appended to; there is one for each host")
	telling.register(f, report.Nightlies, "what was found")
	f.Lookup("pairs").DefValue = "20"
	f.Lookup("max-pairs").DefValue = "100"
	return cmd
}

// night is what the command line and the suite file ask for.
func (o *options) night(cmd *cobra.Command, std streams, args []string) (nightly.Night, error) {
	f := cmd.Flags()
	if o.history == "" {
		return nightly.Night{}, usage("nightly wants --history DIR, where the nights are kept: e.g. mlbench nightly --history runs")
	}
	s, err := o.openSuite(f, std)
	if err != nil {
		return nightly.Night{}, err
	}
	if s == nil {
		return nightly.Night{}, usage("nightly wants a suite file: there is no %s here, and -f names none: mlbench init IMAGE writes one", suite.File)
	}
	chosen := choose(s, nil, std.notes())
	switch {
	case len(chosen) == 0:
		return nightly.Night{}, usage("%s lists no candidates: nightly wants the pinned reference first and then what is to be followed", s.Path)
	case len(chosen) == 1:
		return nightly.Night{}, usage("%s lists only %s, which is the pinned reference: add what is to be followed after it; an image that never changes, named by its digest, is best for the reference", s.Path, named(s))
	case len(chosen) > mostImages:
		return nightly.Night{}, usage("%s lists %d candidates, and a night has %d at most: leave some out, or make two files, each with its history", s.Path, len(chosen), mostImages)
	}
	// Built anew, its image would be another one each night.
	if first := s.Candidates[0]; first.Kind == suite.Folder {
		return nightly.Night{}, usage("%s: line %d: the pinned reference is a folder, which is built anew each night: build it once, and name the image", s.Path, first.Line)
	}
	candidates, err := o.completeSuite(f, s, chosen, args)
	if err != nil {
		return nightly.Night{}, err
	}
	if o.spec.Pairs == 0 {
		o.spec.Pairs = nightly.DefaultPairs
	}
	asked := slices.ContainsFunc(s.Settings, func(x suite.Setting) bool { return x.Key == "max-pairs" })
	if !asked && !f.Changed("max-pairs") {
		o.spec.MaxPairs = max(nightly.DefaultMaxPairs, o.spec.MinPairs)
	}
	o.command, o.log = commandLine(cmd), std.log()
	by := tool()
	by.Command = o.command
	return nightly.Night{
		Dir: o.history, Spec: o.spec, Candidates: candidates, Tool: by, Detector: nightly.DefaultDetector(),
		Keep:   func(r *bench.Result, name string) (string, error) { return keepIn(o.history, r, name) },
		Repeat: repeater(f, s, args),
	}, nil
}

// measured runs one experiment of a night.
func (o *options) measured(ctx context.Context, progress *progress, spec bench.Spec, candidates []runner.Candidate) (*bench.Result, error) {
	candidates = slices.Clone(candidates)
	for i := range candidates {
		candidates[i] = candidates[i].Clone() // equip names GPUs to them
	}
	e, err := o.equip(ctx, candidates, progress.Note)
	if err != nil {
		return nil, err
	}
	r, err := e.measure(ctx, spec, candidates, progress, spec.Pinned)
	return r, errors.Join(err, e.close())
}

// keepIn keeps a result with the history.
func keepIn(dir string, r *bench.Result, name string) (string, error) {
	path := filepath.Join(dir, "results", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", err
	}
	if err := (output[*bench.Result]{path, report.JSON}).write(r); err != nil {
		return "", err // no report says that it is there
	}
	return path, nil
}

// notOfCompare are the flags of nightly that the repetition of a verification does
// without, or has others in their place.
var notOfCompare = []string{"history", "out", "format", "pairs", "max-pairs", "min-pairs", "seed", "file", "load", "rate", "connections", "target", "max-size", "max-gpu-memory", "fail-on"}

// repeater makes the command that compares two again. There is none for a candidate
// with settings of its own in the suite file, as what it was is no candidate there
// and would not get them.
func repeater(f *pflag.FlagSet, s *suite.Suite, rest []string) func(old, candidate string, seed uint64, pairs int) []string {
	var more []string
	f.Visit(func(x *pflag.Flag) {
		if !slices.Contains(notOfCompare, x.Name) {
			more = append(more, flagWords(x)...)
		}
	})
	if len(rest) > 0 {
		more = append(append(more, "--"), rest...)
	}
	return func(old, candidate string, seed uint64, pairs int) []string {
		c := s.Candidate(candidate)
		if c == nil || len(c.Settings) > 0 && s.Candidate(old) == nil {
			return nil
		}
		words := []string{"compare", old, candidate, "--file", s.Path, "--pairs", fmt.Sprint(pairs), "--seed", fmt.Sprint(seed)}
		if c.Kind == suite.Command && !f.Changed("runner") {
			words = append(words, "--runner", "process")
		}
		return hushed(append(words, more...))
	}
}

package main

import (
	"context"
	"errors"

	"mlbench/bench"
	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/load"
)

// equipment is what candidates are started with: a runner, and with --gpus what
// is known of the GPUs that they get.
type equipment struct {
	*options
	note func(line string)

	runner  runner.Runner
	known   bool        // this host's driver told of the GPUs that candidates get
	host    gpu.Host    // with the GPUs that were chosen alone
	gets    devices     // which of them a candidate gets
	sampler gpu.Sampler // of them, by which the runner watches its starts
	told    *bench.GPUs // for the result

	builder *builder // of the candidates that are folders; nil where none is
}

// devices are those of candidates, by their names.
type devices map[string][]gpu.Device

// equip makes the runner. Where candidates are to get GPUs it finds out which
// these are, before anything is built or started, and names them to the candidates
// in full. Those that are folders are built, and what prepare makes is made.
func (o *options) equip(ctx context.Context, candidates []runner.Candidate, note func(line string)) (*equipment, error) {
	e := &equipment{options: o, note: note}
	var err error
	e.runner, err = newRunner(o.spec.Runner, docker.Options{Notify: note, Registry: o.spec.Registry, GPUs: &e.sampler, Log: o.log})
	if err != nil {
		return nil, err
	}
	if asked := requests(candidates); len(asked) > 0 {
		err = e.choose(ctx, asked, candidates)
	}
	if err == nil && o.prepare != nil {
		err = o.prepare(ctx)
	}
	if err == nil && len(o.folders) > 0 {
		err = e.build(ctx, candidates)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// build builds the candidates that are folders.
func (e *equipment) build(ctx context.Context, candidates []runner.Candidate) error {
	d, ok := e.runner.(*docker.Runner)
	if !ok {
		return usage("--runner %s builds nothing: name commands, or leave that out", e.spec.Runner)
	}
	if _, err := d.Host(ctx); err != nil { // before anything would have to be removed
		return err
	}
	e.builder = newBuilder(d, e.note)
	return e.builder.folders(ctx, candidates, e.folders)
}

// measure runs an experiment of these candidates. Unjudged is one that nobody asks
// for a verdict.
func (e *equipment) measure(ctx context.Context, spec bench.Spec, candidates []runner.Candidate, p *progress, unjudged bool) (*bench.Result, error) {
	by := tool()
	by.Command = e.command
	return bench.Experiment{
		Spec: spec, Runner: e.runner, Candidates: candidates, Tool: by, Observer: p,
		GPU: e.told, Preflight: e.preflight, Log: e.log, Load: load.Run, Unjudged: unjudged,
	}.Run(ctx)
}

func (e *equipment) close() error {
	return errors.Join(e.builder.close(), e.runner.Close(), e.sampler.Close())
}

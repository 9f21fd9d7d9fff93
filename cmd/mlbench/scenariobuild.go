package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/scenarios"
)

// buildScenario builds variants, and before them those that they build on. What is
// built already comes from the engine's cache. One whose build fails is not tagged,
// and the later ones are not begun.
func buildScenario(ctx context.Context, std streams, s scenarios.Scenario, variants []scenarios.Variant, base string) (err error) {
	r, err := docker.New(docker.Options{Notify: func(line string) { fmt.Fprintln(std.notes(), line) }, Log: std.log()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if _, err := r.Host(ctx); err != nil {
		return err
	}
	variants = s.WithBases(variants)
	there := make(map[string]bool)
	var missing []scenarios.Variant
	for _, v := range variants {
		if there[v.Tag], err = r.Has(ctx, v.Tag); err != nil {
			return err
		}
		if !there[v.Tag] {
			missing = append(missing, v)
		}
	}
	if free, folder, ok := r.Room(); ok {
		if err := enough(s.Takes(missing), free, folder, missing); err != nil {
			return err
		}
	}
	for _, v := range variants {
		files, err := s.Context(v.Name)
		if err != nil {
			return err
		}
		args := map[string]string{}
		if base != "" && anyBase(v) {
			args["BASE"] = base
		}
		_, err = r.Build(ctx, runner.Build{Context: files, Tag: v.Tag, Args: args})
		if err := failedBuild(err, v, base, there[v.Tag]); err != nil {
			return err
		}
		fmt.Fprintf(std.notes(), "built %s\n", v.Tag)
	}
	return nil
}

// enough is an error where what is to be built has no room on the engine's disk.
func enough(need scenarios.Bytes, free int64, folder string, missing []scenarios.Variant) error {
	if int64(need) <= free {
		return nil
	}
	return runner.As(runner.ErrEnvironment, fmt.Errorf(
		"building %s takes %d MB, and %d MB are free on the disk of the engine's folder %s: make room on it, e.g. with `docker system prune`, or name fewer variants",
		strings.Join(tags(missing), ", "), need/1e6, free/1e6, folder))
}

// failedBuild is a build's error with what to do. there is whether an image of
// that name was there before.
func failedBuild(err error, v scenarios.Variant, base string, there bool) error {
	var lacking *runner.BaseError
	switch {
	case err == nil && v.Fails != "":
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s was built, and ought to have failed with %q", v.Tag, v.Fails))
	case err == nil:
		return nil
	case v.Fails != "" && strings.Contains(err.Error(), v.Fails):
		return fmt.Errorf("%w\nThis is what %s is there to show: %s", err, v.Tag, v.Summary)
	case errors.Is(err, errInterrupted):
	case strings.Contains(strings.ToLower(err.Error()), "no space left on device"):
		err = fmt.Errorf("%w\nthe engine's disk is full: make room on it, e.g. with `docker system prune`", err)
	case errors.As(err, &lacking) && !anyBase(v):
		err = fmt.Errorf("%w\n%s needs a registry that has %s, and an index for pip", err, v.Tag, v.Base)
	case errors.As(err, &lacking) && base == "":
		err = fmt.Errorf("%w\n%s is not in the engine and cannot be pulled: name an image of Debian that can be used instead with --base IMAGE", err, v.Base)
	case errors.As(err, &lacking):
		err = fmt.Errorf("%w\n%s, which --base names, is not in the engine and cannot be pulled", err, base)
	}
	if there {
		err = fmt.Errorf("%w\n%s is still the image of an earlier build", err, v.Tag)
	}
	return err
}

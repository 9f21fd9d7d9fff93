package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mlbench/bench/report"
	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/docker"
)

func newDoctor(std streams) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether this host gives figures to trust, and what would make them better",
		Long: `doctor looks at the engine and the host, starts nothing, and says of each thing
that measuring depends on whether it is good, poor (figures are less exact, or
less sure) or missing, and what to do about it. Its exit code is 4 where
nothing can be measured.`,
		Example: `  mlbench doctor
  mlbench doctor --runner process`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := newRunner(name, docker.Options{Log: std.log()})
			if err != nil {
				return err
			}
			defer func() { _ = r.Close() }()
			examiner, ok := r.(runner.Examiner)
			if !ok {
				return usage("--runner: %s cannot be examined", name)
			}
			found, err := examiner.Examine(cmd.Context())
			if err != nil {
				return err
			}
			gpus, err := examineGPUs(cmd.Context(), newProgress(std.notes()).Note)
			if err != nil {
				return err
			}
			found = append(found, gpus...)
			if err := report.Findings(std.results(), found); err != nil {
				return err
			}
			if at := slices.IndexFunc(found, func(f runner.Finding) bool { return f.Subject == "engine" && f.Grade == runner.Missing }); at >= 0 {
				return exitError{code: exitEnvironment, err: fmt.Errorf("nothing can be measured without an engine")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "runner", "docker", "what would start candidates: "+strings.Join(runners, ", "))
	offer(cmd.Flags(), "runner", runners...)
	return cmd
}

// examineGPUs says whether this host's GPUs give figures to trust. Most hosts
// have none, and of those there is nothing to say.
func examineGPUs(ctx context.Context, note func(line string)) ([]runner.Finding, error) {
	h, err := hostGPUs(ctx, note)
	var trouble *gpu.TroubleError
	switch {
	case errors.Is(err, gpu.ErrNoDriver), errors.Is(err, gpu.ErrCannotAsk):
		return nil, nil
	case errors.As(err, &trouble):
		return []runner.Finding{{Subject: "GPUs", Grade: runner.Missing, Found: trouble.What(), Remedy: trouble.Remedy}}, nil
	case err != nil:
		return nil, err
	}
	f := runner.Finding{Subject: "GPUs", Grade: runner.Good, Found: fmt.Sprintf("%d, driver %s, CUDA %s", len(h.Devices), h.Driver, h.CUDA)}
	if len(h.Devices) == 0 {
		f.Grade, f.Found, f.Remedy = runner.Missing, "NVIDIA's driver answers, and has no GPU", "see lspci for what is built in; in a container, start it with --gpus all"
	}
	found := []runner.Finding{f}
	for _, d := range h.Devices {
		name := fmt.Sprintf("GPU %d", d.Index)
		switch {
		case d.Lost:
			found = append(found, runner.Finding{Subject: name, Grade: runner.Missing, Found: "it is lost", Remedy: gpu.RemedyLost})
			continue
		case d.Persistence != nil && !*d.Persistence:
			found = append(found, runner.Finding{
				Subject: name, Grade: runner.Poor, Found: "nothing keeps it awake (persistence mode is off): the first program that opens it waits for seconds",
				Remedy: gpu.RemedyAsleep,
			})
		}
		if n := len(d.Processes); n > 0 {
			found = append(found, runner.Finding{
				Subject: name, Grade: runner.Poor, Found: fmt.Sprintf("programs use it already (%d): they take time and memory from what is measured", n),
				Remedy: "end them while measuring, or measure on another GPU (--gpus device=ID)",
			})
		}
	}
	return found, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/explain"
	"mlbench/bench/report"
	"mlbench/runner"
)

// explainOptions are the flags of explain.
type explainOptions struct {
	options // how candidates are started and measured

	starts  int
	telling rendering[*explain.Report]
}

func newExplain(std streams) *cobra.Command {
	o := explainOptions{starts: 3}
	cmd := &cobra.Command{
		Use:   "explain IMAGE | OLD NEW [flags] [-- ARG...]",
		Short: "Say where a start goes: phases, imports, bytes touched; and what could be gained",
		Long: `explain starts an image a few times and says how long each phase takes. It then
starts it up to four times more, unmeasured: three with PYTHONPROFILEIMPORTTIME
set, to see what each Python package takes to import, and one from a cold cache,
to see which of the image's files are read until it is ready (and with
--request, until the first response), whose they are, and what is never touched.

Of two images, old first, it says which changes made the difference. Folders
with a Dockerfile are built first.

What is touched can be told as root on the engine's host, where the page cache
can be looked at; the rest is told anywhere.`,
		Example: `  mlbench explain image:tag
  mlbench explain image:tag --request 'POST /predict' --body @x.json
  mlbench explain old:tag new:tag --out difference.md`,
		Args: oneOrTwo,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, std, args) },
	}
	f := cmd.Flags()
	o.registerReady(f)
	f.VarP(parsed(&o.starts, parseStarts, "n", "3"), "starts", "", "how often each image is started to measure its phases")
	o.registerStart(f)
	o.build.register(f)
	o.telling.register(f, report.Explanations, "what was found")
	return cmd
}

// oneOrTwo asks for one image or two; what follows -- is theirs.
func oneOrTwo(cmd *cobra.Command, args []string) error {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		args = args[:at]
	}
	if len(args) != 1 && len(args) != 2 {
		return usage("%s wants one image, or two with the old one first, and got %d: e.g. %s", cmd.CommandPath(), len(args), example(cmd))
	}
	return nil
}

// mostStarts bounds --starts: whoever wants to know more exactly wants run or
// compare, which say how exactly it is known.
const mostStarts = 100

func parseStarts(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > mostStarts {
		return 0, fmt.Errorf("not a number between 1 and %d: e.g. --starts 3", mostStarts)
	}
	return n, nil
}

func (o *explainOptions) run(cmd *cobra.Command, std streams, args []string) error {
	refs, rest := args, []string(nil)
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		refs, rest = args[:at], args[at:]
	}
	o.spec.Pairs = o.starts
	candidates, err := o.complete(cmd.Flags(), refs, rest)
	if err != nil {
		return err
	}
	o.hint = func(line string) { fmt.Fprintln(std.notes(), bench.Printable(line)) }
	if err := o.findFolders(candidates); err != nil {
		return err
	}
	to, err := o.telling.open()
	if err != nil {
		return err
	}
	o.log = std.log()
	progress := newProgress(std.notes())
	e, err := o.equip(cmd.Context(), candidates, progress.Note)
	if err != nil {
		return err
	}
	found, err := o.find(cmd.Context(), e, candidates, progress)
	progress.end()
	if err == nil {
		err = to.tell(std, found)
	}
	return errors.Join(err, e.close())
}

func (o *explainOptions) find(ctx context.Context, e *equipment, candidates []runner.Candidate, p *progress) (*explain.Report, error) {
	result, err := e.measure(ctx, o.spec, candidates, p, true)
	if err != nil {
		return nil, err
	}
	return explain.Explain(ctx, e.runner, result, p.Note)
}

// addWins looks for the biggest wins of a comparison. What was measured stands
// without them.
func addWins(ctx context.Context, r runner.Runner, result *bench.Result, p *progress) error {
	wins, drawn, err := explain.Wins(ctx, r, result, p.Note)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		p.Note("--explain: the biggest wins are not known: " + err.Error())
	}
	result.Wins, result.Explained = wins, drawn
	return nil
}

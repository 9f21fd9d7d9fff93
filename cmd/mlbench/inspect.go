package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench/report"
	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
	"mlbench/runner/image/policy"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	inputs     []string
	dockerfile string
	build      buildFlags // but for the Dockerfile, which is named from the current folder
	context    string
	policy     string
	limits     image.Limits
	top        int
	all        bool
	telling    rendering[*image.Report]
}

func newInspect(std streams) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect IMAGE | OLD NEW [flags]",
		Short: "Say what an image's bytes are, whose they are, and what could be better",
		Long: `inspect reads what is in an image, without starting it, and says to whom every
byte belongs (packages of pip, dpkg and others, model weights, the application),
which layer brought it, and what could be better: each finding with the bytes
it is about and a remedy. Of two images, old first, it says how they differ:
what each owner has more or less, and which findings are fixed and which new.
Folders with a Dockerfile are built first, and of a single one the Dockerfile is
checked too.

Images are pulled where they are not here. As root on the engine's own host
their layers are read where they lie, which takes a second; elsewhere the engine
is asked for a copy. With --input they are read from archives, and no engine is
needed.

The exit code is 1 where --max-size, --severity or --policy is not held. Of two
images, NEW is the one that has to.`,
		Example: `  mlbench inspect image:tag
  mlbench inspect image:tag --dockerfile Dockerfile --severity high --max-size 800MB
  mlbench inspect old:tag new:tag --out difference.md
  docker save image:tag | mlbench inspect --input -`,
		Args: o.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd.Flags()); err != nil {
				return err
			}
			return o.run(cmd.Context(), std, args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&o.inputs, "input", "i", nil, "read an `archive` instead, as docker save writes it, or an OCI layout in a tar; - for stdin (twice: old and new)")
	suffixes(f, "input", ".tar")
	f.StringVar(&o.dockerfile, "dockerfile", "", "check this `file` too, the Dockerfile that the image was built from")
	o.build.registerArgs(f)
	f.StringVar(&o.context, "context", "", "`folder` that it was built in (default the Dockerfile's)")
	f.StringVar(&o.policy, "policy", "", "check that the image keeps to the section policy of this YAML `file`: bases, forbidden, user, size, python, libc, labels, reports")
	suffixes(f, "policy", ".yaml", ".yml")
	f.VarP(parsed(&o.limits.MaxBytes, limitLike("--max-size 800MB"), "size", "none"), "max-size", "", "fail if the image's unpacked layers are larger, e.g. 800MB")
	f.VarP(parsed(&o.limits.Severity, parseSeverity, "level", "none"), "severity", "", "fail at a finding of this severity or above: "+severities())
	offer(f, "severity", words(image.Severities())...)
	f.IntVar(&o.top, "top", 15, "how many reasons, owners and layers are shown, the largest")
	f.BoolVar(&o.all, "all", false, "show all of them, and all that findings rest on")
	o.telling.register(f, report.Images(0), "what was found")
	return cmd
}

// args asks for one image or two, from the engine or from archives.
func (o *inspectOptions) args(cmd *cobra.Command, args []string) error {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		return usage("%s takes nothing after --: e.g. %s", cmd.CommandPath(), example(cmd))
	}
	switch n := len(o.inputs); {
	case n == 0 && (len(args) == 0 || len(args) > 2):
		return usage("%s wants one image, or two, old first, and got %d: e.g. %s", cmd.CommandPath(), len(args), example(cmd))
	case n > 2:
		return usage("--input: %d archives: one is inspected, or two are compared, old first", n)
	case n == 2 && len(args) > 0:
		return usage("--input: with two archives no image is named: leave %s away", strings.Join(args, " "))
	case n == 1 && len(args) > 2:
		return usage("--input: %d images of the archive are named: one is inspected, or two are compared, old first", len(args))
	case n == 2 && o.inputs[0] == "-" && o.inputs[1] == "-", n == 1 && o.inputs[0] == "-" && len(args) == 2:
		return usage("--input: stdin can be read once: give the archive as a file")
	}
	return nil
}

func (o *inspectOptions) complete(f *pflag.FlagSet) error {
	switch {
	case o.all && f.Changed("top"):
		return usage("--top: --all shows all: give one of them")
	case o.top < 1:
		return usage("--top: %d is not a number of rows, 1 or more: e.g. --top 30", o.top)
	case o.context != "" && o.dockerfile == "":
		return usage("--context: it is the Dockerfile's: name that too, e.g. --dockerfile Dockerfile")
	}
	if o.all {
		o.top = 0
	}
	return nil
}

// completeBuild makes a folder's Dockerfile the one that is checked, and the one
// that is checked the folder's.
func (o *inspectOptions) completeBuild(args []string) error {
	if flag := o.build.given(); flag != "" && len(o.inputs) > 0 {
		return forFolders(flag)
	}
	if len(o.inputs) > 0 || len(args) != 1 || !meansFolder(args[0], "", func(string) {}) {
		return nil
	}
	if o.context != "" {
		return usage("--context: it is %s, which is built: leave it out", args[0])
	}
	var err error
	if o.build.dockerfile, err = within("dockerfile", args[0], o.dockerfile); err != nil {
		return err
	}
	if _, err := o.build.at(args[0], args[0]); err != nil {
		return err
	}
	o.dockerfile, o.context = filepath.Join(args[0], filepath.FromSlash(o.build.dockerfile)), args[0]
	return nil
}

func severities() string {
	var names []string
	for _, s := range image.Severities() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func parseSeverity(s string) (image.Severity, error) {
	if !slices.Contains(image.Severities(), image.Severity(s)) {
		return "", fmt.Errorf("no severity %q: there are %s", s, severities())
	}
	return image.Severity(s), nil
}

// run inspects what was asked for.
func (o *inspectOptions) run(ctx context.Context, std streams, args []string) error {
	two := len(args) == 2 || len(o.inputs) == 2
	if err := o.completeBuild(args); err != nil {
		return err
	}
	if two && o.dockerfile != "" {
		return usage("--dockerfile: it is one image's, and two are named: e.g. mlbench inspect new:tag --dockerfile Dockerfile")
	}
	one := o.telling
	one.formats = report.Images(o.top)
	both := rendering[*image.Difference]{report.Differences(o.top), one.format, one.out}
	toOne, err := one.open()
	if err != nil {
		return err
	}
	toBoth, err := both.open()
	if err != nil {
		return err
	}
	rules, err := o.rules()
	if err != nil {
		return err
	}
	indexes, err := o.read(ctx, std, args)
	if err != nil {
		return err
	}
	var reports []*image.Report
	for _, x := range indexes {
		r, err := rules.report(x)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	judged := reports[len(reports)-1]
	if two {
		err = toBoth.tell(std, image.Diff(reports[0], judged))
	} else {
		err = toOne.tell(std, judged)
	}
	if err == nil && judged.Verdict == image.Fail {
		return exitError{code: exitGate}
	}
	return err
}

// rules are what images are held against.
type rules struct {
	limits     image.Limits
	dockerfile []image.Finding
	policy     *policy.Policy
}

// rules reads Dockerfile and policy before any image is read, which may take
// long.
func (o *inspectOptions) rules() (rules, error) {
	held := rules{limits: o.limits}
	if o.policy != "" {
		if err := readable(o.policy); err != nil {
			return held, usage("--policy: %w", err)
		}
		p, err := policy.Open(o.policy)
		if err != nil {
			return held, usage("--policy: %w", err)
		}
		held.policy = p
	}
	if o.dockerfile == "" {
		return held, nil
	}
	folder := cmp.Or(o.context, filepath.Dir(o.dockerfile))
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return held, usage("--context: %s is no folder: name the one that the image is built in", folder)
	}
	f, err := open(o.dockerfile)
	if err != nil {
		return held, usage("--dockerfile: %w", err)
	}
	defer func() { _ = f.Close() }()
	held.dockerfile, err = dockerfile.Check(f, o.dockerfile, os.DirFS(folder))
	if err != nil {
		return held, usage("--dockerfile: %w", err)
	}
	for _, finding := range held.dockerfile {
		for i, line := range finding.Evidence {
			if strings.HasPrefix(line, "line ") { // others tell of the context
				finding.Evidence[i] = filepath.Base(o.dockerfile) + " " + line
			}
		}
	}
	return held, nil
}

// report describes an image and judges it.
func (held rules) report(x *image.Index) (*image.Report, error) {
	owners := x.Owners()
	r := image.Describe(x, owners)
	r.Trace(held.dockerfile...)
	if held.policy != nil {
		broken, err := held.policy.Check(x, owners)
		if err != nil {
			return nil, usage("--policy: %w", err)
		}
		r.Add(broken...)
		n := len(broken)
		held.limits.Broken = &n
	}
	r.Judge(held.limits)
	return r, nil
}

// read reads the images, old first, that arguments and --input name.
func (o *inspectOptions) read(ctx context.Context, std streams, args []string) ([]*image.Index, error) {
	var indexes []*image.Index
	if len(o.inputs) > 0 {
		names := args
		if len(names) == 0 {
			names = make([]string, len(o.inputs))
		}
		for i, name := range names {
			x, err := readArchive(ctx, std, o.inputs[min(i, len(o.inputs)-1)], name, image.Options{})
			if err != nil {
				return nil, err
			}
			indexes = append(indexes, x)
		}
		return indexes, nil
	}
	return o.build.indexes(ctx, std, args, image.Options{})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/suite"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/runner/image/dockerfile"
)

// initOptions are the flags of init: those of compare that a file can say.
type initOptions struct {
	options

	path string
	note func(line string)
}

func newInit(std streams) *cobra.Command {
	o := initOptions{path: suite.File}
	cmd := &cobra.Command{
		Use:   "init IMAGE|FOLDER|COMMAND [NEW...] [flags] [-- ARG...]",
		Short: "Write a commented mlbench.yaml for images, folders or commands",
		Long: `init writes a suite file with these as its candidates, old first, and with every
setting as a comment. Arguments are what they are for compare.

Of images that are in the engine it writes down what they say of themselves, each
with its source: port and health path as values, the rest as comments. Nothing is
pulled, built or started; what is not known yet is found when it is measured. What
flags of compare say here are values in the file.

A file that is there is left as it is.`,
		Example: `  mlbench init old:tag new:tag
  mlbench init old:tag ./service --target 1s --max-size 800MB
  mlbench init --runner process --port 8080 'python3 old.py' 'python3 new.py'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, rest := args, []string(nil)
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				refs, rest = args[:at], args[at:]
			}
			if len(refs) == 0 {
				return usage("%s wants the images, folders or commands to measure: e.g. %s", cmd.CommandPath(), example(cmd))
			}
			o.note = newProgress(std.notes()).Note
			o.log = std.log()
			o.hint = o.note
			return o.run(cmd.Context(), cmd.Flags(), refs, rest)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.path, "file", "f", o.path, "the `file` to write")
	suffixes(f, "file", ".yaml", ".yml")
	o.registerKeys(f)
	return cmd
}

// registerKeys adds the flags that are keys of suite files.
func (o *options) registerKeys(f *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.register(all)
	o.build.register(all)
	f.SortFlags = false
	all.VisitAll(func(flag *pflag.Flag) {
		if slices.Contains(suite.Keys(false), flag.Name) {
			f.AddFlag(flag)
		}
	})
}

func (o *initOptions) run(ctx context.Context, f *pflag.FlagSet, refs, args []string) error {
	if _, err := os.Lstat(o.path); err == nil { // before an engine is asked
		return usage("%s is there already, and is left as it is: name another with -f, or remove it", o.path)
	}
	candidates, err := o.complete(f, refs, args) // what is wrong is said now
	if err == nil {
		err = o.findFolders(candidates)
	}
	if err != nil {
		return err
	}
	var drafts []suite.Draft
	for _, c := range candidates {
		d := suite.Draft{Kind: suite.Image, Ref: c.Ref, Name: c.Name}
		switch {
		case o.spec.Runner == "process":
			d.Kind = suite.Command
		case o.folders[c.Name] != nil:
			d.Kind, d.Ref = suite.Folder, o.beside(c.Ref)
			d.Notes = o.runs(o.folders[c.Name])
		}
		drafts = append(drafts, d)
	}
	o.look(ctx, f, drafts)
	text := suite.Template(drafts, o.given(f, args))
	if _, err := suite.Read(strings.NewReader(string(text)), o.path); err != nil { // two of one name, perhaps
		return usage("these cannot stand in one file: %w", err)
	}
	return o.write(text)
}

// runs is what a folder's Dockerfile says. It is no value: what the image that it
// is built upon says is not known before it is built.
func (o *initOptions) runs(f *folder) []string {
	notes := []string{"built first; what its image exposes is found then"}
	file, err := f.build.Context.Open(f.build.Dockerfile)
	if err != nil {
		o.note(fmt.Sprintf("%s: its Dockerfile cannot be read: %v", f.named, err))
		return notes
	}
	defer func() { _ = file.Close() }()
	says, err := dockerfile.ReadRuns(file, f.build.Dockerfile)
	if err != nil {
		o.note(fmt.Sprintf("%s: it cannot be built: %v", f.named, err))
		return notes
	}
	if f.build.Target != "" { // of another stage
		return notes
	}
	if len(says.Exposed) > 0 {
		notes = append(notes, "its Dockerfile exposes "+strings.Join(says.Exposed, " "))
	}
	if says.User != "" {
		notes = append(notes, "its Dockerfile runs it as "+says.User)
	}
	if says.Check != "" {
		notes = append(notes, "its Dockerfile's HEALTHCHECK: "+hushed([]string{says.Check})[0])
	}
	return notes
}

// look asks the engine for what the images say of themselves. What it cannot be
// asked is found out when they are measured.
func (o *initOptions) look(ctx context.Context, f *pflag.FlagSet, drafts []suite.Draft) {
	if !slices.ContainsFunc(drafts, func(d suite.Draft) bool { return d.Kind == suite.Image }) {
		return
	}
	r, err := docker.New(docker.Options{Notify: o.note, Log: o.log})
	if err == nil {
		defer func() { _ = r.Close() }() // it made nothing
		_, err = r.Host(ctx)
	}
	if err != nil {
		o.note(fmt.Sprintf("what the images say of themselves is not looked at: %v", err))
		return
	}
	for i := range drafts {
		d := &drafts[i]
		if d.Kind != suite.Image {
			continue
		}
		told, err := r.Tell(ctx, d.Ref)
		switch {
		case errors.Is(err, docker.ErrNotHere):
			o.note(d.Ref + " is not in the engine: what it exposes is found when it is measured")
			d.Notes = append(d.Notes, "not in the engine when this was written; it is pulled when it is measured")
		case err != nil:
			o.note(fmt.Sprintf("%s: what it says of itself is not known: %v", d.Ref, err))
		default:
			o.tell(f, d, told)
		}
	}
}

// tell writes down what an image says, but for what a flag does.
func (o *initOptions) tell(f *pflag.FlagSet, d *suite.Draft, t docker.Told) {
	add := func(key, value, from string) {
		d.Values = append(d.Values, suite.Value{Setting: suite.Setting{Key: key, Values: []string{value}}, From: from})
	}
	asked := o.candidate.Ready.NeedsPort() || f.Changed("request")
	switch {
	case f.Changed("port") || !asked:
	case t.Port != 0:
		add("port", fmt.Sprint(t.Port), t.PortFrom)
	default:
		o.note(t.PortFrom)
		d.Notes = append(d.Notes, "port: "+t.PortFrom)
	}
	switch {
	case f.Changed("health") || !asked:
	case t.Health != "":
		add("health", t.Health, t.HealthFrom)
	case t.HealthFrom != "":
		o.note(t.HealthFrom)
		d.Notes = append(d.Notes, "health: "+t.HealthFrom)
	default:
		d.Notes = append(d.Notes, "health: it names none; the first of "+strings.Join(runner.HealthPaths, " ")+" that answers is taken")
	}
	user := "runs as root"
	if t.User != "" {
		user = "runs as " + t.User
	}
	d.Notes = append(d.Notes, fmt.Sprintf("%.4g MB in the engine; %s; starts %s", float64(t.Bytes)/1e6, user, strings.Join(hushed(t.Program), " ")))
	if t.Check != "" {
		d.Notes = append(d.Notes, "HEALTHCHECK: "+hushed([]string{t.Check})[0])
	}
}

// given are the values that flags say. Paths are from the file's folder.
func (o *initOptions) given(f *pflag.FlagSet, args []string) []suite.Value {
	var values []suite.Value
	add := func(key string, list []string) {
		values = append(values, suite.Value{Setting: suite.Setting{Key: key, Values: list}})
	}
	for _, key := range suite.Keys(false) {
		flag := f.Lookup(key)
		switch {
		case key == "args" && len(args) > 0:
			add(key, args)
		case flag == nil || !flag.Changed, key == "runner" && o.spec.Runner == "process": // as commands say already
		default:
			list := []string{flag.Value.String()}
			if several, ok := flag.Value.(pflag.SliceValue); ok {
				list = several.GetSlice()
			}
			for i, v := range list {
				if name, _, set := strings.Cut(v, "="); set && hushed([]string{v})[0] != v && (key == "env" || key == "build-arg") {
					o.note(name + " is a secret by its name: the file has the name alone, and takes the value from the environment")
					list[i] = name
				}
				if file, ok := strings.CutPrefix(v, "@"); ok && key == "body" {
					list[i] = "@" + o.beside(file)
				}
				if source, rest, ok := strings.Cut(v, ":"); ok && key == "volume" && strings.HasPrefix(source, ".") {
					list[i] = o.beside(source) + ":" + rest
				}
			}
			add(key, list)
		}
	}
	return values
}

// beside is a path from the current folder as the file has it, which may be
// written to another one.
func (o *initOptions) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	from, err := filepath.Abs(filepath.Dir(o.path))
	if err != nil {
		return path
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(from, to)
	if err != nil {
		return to
	}
	if !strings.HasPrefix(rel, ".") {
		rel = "./" + rel
	}
	return rel
}

func (o *initOptions) write(text []byte) error {
	f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as editors do
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already, and is left as it is: name another with -f, or remove it", o.path)
	}
	if err == nil {
		_, err = f.Write(text)
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(o.path))
		}
	}
	if err != nil {
		return runner.As(runner.ErrEnvironment, fmt.Errorf("%s cannot be written: %w", o.path, err))
	}
	o.note(bench.Printable(o.path) + " is written: mlbench compare takes what it says")
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/suite"
	"mlbench/runner"
)

// registerSuite adds the flags that say what candidates are: a suite file, and
// how those are built that are folders.
func (o *options) registerSuite(f *pflag.FlagSet) {
	o.build.register(f)
	f.StringVarP(&o.file, "file", "f", "", "suite `file` with candidates and settings; '' for none (default "+suite.File+", if it is there)")
	suffixes(f, "file", ".yaml", ".yml")
}

// openSuite reads the suite file, and is nil where there is none.
func (o *options) openSuite(f *pflag.FlagSet, std streams) (*suite.Suite, error) {
	o.hint = func(line string) { fmt.Fprintln(std.notes(), bench.Printable(line)) }
	path := o.file
	if !f.Changed("file") {
		if _, err := os.Stat(suite.File); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		path = suite.File
		fmt.Fprintf(std.notes(), "using %s (-f '' does without)\n", path)
	} else if path == "" {
		return nil, nil
	}
	if err := readable(path); err != nil {
		return nil, usage("read suite file: %w", err)
	}
	s, err := suite.Open(path)
	if err != nil {
		return nil, usage("%w", err)
	}
	return s, nil
}

// A choice is a candidate to be measured: one of a suite file, or what an
// argument says where it is the name of none.
type choice struct {
	name, ref string
	listed    *suite.Candidate // nil where it is not of the file
}

// choose takes the candidates that arguments name, all where there are none.
func choose(s *suite.Suite, args []string, note io.Writer) []choice {
	var chosen []choice
	if len(args) == 0 {
		for i := range s.Candidates {
			c := &s.Candidates[i]
			chosen = append(chosen, choice{c.Name, c.Ref, c})
		}
		return chosen
	}
	for _, arg := range args {
		c := s.Candidate(arg)
		if c != nil {
			chosen = append(chosen, choice{c.Name, c.Ref, c})
			continue
		}
		chosen = append(chosen, choice{arg, arg, nil})
		if len(s.Candidates) > 0 && !suite.IsPath(arg) {
			hint := ""
			if near, ok := strings.CutPrefix(suite.Nearest(arg, s.Names()), ": did you mean "); ok {
				hint = " Did you mean " + near
			}
			fmt.Fprintln(note, bench.Printable(fmt.Sprintf("%s: no candidate of %s has this name, so it is started as it stands.%s", arg, s.Path, hint)))
		}
	}
	return chosen
}

// runnerOf says what starts candidates of a kind.
var runnerOf = map[suite.Kind]string{suite.Image: "docker", suite.Folder: "docker", suite.Command: "process"}

// started says which runner starts the candidates that were chosen: process
// where they are commands, else "" for what flags and file say.
func started(s *suite.Suite, chosen []choice, f *pflag.FlagSet, asked string) (string, error) {
	var first *suite.Candidate
	for _, c := range chosen {
		switch l := c.listed; {
		case l == nil:
		case first == nil:
			first = l
		case runnerOf[first.Kind] != runnerOf[l.Kind]:
			return "", usage("%s: line %d: %q is of the kind %s, and %q in line %d of the kind %s: they are started in different ways, and cannot be compared: name those of one kind",
				s.Path, l.Line, l.Name, l.Kind, first.Name, first.Line, first.Kind)
		}
	}
	switch {
	case first == nil:
		return "", nil
	case asked != "" && asked != runnerOf[first.Kind]:
		said := "runner: " + asked
		if f.Changed("runner") {
			said = "--runner " + asked
		}
		return "", usage("%s: line %d: %q is of the kind %s, which %s does not start: leave that out", s.Path, first.Line, first.Name, first.Kind, said)
	}
	return runnerOf[first.Kind], nil
}

// completeSuite makes the candidates that were chosen, and checks for each of them
// what flags, file and its own settings say together. Flags win over a
// candidate's settings, and those over the file's.
func (o *options) completeSuite(f *pflag.FlagSet, s *suite.Suite, chosen []choice, rest []string) ([]runner.Candidate, error) {
	asked := ""
	if i := slices.IndexFunc(s.Settings, func(x suite.Setting) bool { return x.Key == "runner" }); i >= 0 {
		asked = s.Settings[i].Values[0]
	}
	if f.Changed("runner") {
		asked = o.spec.Runner
	}
	with, err := started(s, chosen, f, asked)
	if err != nil {
		return nil, err
	}
	refs := make([]string, len(chosen))
	for i, c := range chosen {
		refs[i] = c.name
	}
	names, candidates := distinct(refs), make([]runner.Candidate, len(chosen))
	once := make(map[string]*folder) // by the name that was given
	for i, c := range chosen {
		own := options{hint: o.hint}
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		own.register(flags)
		own.build.register(flags)
		settings := together(s, c.listed)
		if with != "" {
			settings["runner"] = suite.Setting{Key: "runner", Values: []string{with}}
		}
		args, err := apply(flags, f, s, settings)
		if err != nil {
			return nil, err
		}
		if len(rest) > 0 {
			args = rest
		}
		made, err := own.candidates(flags, []string{c.ref}, args)
		if err != nil {
			return nil, fmt.Errorf("%q, with what %s says: %w", c.name, s.Path, err)
		}
		candidates[i] = made[0]
		candidates[i].Name = names[i]
		if i == 0 { // what is not a candidate's is the same for all, but for a seed drawn at random
			o.spec, o.candidate, o.noPreflight = own.spec, own.candidate, own.noPreflight
		}
		path, is := c.path(s, &own)
		if !is {
			continue
		}
		if once[c.name] == nil {
			if once[c.name], err = own.build.at(c.name, path); err != nil {
				return nil, fmt.Errorf("%q, with what %s says: %w", c.name, s.Path, err)
			}
			once[c.name].written = c.ref
		}
		o.isFolder(names[i], once[c.name])
	}
	return candidates, errors.Join(o.checkPreflight(candidates), o.checkFolders())
}

// path is where the folder is that was chosen; false where it is none.
func (c choice) path(s *suite.Suite, own *options) (string, bool) {
	switch {
	case own.spec.Runner != "docker":
		return "", false
	case c.listed != nil:
		return s.Resolve(c.ref), c.listed.Kind == suite.Folder
	}
	return c.ref, own.meansFolder(c.ref)
}

// together are the settings of a candidate: the file's and its own, which win.
// Those that add up are both there, and for each name the last wins.
func together(s *suite.Suite, c *suite.Candidate) map[string]suite.Setting {
	settings := map[string]suite.Setting{}
	for _, x := range s.Settings {
		settings[x.Key] = x
	}
	if c == nil {
		return settings
	}
	for _, x := range c.Settings {
		if addsUp(x.Key) {
			x.Values = slices.Concat(settings[x.Key].Values, x.Values)
		}
		settings[x.Key] = x
	}
	return settings
}

// addsUp reports whether the values of a key are names with values, each of which
// is said for itself.
func addsUp(key string) bool { return key == "env" || key == "build-arg" }

// apply sets flags as the command line does, given, and as settings say where
// that does not. It returns the arguments, for which there is no flag.
func apply(flags, given *pflag.FlagSet, s *suite.Suite, settings map[string]suite.Setting) (args []string, err error) {
	given.Visit(func(g *pflag.Flag) {
		to := flags.Lookup(g.Name)
		if to == nil {
			return
		}
		values := []string{g.Value.String()}
		if several, ok := g.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		if x, ok := settings[g.Name]; ok && addsUp(g.Name) {
			values = slices.Concat(x.Values, values)
		}
		delete(settings, g.Name)
		err = errors.Join(err, set(to, values))
	})
	if err != nil {
		return nil, err // not to be expected of what has been parsed once
	}
	for _, name := range suite.Keys(false) { // in an order, so that errors do not change
		x, ok := settings[name]
		if !ok {
			continue
		}
		if name == "args" {
			args = x.Values
			continue
		}
		if err := set(flags.Lookup(name), beside(s, x)); err != nil {
			return nil, usage("%s: line %d: %s: %w", s.Path, x.Line, x.Key, err)
		}
	}
	return args, nil
}

// set gives a flag its values, as if it had been on the command line.
func set(f *pflag.Flag, values []string) error {
	f.Changed = true
	if several, ok := f.Value.(pflag.SliceValue); ok {
		if addsUp(f.Name) {
			values = lastOfEach(values)
		}
		return several.Replace(values)
	}
	return f.Value.Set(values[0])
}

// lastOfEach leaves of variables with the same name the last.
func lastOfEach(env []string) []string {
	var last []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		last = slices.DeleteFunc(last, func(l string) bool {
			before, _, _ := strings.Cut(l, "=")
			return before == name
		})
		last = append(last, v)
	}
	return last
}

// beside looks up the files that settings name in the suite file's folder.
func beside(s *suite.Suite, x suite.Setting) []string {
	values := slices.Clone(x.Values)
	for i, v := range values {
		if file, ok := strings.CutPrefix(v, "@"); ok && x.Key == "body" {
			values[i] = "@" + s.Resolve(file)
		}
		if source, rest, ok := strings.Cut(v, ":"); ok && x.Key == "volume" && strings.HasPrefix(source, ".") {
			if path, err := filepath.Abs(s.Resolve(source)); err == nil { // else the engine says what is wrong with it
				values[i] = path + ":" + rest
			}
		}
	}
	return values
}

// suiteUse is what the commands' help says of suite files.
const suiteUse = `

Settings and candidates may stand in a suite file instead, mlbench.yaml, by the
names of the flags. Arguments are then names of its candidates, or images and
folders as ever, which get its settings; flags on the command line win over it.`

// named are the candidates of a file, as many of them as an error can name.
func named(s *suite.Suite) string {
	const most = 10
	names, more := s.Names(), ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	return bench.Printable(strings.Join(names, ", ")) + more // no line ends within
}

// counted checks how many candidates there are, for a command that takes so many
// at most: one, or two and more.
func counted(cmd *cobra.Command, s *suite.Suite, chosen []choice, most int) error {
	least := min(most, 2)
	switch {
	case len(chosen) == 0:
		return usage("%s lists no candidates, and no image is named: e.g. %s", s.Path, example(cmd))
	case len(chosen) > most && most == 1:
		return usage("%s wants one candidate and got %d: name one of those in %s: %s", cmd.CommandPath(), len(chosen), s.Path, named(s))
	case len(chosen) > most:
		return usage("%s takes %d candidates at most and got %d: name fewer of those in %s", cmd.CommandPath(), most, len(chosen), s.Path)
	case len(chosen) < least:
		return usage("%s wants two candidates or more, old first, and got %d: %s lists %s", cmd.CommandPath(), len(chosen), s.Path, named(s))
	}
	return nil
}

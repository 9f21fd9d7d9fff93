package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mlbench/bench"
	"mlbench/bench/suite"
	"mlbench/runner"
	"mlbench/runner/docker"
	"mlbench/scenarios"
)

// shells are those that can complete what is typed.
func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func newCompletion(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write what makes a shell complete commands, flags and image names",
		Long: `completion writes a script for bash, zsh, fish or powershell. What is completed
then are commands, flags and their values, images of the engine, the candidates
of a suite file and scenarios. Where no engine answers within a second, images are
left out. Bash needs its package bash-completion.

To have it in this shell alone:

  bash         source <(mlbench completion bash)
  zsh          source <(mlbench completion zsh)
  fish         mlbench completion fish | source
  powershell   mlbench completion powershell | Out-String | Invoke-Expression

To have it in every shell:

  bash         mlbench completion bash > ~/.local/share/bash-completion/completions/mlbench
  zsh          mlbench completion zsh > "${fpath[1]}/_mlbench"
  fish         mlbench completion fish > ~/.config/fish/completions/mlbench.fish
  powershell   mlbench completion powershell >> $PROFILE`,
		Example: `  mlbench completion bash`,
		Args:    exactly(1, "the name of a shell, "+strings.Join(shells(), ", ")+","),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(std.out, true)
			case "zsh":
				return root.GenZshCompletion(std.out)
			case "fish":
				return root.GenFishCompletion(std.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(std.out)
			}
			return usage("no completion for %q: there are %s", args[0], strings.Join(shells(), ", "))
		},
	}
}

// choicesKey annotates flags that take one of a few values.
const choicesKey = "mlbench_choices"

// offer says which values of a flag a shell completes.
func offer(f *pflag.FlagSet, flag string, values ...string) {
	_ = f.SetAnnotation(flag, choicesKey, values) // an error of a flag that is not there, which a test would find
}

// suffixes says what the names of a flag's files end with.
func suffixes(f *pflag.FlagSet, flag string, suffixes ...string) {
	var bare []string
	for _, s := range suffixes {
		bare = append(bare, strings.TrimPrefix(s, "."))
	}
	_ = f.SetAnnotation(flag, cobra.BashCompFilenameExt, bare) // likewise
}

// complete tells cobra what a shell completes: the arguments of commands, and
// values of flags. Files are only for those that take some, as their help says.
func complete(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	walk(root, func(cmd *cobra.Command) {
		if f, ok := argumentsOf[cmd.CommandPath()]; ok {
			cmd.ValidArgsFunction = f
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f := valuesOf(f); f != nil {
				_ = cmd.RegisterFlagCompletionFunc(f.flag, f.values) // of this very command
			}
		})
	})
}

// walk visits a command and all below it.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}

type flagValues struct {
	flag   string
	values cobra.CompletionFunc
}

// valuesOf is how the values of a flag are completed, nil where cobra knows or
// nothing is known.
func valuesOf(f *pflag.Flag) *flagValues {
	if choices, ok := f.Annotations[choicesKey]; ok {
		return &flagValues{f.Name, among(choices, f.Value.Type() == "stringSlice")}
	}
	if _, ok := f.Annotations[cobra.BashCompFilenameExt]; ok {
		return nil
	}
	switch kind, _ := pflag.UnquoteUsage(f); kind {
	case "file", "archive", "path":
		return &flagValues{f.Name, files()}
	case "folder":
		return &flagValues{f.Name, folders}
	case "image":
		return &flagValues{f.Name, imageNames(0)}
	}
	return nil
}

// among completes one of a few values, or in a list the last one.
func among(choices []string, list bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		directive, before := cobra.ShellCompDirectiveNoFileComp, ""
		if i := strings.LastIndex(typed, ","); list && i >= 0 {
			before = typed[:i+1]
		}
		var found []string
		for _, c := range choices {
			if list && slices.Contains(strings.Split(before, ","), c) {
				continue
			}
			if strings.HasPrefix(before+c, typed) {
				found = append(found, before+c)
			}
		}
		if len(found) == 1 && strings.HasSuffix(found[0], "=") { // more is to be typed
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return found, directive
	}
}

// files completes those with one of the suffixes, all where none is named.
func files(suffixes ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		if len(suffixes) == 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return suffixes, cobra.ShellCompDirectiveFilterFileExt
	}
}

func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// first completes the first argument alone.
func first(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, typed)
	}
}

// argumentsOf are the arguments of commands, by their path.
var argumentsOf = map[string]cobra.CompletionFunc{
	"mlbench compare":         imageNames(mostImages),
	"mlbench run":             imageNames(1),
	"mlbench explain":         imageNames(2),
	"mlbench inspect":         imageNames(2),
	"mlbench gpu":             imageNames(1),
	"mlbench init":            imageNames(0),
	"mlbench repro":           imageNames(2),
	"mlbench report":          first(files("json")),
	"mlbench history":         first(folders),
	"mlbench completion":      first(among(shells(), false)),
	"mlbench scenario build":  scenarioNames(true),
	"mlbench scenario run":    scenarioNames(true),
	"mlbench scenario export": scenarioNames(false),
}

// answerWithin is how long an engine may take to name its images: a shell that
// hangs at a key is worse than one that does not know.
const answerWithin = time.Second

// imageNames completes the candidates of the suite file, for commands that take one,
// and the images of the engine, so many arguments at most; 0 for any number.
func imageNames(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		runnerFlag, input := cmd.Flags().Lookup("runner"), cmd.Flags().Lookup("input")
		switch {
		case afterDash(), runnerFlag != nil && runnerFlag.Value.String() == "process":
			return nil, cobra.ShellCompDirectiveDefault // a program's
		case most > 0 && len(args) >= most, input != nil && input.Changed:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case strings.HasPrefix(typed, ".") || strings.HasPrefix(typed, "/"):
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
		var found []string
		for _, name := range append(candidatesHere(cmd), imagesHere(cmd.Context())...) {
			said, _, _ := strings.Cut(name, "\t")
			if strings.HasPrefix(said, typed) && !slices.Contains(args, said) && bench.Printable(said) == said {
				found = append(found, name)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// afterDash reports whether a -- stands before what is completed. Cobra puts one
// of its own after all that is typed, so its flags cannot tell.
func afterDash() bool { return slices.Contains(os.Args[1:max(len(os.Args)-1, 1)], "--") }

// candidatesHere are the names that a suite file has, with what they are.
func candidatesHere(cmd *cobra.Command) []string {
	flag := cmd.Flags().Lookup("file")
	if flag == nil || cmd.Name() == "init" || cmd.Name() == "repro" {
		return nil
	}
	path := flag.Value.String()
	if !flag.Changed {
		path = suite.File
	}
	s, err := suite.Open(path)
	if err != nil {
		return nil
	}
	var names []string
	for _, name := range s.Names() {
		names = append(names, cobra.CompletionWithDesc(name, "candidate of "+bench.Printable(path)))
	}
	return names
}

// imagesHere are those that the engine has; none where it does not answer.
func imagesHere(ctx context.Context) []string {
	r, err := newRunner("docker", docker.Options{})
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }()
	lister, ok := r.(runner.Lister)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	names, err := lister.List(ctx)
	if err != nil {
		return nil
	}
	return names
}

// scenarioNames completes a scenario, and then its variants.
func scenarioNames(variants bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		var names []string
		switch s, err := scenarios.Get(strings.Join(args[:min(len(args), 1)], "")); {
		case len(args) == 0:
			for _, s := range scenarios.All() {
				names = append(names, cobra.CompletionWithDesc(s.Name, s.Title))
			}
		case !variants:
			return nil, cobra.ShellCompDirectiveFilterDirs
		case err == nil:
			for _, v := range s.Variants {
				if !slices.Contains(args[1:], v.Name) {
					names = append(names, cobra.CompletionWithDesc(v.Name, v.Summary))
				}
			}
		}
		names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, typed) })
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandLine is what a command was called with, for result files and for
// whoever wants to repeat it: a word each, without the program's name, first
// the arguments, then the flags as they were given. The values of --env are
// left out, which passes the variables of those names on, and so is what is a
// secret by its name.
func commandLine(cmd *cobra.Command) []string {
	words := strings.Fields(cmd.CommandPath())[1:]
	args, rest := cmd.Flags().Args(), []string(nil)
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		args, rest = args[:at], append([]string{"--"}, args[at:]...)
	}
	words = append(words, args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if cmd.InheritedFlags().Lookup(f.Name) == nil { // how it is told changes nothing of what is measured
			words = append(words, flagWords(f)...)
		}
	})
	return hushed(append(words, rest...))
}

// flagWords is one flag as it was given.
func flagWords(f *pflag.Flag) []string {
	name, values := "--"+f.Name, []string{f.Value.String()}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		values = list.GetSlice()
		if f.Value.Type() == "stringSlice" { // which may be given empty, to mean none
			values = []string{strings.Join(values, ",")}
		}
	}
	var words []string
	for _, value := range values {
		switch {
		case f.Name == "env":
			value, _, _ = strings.Cut(value, "=")
		case f.Value.Type() == "bool":
			if set, err := strconv.ParseBool(value); err == nil && set {
				words = append(words, name)
			} else {
				words = append(words, name+"=false")
			}
			continue
		}
		words = append(words, name, value)
	}
	return words
}

// hush is what stands for a secret.
const hush = "***"

// secretName is how a name ends whose value nobody else is to see. The end
// counts: --hf-token is one, --max-tokens and --tokenizer are none.
const secretName = `[\w.-]*(?:token|secret|passw(?:or)?d|passphrase|api[-_]?key|secret[-_]?key|access[-_]?key|private[-_]?key|credentials?|authorization)`

var (
	secretFlag  = regexp.MustCompile(`(?i)^--?` + secretName + `$`)
	secretValue = regexp.MustCompile(`(?i)(\b` + secretName + `["']?\s*(?:[=:]\s*["']?(?:bearer\s+|basic\s+)?))([^\s"',;&]+)`)
	secretWord  = regexp.MustCompile(`(?i)((?:^|\s)--?` + secretName + `\s+["']?)([^\s"']+)`) // in a command line that is one word
	userInfo    = regexp.MustCompile(`(://)[^/@\s]+@`)
)

// hushed leaves out what looks like a secret: a comment is read by more people
// than a terminal. It knows names and addresses, and no secret by its looks.
func hushed(words []string) []string {
	for i, word := range words {
		if i > 0 && secretFlag.MatchString(words[i-1]) {
			words[i] = hush
			continue
		}
		word = secretValue.ReplaceAllString(word, "${1}"+hush)
		word = secretWord.ReplaceAllString(word, "${1}"+hush)
		words[i] = userInfo.ReplaceAllString(word, "${1}"+hush+"@")
	}
	return words
}

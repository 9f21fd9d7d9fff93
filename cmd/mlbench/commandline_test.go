package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCommandLine: what a command was called with, and no secret of it.
func TestCommandLine(t *testing.T) {
	for _, test := range []struct{ args, want []string }{
		{[]string{"old:tag", "new:tag"}, []string{"compare", "old:tag", "new:tag"}},
		{[]string{"--seed", "7", "old", "--margin=3%", "new", "--explain", "--fail-on", "starts,target"},
			[]string{"compare", "old", "new", "--seed", "7", "--margin", "3%", "--explain", "--fail-on", "starts,target"}},
		{[]string{"a", "b", "-e", "KEY=s3cret", "--env=LEVEL=s3cret", "-eX=s3cret", "--env", "HOME", "-m", "2g"},
			[]string{"compare", "a", "b", "--env", "KEY", "--env", "LEVEL", "--env", "X", "--env", "HOME", "--memory", "2g"}},
		{[]string{"a", "b", "--", "--api-key", "s3cret", "--hf-token=s3cret", "--max-tokens", "512", "--tokenizer", "t"},
			[]string{"compare", "a", "b", "--", "--api-key", "***", "--hf-token=***", "--max-tokens", "512", "--tokenizer", "t"}},
		{[]string{"--runner", "process", "TOKEN=s3cret python3 a.py", "python3 b.py --password s3cret --port 1"},
			[]string{"compare", "TOKEN=*** python3 a.py", "python3 b.py --password *** --port 1", "--runner", "process"}},
		{[]string{"a", "b", "--request", "POST /predict?api_key=s3cret&n=1", "--body", `{"secret": "s3cret", "n": 1}`},
			[]string{"compare", "a", "b", "--request", "POST /predict?api_key=***&n=1", "--body", `{"secret": "***", "n": 1}`}},
		{[]string{"a", "b", "--volume", "http://me:s3cret@host/x:/y", "--explain=false"},
			[]string{"compare", "a", "b", "--volume", "http://***@host/x:/y", "--explain=false"}},
	} {
		cmd := newCompare(streams{})
		var got []string
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { got = commandLine(cmd); return nil }
		root := &cobra.Command{Use: "mlbench"}
		root.AddCommand(cmd)
		root.SetArgs(append([]string{"compare"}, test.args...))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q is\n%q, want\n%q", test.args, got, test.want)
		}
		if strings.Contains(strings.Join(got, " "), "s3cret") {
			t.Errorf("it tells a secret: %q", got)
		}
	}
}

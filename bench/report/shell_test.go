package report

import (
	"os/exec"
	"strings"
	"testing"
)

// TestShellLine: a shell reads the words as they were, and nothing is run.
func TestShellLine(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"compare", "old:tag", "new:tag", "--target", "1s"}, `compare old:tag new:tag --target 1s`},
		{[]string{"compare", "python3 old.py", ""}, `compare 'python3 old.py' ''`},
		{[]string{"it's", "$(id)", "`id`", "a;b", "*", "~", "#1"}, `'it'\''s' '$(id)' '` + "`id`" + `' 'a;b' '*' '~' '#1'`},
		{[]string{"=ls", "--explain=false", "A=b"}, `'=ls' --explain=false 'A=b'`},
		{[]string{"two\nlines\t", "\x1b[2J'\\1", "\u202eright", "\xff1"}, `$'two\012lines\011' $'\033[2J\'\\1' $'\342\200\256right' $'\3771'`},
		{[]string{"grüße", "模型"}, `'grüße' '模型'`},
	} {
		got := shellLine(test.words)
		if got != test.want {
			t.Errorf("%q is %s, want %s", test.words, got, test.want)
		}
		bash, err := exec.LookPath("bash")
		if err != nil {
			t.Skip("no bash to read it")
		}
		out, err := exec.Command(bash, "-c", `printf '%s\0' `+got).Output()
		if err != nil || string(out) != strings.Join(test.words, "\x00")+"\x00" {
			t.Errorf("bash reads %s as %q (%v), want %q", got, out, err, test.words)
		}
	}
}

package report

import (
	stdbytes "bytes"
	"strings"
	"testing"

	"mlbench/runner"
)

// TestOrigin: what an image was built from is told in one line, whatever the
// folder and its arguments are called.
func TestOrigin(t *testing.T) {
	const hex = "0123456789abcdef0123456789abcdef01234567"
	many := map[string]string{}
	for _, name := range strings.Split("ABCDEFGHIJKLM", "") {
		many[name] = "1"
	}
	for _, test := range []struct {
		built *runner.Origin
		want  string
	}{
		{nil, ""},
		{&runner.Origin{Folder: "./new", Dockerfile: "Dockerfile", Commit: hex}, " was built for this run from ./new, at commit 0123456789ab"},
		{&runner.Origin{Folder: "./new", Dockerfile: "a.Dockerfile", Target: "lean", Commit: hex, Dirty: true}, " was built for this run from ./new by a.Dockerfile, stage lean, at commit 0123456789ab with changes that are not in it"},
		{&runner.Origin{Folder: "./new", Dockerfile: "Dockerfile", Commit: "short"}, " was built for this run from ./new, at commit short"},
		{&runner.Origin{Folder: "./new", Dockerfile: "Dockerfile", Args: many}, " was built for this run from ./new, with A=1, B=1, C=1, D=1, E=1, F=1, G=1, H=1, I=1, J=1, 3 more"},
	} {
		r := fixtures[0].result(t)
		r.Candidates[0].Built = test.built
		v := look(r)
		want := test.want
		if want != "" {
			want = v.names[0] + want
		}
		if got := origin(v, 0); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestOriginIsHarmless(t *testing.T) {
	const hostile = "a\n\n# b <script>alert(1)</script> | c \x1b[31m\u202e `d`"
	r := fixtures[0].result(t)
	r.Candidates[0].Built = &runner.Origin{
		Folder: hostile, Dockerfile: hostile, Target: hostile, Commit: "é\n" + hostile, Args: map[string]string{hostile: strings.Repeat(hostile, 10_000)},
	}
	for name, write := range map[string]func(*stdbytes.Buffer) error{
		"text":     func(b *stdbytes.Buffer) error { return Text(b, r) },
		"markdown": func(b *stdbytes.Buffer) error { return Markdown(b, r) },
	} {
		var b stdbytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		said := b.String()
		if strings.ContainsAny(said, "\x1b\u202e") || strings.Contains(said, "\n# b") || name == "markdown" && strings.Contains(said, "<script>") {
			t.Errorf("%s has it as it is:\n%s", name, said)
		}
		if !strings.Contains(said, "was built for this run from a") || len(said) > 65_000 {
			t.Errorf("%s, of %d bytes, does not tell it", name, len(said))
		}
	}
	s, _ := schema(t)
	if err := s.Validate(document(t, r)); err != nil {
		t.Error(err)
	}
}

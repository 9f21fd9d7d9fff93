package suite

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTemplate reads a template as it is written, and with each setting that it
// shows as a comment.
func TestTemplate(t *testing.T) {
	var drafts []Draft
	refs := []string{"old:tag", "5", "null", "a: [b]\n- c", `"<quoted>"`, "/a", "1s", "\u202eright to left\u2028"}
	for _, ref := range refs {
		drafts = append(drafts, Draft{Kind: Image, Ref: ref})
	}
	b := Template(drafts, nil)
	s, err := Read(bytes.NewReader(b), File)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Names(), refs) || len(s.Settings) != 0 {
		t.Errorf("%+v", s)
	}
	shown := regexp.MustCompile(`(?m)^#([a-z-]+: .*)$`).FindAllStringSubmatch(string(b), -1)
	if len(shown) != len(keys) {
		t.Errorf("%d settings are shown, and there are %d", len(shown), len(keys))
	}
	for _, x := range shown {
		s, err := Read(strings.NewReader(x[1]), File)
		if err != nil || len(s.Settings) != 1 {
			t.Errorf("%s: %+v, %v", x[1], s, err)
		}
	}
	all := regexp.MustCompile(`(?m)^#([a-z-]+: )`).ReplaceAll(b, []byte("$1"))
	if s, err := Read(bytes.NewReader(all), File); err != nil || len(s.Settings) != len(keys) {
		t.Errorf("with all settings: %+v, %v", s, err)
	}
}

// TestTemplateValues: what is found is a value with its source, for all where
// all have it, and hostile text stays in its line.
func TestTemplateValues(t *testing.T) {
	const hostile = "a\nport: 1\x1b[31m\u2028margin: 1%"
	value := func(key, from string, values ...string) Value {
		return Value{Setting{Key: key, Values: values}, from}
	}
	b := Template([]Draft{
		{Kind: Folder, Ref: "./old", Name: "old", Notes: []string{hostile}, Values: []Value{value("port", "exposed by the image", "8080"), value("health", "its label", "/old")}},
		{Kind: Image, Ref: "new:tag", Values: []Value{value("port", "exposed by the image", "8080"), value("health", hostile, "/new")}},
	}, []Value{
		value("env", "", "A=b: c", "TOKEN"), value("args", "", "--x", "\n- y"), value("target", "", "800ms"), value("margin", "", "5%"),
		value("no-covariate", "", "true"), value("cpus", "", "1.5"), value("user", "", "1000:1000"), value("body", "", hostile),
	})
	s, err := Read(bytes.NewReader(b), File)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, c := range s.Candidates {
		if len(c.Settings) != 1 || c.Settings[0].Key != "health" {
			t.Errorf("%+v", c)
		}
	}
	got := map[string][]string{}
	for _, x := range s.Settings {
		got[x.Key] = x.Values
	}
	for key, want := range map[string][]string{
		"port": {"8080"}, "env": {"A=b: c", "TOKEN"}, "args": {"--x", "\n- y"}, "target": {"800ms"}, "margin": {"5%"},
		"no-covariate": {"true"}, "cpus": {"1.5"}, "user": {"1000:1000"}, "body": {hostile},
	} {
		if !slices.Equal(got[key], want) {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("besides: %q", got)
	}
	if !strings.Contains(string(b), "\nport: 8080  # exposed by the image\n") || strings.ContainsRune(string(b), '\x1b') {
		t.Errorf("%s", b)
	}
}

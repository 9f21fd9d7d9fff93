package dockerfile

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestBases(t *testing.T) {
	const digest = "@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	for _, test := range []struct {
		name, dockerfile string
		args             map[string]string
		want             []Base
	}{
		{name: "scratch", dockerfile: "FROM scratch\nCOPY . /"},
		{name: "one", dockerfile: "FROM debian:bookworm\n", want: []Base{{Ref: "debian:bookworm"}}},
		{name: "pinned", dockerfile: "FROM debian:bookworm" + digest, want: []Base{{Ref: "debian:bookworm" + digest, Pinned: true}}},
		{name: "an argument's default", dockerfile: "ARG V=12\nARG BASE=debian:${V}\nFROM $BASE", want: []Base{{Ref: "debian:12"}}},
		{name: "an argument", dockerfile: "ARG BASE=debian\nFROM ${BASE}", args: map[string]string{"BASE": "mine"}, want: []Base{{Ref: "mine"}}},
		{name: "an argument that is not known", dockerfile: "ARG BASE\nFROM ${BASE}", want: []Base{{Ref: "${BASE}"}}},
		{
			name: "stages", dockerfile: "FROM a AS Build\nFROM build\nFROM b\nCOPY --from=0 /x /\nCOPY --from=build /x /\nCOPY --from=c:1 /x /",
			want: []Base{{Ref: "a"}, {Ref: "b"}, {Ref: "c:1"}},
		},
		{name: "syntax", dockerfile: "# syntax=docker/dockerfile:1\nFROM a", want: []Base{{Ref: "docker/dockerfile:1", Syntax: true}, {Ref: "a"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bases, err := Bases(strings.NewReader(test.dockerfile), "Dockerfile", test.args)
			if err != nil || !slices.Equal(bases, test.want) {
				t.Errorf("%v, %v; want %v", bases, err, test.want)
			}
		})
	}
	// Each argument is twice as long as the one before.
	endless := "ARG A=aaaaaaaa\n" + strings.Repeat("ARG A=$A$A\n", 100) + "FROM $A"
	if bases, err := Bases(strings.NewReader(endless), "Dockerfile", nil); err != nil || len(bases) != 1 || len(bases[0].Ref) > maxValue {
		t.Errorf("%d bases, %v", len(bases), err)
	}
	if bases, err := Bases(strings.NewReader("FRM a"), "Dockerfile", nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v, %v of what is no Dockerfile", bases, err)
	}
}

func TestArgument(t *testing.T) {
	const file = "ARG V=12\nARG A=debian\nARG B=mine:1\nFROM ${A} AS one\nFROM debian:${V}\nFROM $B AS two\nFROM ${A:-x}-slim\nFROM ${C:-other}"
	for _, c := range []struct {
		from, ref, arg string // arg "" is none
	}{
		{"docker.io/library/debian:latest", "debian", "A"}, {"${A}", "debian", "A"},
		{"$B", "given:2", "B"}, {"docker.io/library/given:2", "given:2", "B"},
		{"debian:${V}", "", ""}, {"docker.io/library/debian:12", "", ""}, {"${A:-x}-slim", "", ""},
		{"${C:-other}", "", ""}, {"mine:1", "", ""}, {"one", "", ""},
	} {
		ref, arg, ok := Argument(strings.NewReader(file), "Dockerfile", map[string]string{"B": "given:2"}, c.from)
		if ok != (c.arg != "") || ref != c.ref || arg != c.arg {
			t.Errorf("%s: %q of %q, %t; want %q of %q", c.from, ref, arg, ok, c.ref, c.arg)
		}
	}
	if _, arg, ok := Argument(strings.NewReader("FRM a"), "Dockerfile", nil, "a"); ok {
		t.Errorf("%q of what is no Dockerfile", arg)
	}
}

func FuzzBases(f *testing.F) {
	f.Add("# syntax=a\nARG A=b\nFROM ${A:-c} AS d\nCOPY --from=d <<X /\nX\n", "A", "b")
	f.Fuzz(func(t *testing.T, dockerfile, name, value string) {
		bases, err := Bases(strings.NewReader(dockerfile), "Dockerfile", map[string]string{name: value})
		if err != nil && bases != nil {
			t.Errorf("%v and %v", bases, err)
		}
	})
}

package repro

import (
	"slices"
	"testing"
)

func TestBases(t *testing.T) {
	const digest = "@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	for _, test := range []struct {
		name, dockerfile string
		args             map[string]string
		want             []Base
		syntax           string
	}{
		{name: "scratch", dockerfile: "FROM scratch\nCOPY . /"},
		{name: "one", dockerfile: "FROM debian:bookworm\n", want: []Base{{Ref: "debian:bookworm"}}},
		{name: "pinned", dockerfile: "FROM debian:bookworm" + digest, want: []Base{{Ref: "debian:bookworm" + digest, Pinned: true}}},
		{name: "an argument's default", dockerfile: "ARG V=12\nARG BASE=debian:${V}\nFROM $BASE", want: []Base{{Ref: "debian:12"}}},
		{name: "an argument", dockerfile: "ARG BASE=debian\nFROM ${BASE}", args: map[string]string{"BASE": "mine"}, want: []Base{{Ref: "mine"}}},
		{
			name: "stages", dockerfile: "FROM a AS Build\nFROM build\nFROM b\nCOPY --from=0 /x /\nCOPY --from=build /x /\nCOPY --from=c:1 /x /",
			want: []Base{{Ref: "a"}, {Ref: "b"}, {Ref: "c:1"}},
		},
		{name: "syntax", dockerfile: "# syntax=docker/dockerfile:1\nFROM a", want: []Base{{Ref: "a"}}, syntax: "docker/dockerfile:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bases, syntax, err := parseBases([]byte(test.dockerfile), test.args)
			if err != nil || !slices.Equal(bases, test.want) || syntax != test.syntax {
				t.Errorf("%v, %q, %v; want %v, %q", bases, syntax, err, test.want, test.syntax)
			}
		})
	}
	if bases, _, err := parseBases([]byte("FRM a"), nil); err == nil {
		t.Errorf("%v of what is no Dockerfile", bases)
	}
}

func FuzzBases(f *testing.F) {
	f.Add([]byte("# syntax=a\nARG A=b\nFROM ${A:-c} AS d\nCOPY --from=d <<X /\nX\n"), "A", "b")
	f.Fuzz(func(t *testing.T, dockerfile []byte, name, value string) {
		bases, _, err := parseBases(dockerfile, map[string]string{name: value})
		if err != nil && bases != nil {
			t.Errorf("%v and %v", bases, err)
		}
	})
}

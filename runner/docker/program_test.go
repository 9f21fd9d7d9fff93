package docker

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mlbench/runner/runnertest"
)

func TestListed(t *testing.T) {
	for _, test := range []struct {
		name, list string
		want       []string
		missing    string
	}{
		{"glibc", "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n",
			[]string{"/lib/x86_64-linux-gnu/libc.so.6"}, ""},
		{"musl", "\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)\n", []string{"/lib/ld-musl-x86_64.so.1"}, ""},
		{"twice", "\ta => /l/a (1)\n\tb => /l/a (2)\n", []string{"/l/a"}, ""},
		{"missing", "\tlibnone.so => not found\n\tb => /l/b (2)\n", []string{"/l/b"}, "libnone.so"},
		{"nothing", "", nil, ""},
	} {
		if got := listed(test.list); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if err := checkListed(test.list); (err != nil) != (test.missing != "") || err != nil && !strings.Contains(err.Error(), test.missing) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// What is listed of real programs of this host is there; a static one needs
// nothing, and what is no program is said to be none.
func TestLibraries(t *testing.T) {
	if got, err := libraries(t.Context(), runnertest.Fixture(t)); err != nil || len(got) > 0 {
		t.Errorf("of a static program: %q, %v", got, err)
	}
	got, err := libraries(t.Context(), "/bin/sh")
	if err != nil || len(got) == 0 {
		t.Errorf("of /bin/sh: %q, %v", got, err)
	}
	for _, path := range got {
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v", path, err)
		}
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := libraries(t.Context(), text); err == nil || !strings.Contains(err.Error(), "no ELF executable") {
		t.Errorf("of a script: %v", err)
	}
}

//go:build linux && cgo

package nvml

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestStarts links a program as the Makefile does, with a compiler that binds
// immediately by default: it has to start, library or not. Without the Makefile's
// flag it must not, or else this shows nothing. Without cgo it starts and says so.
func TestStarts(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	lazy := regexp.MustCompile(`(?m)^LAZY := (\S+)$`).FindSubmatch(makefile)
	if lazy == nil || !regexp.MustCompile(`(?m)^LDFLAGS .*\$\(LAZY\)`).Match(makefile) || !regexp.MustCompile(`(?m)^export GOFLAGS .*\$\(LAZY\)`).Match(makefile) {
		t.Fatal("the Makefile does not link with a flag LAZY")
	}
	cc, err := exec.Command("go", "env", "CC").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	immediate := filepath.Join(dir, "cc")
	if err := os.WriteFile(immediate, []byte("#!/bin/sh\nexec "+strings.TrimSpace(string(cc))+" -Wl,-z,now \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	start := func(name, flag, cgo string) (string, error) {
		program := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-ldflags", strings.TrimSpace("-extld="+immediate+" "+flag), "-o", program, "./testdata/starts")
		build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		out, err := build.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err = exec.Command(program).CombinedOutput()
		return string(out), err
	}
	if out, err := start("lazy", string(lazy[1]), "1"); err != nil || !strings.HasPrefix(out, "started:") {
		t.Errorf("it does not start: %v: %s", err, out)
	}
	if out, err := start("now", "", "1"); err == nil || !strings.Contains(out, "undefined symbol: nvml") {
		t.Errorf("bound immediately it starts too, so that the flag is not needed, or not tested: %v: %s", err, out)
	}
	if out, err := start("without", "", "0"); err != nil || !strings.Contains(out, "started: 0 this mlbench cannot ask NVIDIA's driver (it was built without cgo)") {
		t.Errorf("%v: %s", err, out)
	}
}

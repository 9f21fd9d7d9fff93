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
	old(t, strings.TrimSpace(string(cc)), filepath.Join(dir, "lazy"))
	if out, err := start("now", "", "1"); err == nil || !strings.Contains(out, "undefined symbol: nvml") {
		t.Errorf("bound immediately it starts too, so that the flag is not needed, or not tested: %v: %s", err, out)
	}
	if out, err := start("without", "", "0"); err != nil || !strings.Contains(out, "started: 0 this mlbench cannot ask NVIDIA's driver (it was built without cgo)") {
		t.Errorf("%v: %s", err, out)
	}
}

// old runs a program with a library that has few functions. One that it has not
// must not be called, as that would end the program.
func old(t *testing.T, cc, program string) {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", filepath.Join(dir, "libnvidia-ml.so.1"), "testdata/old.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, test := range []struct {
		env  string
		want []string
	}{
		{"COUNT=1", []string{
			"started: 1 <nil>", `"driver":"390.157"`,
			`{"index":0,"name":"Tesla K80","compute_capability":"","memory":{"total_bytes":12000,"used_bytes":1000,"free_bytes":11000}}`,
		}},
		{"COUNT=2", []string{"started: 2 <nil>", `{"index":1,"compute_capability":"","lost":true,"problems":["GPU 1: it cannot be read: the GPU is lost (nvmlDeviceGetHandleByIndex: Lost): `}},
		{"BEGIN=9", []string{"started: 0 NVIDIA's driver is not loaded (nvmlInit: Driver Not Loaded): "}},
	} {
		run := exec.Command(program)
		run.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, test.env)
		out, err := run.CombinedOutput()
		for _, want := range test.want {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s: %v, want %s: %s", test.env, err, want, out)
			}
		}
	}
}

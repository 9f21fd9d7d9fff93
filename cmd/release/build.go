package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A platform is one that is released.
type platform struct {
	system, processor string // as Go names them
	nvml              bool   // with what asks NVIDIA's driver, which wants cgo and Linux
}

func (p platform) String() string { return p.system + "/" + p.processor }

var platforms = []platform{
	{"linux", "amd64", true},
	{"linux", "arm64", true},
	{"darwin", "amd64", false},
	{"darwin", "arm64", false},
	{"windows", "amd64", false},
}

func platformNames() string {
	var names []string
	for _, p := range platforms {
		names = append(names, p.String())
	}
	return strings.Join(names, ",")
}

func parsePlatforms(list string) ([]platform, error) {
	var chosen []platform
	for name := range strings.SplitSeq(list, ",") {
		found := false
		for _, p := range platforms {
			if p.String() == strings.TrimSpace(name) {
				chosen, found = append(chosen, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("-platforms: no platform %q: there are %s", name, platformNames())
		}
	}
	return chosen, nil
}

// triples are how C compilers are called that compile for other processors, and
// the Debian packages that have them.
var triples = map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

// compiler is the C compiler for a processor on Linux. One that is not there is
// an error: a release without NVML in its place would look like the others.
func compiler(processor string, look func(string) (string, error)) (string, error) {
	name, install := "gcc", "gcc libc6-dev"
	if processor != runtime.GOARCH || runtime.GOOS != "linux" {
		name = triples[processor] + "-gcc"
		install = fmt.Sprintf("gcc-%s libc6-dev-%s-cross", strings.ReplaceAll(triples[processor], "_", "-"), processor)
	}
	if _, err := look(name); err != nil {
		return "", fmt.Errorf("NVML wants a C compiler, and there is no %s: install it (Debian: apt-get install %s), or leave this platform out (-platforms)", name, install)
	}
	return name, nil
}

// build compiles mlbench.
func (s *source) build(ctx context.Context, p platform, to string) error {
	// Whatever the caller's environment asks of the compilers would be in the bytes.
	env := []string{
		"GOFLAGS=", "GOWORK=off", "GOOS=" + p.system, "GOARCH=" + p.processor, "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "CGO_ENABLED=0",
	}
	linked := "-s -w -X main.version=" + s.version
	if p.nvml {
		cc, err := compiler(p.processor, exec.LookPath)
		if err != nil {
			return err
		}
		// Its library is looked for when it is first asked: see the Makefile's LAZY.
		linked += " -extldflags=-Wl,-z,lazy"
		env = append(env, "CGO_ENABLED=1", "CC="+cc, "CGO_CFLAGS=-O2 -Wno-deprecated-declarations", "CGO_CPPFLAGS=", "CGO_LDFLAGS=")
	}
	_, err := command(ctx, s.folder, env, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags", linked, "-o", to, "./cmd/mlbench")
	return err
}

// here is this host's own platform: as it is released, so that nothing is
// compiled in two ways, or without NVML where it is not.
func here(wanted []platform) platform {
	for _, p := range wanted {
		if p.system == runtime.GOOS && p.processor == runtime.GOARCH {
			return p
		}
	}
	return platform{system: runtime.GOOS, processor: runtime.GOARCH}
}

// document has mlbench write its completions and man pages on this host.
func (s *source) document(ctx context.Context, host platform, to string) error {
	s.extra = to
	program := filepath.Join(filepath.Dir(s.folder), "here")
	if err := s.build(ctx, host, program); err != nil {
		return err
	}
	if _, err := command(ctx, s.folder, nil, program, "pages", "--man", filepath.Join(to, "man", "man1")); err != nil {
		return err
	}
	folder := filepath.Join(to, "completions")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "mlbench.bash", "zsh": "_mlbench", "fish": "mlbench.fish", "powershell": "mlbench.ps1"} {
		script, err := command(ctx, s.folder, nil, program, "completion", shell)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), script, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// command runs one, with these variables besides those of the environment, and
// returns what it writes.
func command(ctx context.Context, folder string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err), errors.New(strings.TrimSpace(said.String())))
	}
	return out.Bytes(), nil
}

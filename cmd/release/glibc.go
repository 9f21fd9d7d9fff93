package main

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// neededGlibc is the least version of glibc that a program starts with: the
// highest one that its symbols are of.
func neededGlibc(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return "", err
	}
	var versions []string
	for _, s := range symbols {
		if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 {
		return "", fmt.Errorf("%s names no version of glibc", program)
	}
	return slices.MaxFunc(versions, compareVersions), nil
}

// compareVersions compares numbers with dots between.
func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		x, _ := strconv.Atoi(a) // what is no number is before all
		y, _ := strconv.Atoi(b)
		return cmp.Compare(x, y)
	})
}

// withNVML is what a release can, in a few words.
func withNVML(glibc string) string {
	if glibc == "" {
		return "without NVML"
	}
	return "with NVML, glibc " + glibc + " or later"
}

// installText says what to do with an archive.
func installText(p platform, version, glibc string) string {
	needs := "It asks NVIDIA's driver of GPUs where there is one, and needs glibc " + glibc + " or later\n(ldd --version)."
	if glibc == "" {
		needs = "It needs nothing else. Hosts with GPUs are measured on Linux: this one asks no\ndriver of NVIDIA's."
	}
	if p.system == "windows" {
		return fmt.Sprintf("mlbench %s for %s\n\n%s\n\nPut mlbench.exe into a folder of the PATH, and completions\\mlbench.ps1 at the end\nof $PROFILE.\n", version, p, needs)
	}
	return fmt.Sprintf(`mlbench %s for %s

%s

  install -m 755 mlbench /usr/local/bin/
  install -D -m 644 completions/mlbench.bash /usr/local/share/bash-completion/completions/mlbench
  install -D -m 644 completions/_mlbench /usr/local/share/zsh/site-functions/_mlbench
  install -D -m 644 completions/mlbench.fish /usr/local/share/fish/vendor_completions.d/mlbench.fish
  mkdir -p /usr/local/share/man/man1 && cp man/man1/*.1 /usr/local/share/man/man1/
`, version, p, needs)
}

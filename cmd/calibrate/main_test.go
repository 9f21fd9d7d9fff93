package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunWritesTheSameTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var written [2]string
	for i := range written {
		file := filepath.Join(t.TempDir(), "calibration.md")
		var out, errs strings.Builder
		if code := run(t.Context(), &out, &errs, []string{"-o", file, "-repetitions", "1", "-seed", "3"}); code != 0 || out.Len() > 0 {
			t.Fatalf("exit code %d: %s%s", code, &errs, &out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written[i] = string(b)
	}
	if written[0] != written[1] || !strings.Contains(written[0], "seed 3, 1 comparisons") {
		t.Errorf("%s\n\nthen\n\n%s", written[0], written[1])
	}
}

func TestRunNights(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var out, errs strings.Builder
	if code := run(t.Context(), &out, &errs, []string{"-nights", "-years", "1"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	if !strings.Contains(out.String(), "nightly: false alerts in a year of an image") {
		t.Error(out.String())
	}
}

func TestRunUsage(t *testing.T) {
	for _, args := range [][]string{
		{"-repetitions", "0"}, {"more"}, {"-nights", "-years", "0"}, {"-unknown"}, {"-traces", "no/such/*.json"},
	} {
		var out, errs strings.Builder
		if code := run(t.Context(), &out, &errs, args); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: exit code %d, %s", args, code, &errs)
		}
	}
}

package report

import (
	stdbytes "bytes"
	"regexp"
	"strings"
	"testing"

	"mlbench/runner"
)

var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestColouredTextIsTheSame: of every golden's result, without the colours.
func TestColouredTextIsTheSame(t *testing.T) {
	painted := 0
	for _, f := range fixtures {
		r := f.result(t)
		var plain, colour stdbytes.Buffer
		if err := Text(&plain, r); err != nil {
			t.Fatal(err)
		}
		if err := Text(Coloured(&colour), r); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plain.String(), "\x1b") {
			t.Errorf("%s: coloured where nobody asked", f.name)
		}
		painted += len(ansi.FindAll(colour.Bytes(), -1)) / 2
		if bare := ansi.ReplaceAllString(colour.String(), ""); bare != plain.String() {
			t.Errorf("%s: the text differs:\n%s\n%s", f.name, bare, &plain)
		}
		var json stdbytes.Buffer
		if err := JSON(Coloured(&json), r); err != nil || strings.Contains(json.String(), "\x1b") {
			t.Errorf("%s: JSON has colours, or %v", f.name, err)
		}
	}
	if painted < len(fixtures) {
		t.Errorf("only %d words are coloured", painted)
	}
}

// TestColourIsNotAllThatTells: what is bad is bold too, and no verdict is green.
func TestColourIsNotAllThatTells(t *testing.T) {
	for word, want := range map[string]string{
		"fail": "1;31", "regression": "1;31", "missing": "1;31", "high": "1;31", "inconclusive": "33", "poor": "33", "warn": "33",
		"pass": "34", "good": "34", "faster": "34", "unknown": "", "": "",
	} {
		if got := paint(word); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
	var b stdbytes.Buffer
	// Words that stand elsewhere are somebody else's.
	found := []runner.Finding{{Subject: "pass", Grade: runner.Missing, Found: "fail"}}
	if err := Findings(Coloured(&b), found); err != nil {
		t.Fatal(err)
	}
	if got := ansi.FindAllString(b.String(), -1); len(got) != 2 || !strings.Contains(b.String(), "\x1b[1;31mmissing\x1b[0m") {
		t.Errorf("%q", b.String())
	}
}

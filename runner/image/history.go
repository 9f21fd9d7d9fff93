package image

import (
	"regexp"
	"strings"
)

var (
	noOp      = regexp.MustCompile(`^/bin/sh -c #\(nop\)\s*`)
	shell     = regexp.MustCompile(`^(?:/[a-z/]+/)?(?:ba|a|da|z)?sh (?:-[a-z]*o \w+ )?-[a-z]*c `)
	arguments = regexp.MustCompile(`(?s)^\|\d+ (.*?)(?:/[a-z/]+/)?(?:ba|a|da|z)?sh (?:-[a-z]*o \w+ )?-[a-z]*c `)
)

// Instruction is a line of an image's history as its Dockerfile had it: the
// classic builder, BuildKit, Buildah and Kaniko write their own words around it.
func Instruction(createdBy string) string {
	line, _ := split(createdBy)
	return line
}

// split is the instruction of a line of history and the build arguments that
// were set for it, as they were written: NAME=value NAME=value.
func split(createdBy string) (line, args string) {
	line = strings.TrimSpace(createdBy)
	line = strings.TrimSpace(strings.TrimSuffix(line, "# buildkit"))
	if loc := noOp.FindStringIndex(line); loc != nil {
		return line[loc[1]:], ""
	}
	rest, isRun := strings.CutPrefix(line, "RUN ")
	if m := arguments.FindStringSubmatchIndex(rest); m != nil {
		return "RUN " + strings.TrimSpace(rest[m[1]:]), strings.TrimSpace(rest[m[2]:m[3]])
	}
	if loc := shell.FindStringIndex(rest); loc != nil {
		return "RUN " + strings.TrimSpace(rest[loc[1]:]), ""
	}
	if isRun {
		return "RUN " + strings.TrimSpace(rest), ""
	}
	return line, ""
}

// copies reports whether an instruction copies files in.
func copies(instruction string) bool {
	return strings.HasPrefix(instruction, "COPY ") || strings.HasPrefix(instruction, "ADD ")
}

// longDigest is what the classic builder names what it copies by.
var longDigest = regexp.MustCompile(`\b((?:file|dir|multi|sha256):[0-9a-f]{12})[0-9a-f]{20,}\b`)

// line is what made a layer, for people: on one line, without secrets.
func line(createdBy string) string {
	s := Redacted(Instruction(createdBy[:min(len(createdBy), longHistory)]))
	return strings.Join(strings.Fields(longDigest.ReplaceAllString(s, "$1…")), " ")
}

// told is that as findings show it: not too long.
func told(createdBy string) string {
	if createdBy == "" {
		return "a layer without history"
	}
	s := line(createdBy)
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// longHistory is how much of one line is looked at, in bytes: hostile images
// have lines of any length.
const longHistory = 64 << 10

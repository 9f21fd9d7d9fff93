package image

import (
	"regexp"
	"strings"
)

// What builders put around a line of a Dockerfile before they write it into the
// history: the classic one has the shell's call for it and #(nop) where nothing
// was run, BuildKit the instruction and a comment.
var (
	buildkitComment = regexp.MustCompile(`\s*# buildkit$`)
	notRun          = regexp.MustCompile(`^/bin/sh -c #\(nop\)\s*`)
	runOfBuildkit   = regexp.MustCompile(`^RUN\s+`)
	shellCall       = regexp.MustCompile(`^/(?:usr/)?bin/(?:a|ba|da|z)?sh(?:\s+-[a-z]+|\s+pipefail)*\s+-[a-z]*c\s+`)
	buildArgs       = regexp.MustCompile(`^\|\d+\s`)
	longDigest      = regexp.MustCompile(`\b((?:file|dir|multi|sha256):[0-9a-f]{12})[0-9a-f]{20,}\b`)
)

// Instruction is a line of an image's history as it stood in the Dockerfile, as
// far as that can be told: on one line, without what the builder added. The
// values of build arguments are left out: some are secrets.
func Instruction(createdBy string) string {
	s := strings.TrimSpace(createdBy)
	s = buildkitComment.ReplaceAllString(s, "")
	if at := notRun.FindStringIndex(s); at != nil {
		s = s[at[1]:]
	} else {
		command := runOfBuildkit.ReplaceAllString(s, "")
		ran := command != s
		if buildArgs.MatchString(command) {
			ran = true
			command = withoutArgs(command)
		}
		if at := shellCall.FindStringIndex(command); at != nil {
			ran = true
			command = command[at[1]:]
		}
		if s = command; ran {
			s = "RUN " + command
		}
	}
	s = longDigest.ReplaceAllString(s, "$1…")
	return strings.Join(strings.Fields(s), " ")
}

// withoutArgs takes from "|2 A=1 B=x y /bin/sh -c make" all before the shell:
// values may have spaces in them, so nothing else says where they end.
func withoutArgs(command string) string {
	for i, c := range command {
		if c == ' ' {
			if rest := command[i+1:]; shellCall.MatchString(rest) {
				return rest
			}
		}
	}
	return "…"
}

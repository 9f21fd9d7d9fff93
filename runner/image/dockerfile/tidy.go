package dockerfile

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"mlbench/runner/image"
)

const maxText = 160 // characters of a line that are shown

var (
	continuation = regexp.MustCompile("[\\\\`][ \t]*\r?\n")
	space        = regexp.MustCompile(`\s+`)
	login        = regexp.MustCompile(`(://)[^/\s@]+@`) // be it a name, or a token that is as short
)

// tidy puts a command on one line for people: short, of valid UTF-8, and with
// no secret in it.
func tidy(text string) string {
	if len(text) > 8*maxText { // no more of it can show
		text = text[:8*maxText]
	}
	text = strings.ToValidUTF8(text, "�")
	text = space.ReplaceAllString(continuation.ReplaceAllString(text, " "), " ")
	text = login.ReplaceAllString(image.Redacted(text), "${1}***@")
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), `\`))
	if utf8.RuneCountInString(text) > maxText {
		text = string([]rune(text)[:maxText-1]) + "…"
	}
	return text
}

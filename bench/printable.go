package bench

import (
	"strings"
	"unicode"
)

// Printable replaces what could move a terminal's cursor, hide text or turn
// its direction by U+FFFD: names and log lines come from whoever made the
// image.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case ' ' <= c && c <= '~': // most of it
			return c
		case c == '\t':
			return ' '
		case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return unicode.ReplacementChar
		}
		return c
	}, s)
}

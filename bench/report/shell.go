package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainInShell are the characters that no shell takes for anything else,
// anywhere in a word but at its beginning.
const plainInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@%+="

// shellLine writes words as a line that a POSIX shell reads as just these. A
// word with what cannot be printed, or is not UTF-8, is written as $'…', as
// bash, zsh, ksh and POSIX.1-2024 have it, so that the line is always one line
// and shows all that it holds.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellWord(word)
	}
	return strings.Join(quoted, " ")
}

func shellWord(word string) string {
	if word != "" && strings.Trim(word, plainInShell) == "" && !strings.Contains(word, "=") {
		return word
	}
	if flag, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "--") && strings.Trim(flag+value, plainInShell) == "" {
		return word // --name=value
	}
	visible := utf8.ValidString(word) && strings.IndexFunc(word, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
	if visible {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i, c := range word {
		_, size := utf8.DecodeRuneInString(word[i:])
		switch {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == utf8.RuneError && size == 1 || c < utf8.RuneSelf && !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\%03o`, word[i]) // three digits always: no character after it is taken for one more
		case unicode.IsPrint(c):
			b.WriteRune(c)
		default:
			for _, x := range []byte(string(c)) {
				fmt.Fprintf(&b, `\%03o`, x)
			}
		}
	}
	return b.String() + "'"
}

package installed

import "strings"

// Apk reads Alpine's lib/apk/db/installed: lines of a letter and a value, an
// empty line between packages.
func Apk(content string) []Package {
	var all []Package
	left := newRoom(len(content))
	for content != "" && len(all) < maxPackages {
		var paragraph string
		paragraph, content, _ = strings.Cut(content, "\n\n")
		var p Package
		dir := ""
		for line := range lines(paragraph) {
			key, value, _ := strings.Cut(line, ":")
			switch key {
			case "P":
				p.Name = value
			case "V":
				p.Version = value
			case "A":
				p.Arch = value
			case "o":
				p.Source = value
			case "D":
				for need := range strings.FieldsSeq(value) {
					if !strings.HasPrefix(need, "!") && left.value() { // no conflict
						p.Needs = append(p.Needs, []string{bare(need)})
					}
				}
			case "p":
				for feature := range strings.FieldsSeq(value) {
					if left.value() {
						p.Provides = append(p.Provides, bare(feature))
					}
				}
			case "F":
				dir = value + "/"
			case "R":
				if path, ok := left.path(dir, value); ok {
					p.Files = append(p.Files, path)
				}
			}
		}
		if p.named() {
			all = append(all, p)
		}
	}
	return all
}

// World reads Alpine's etc/apk/world: what was asked for.
func World(content string) []string {
	var names []string
	for name := range strings.FieldsSeq(content) {
		names = append(names, bare(name))
	}
	return names
}

// bare is a name without the version that is wanted of it.
func bare(need string) string {
	if i := strings.IndexAny(need, "=<>~@"); i > 0 {
		need = need[:i]
	}
	return need
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

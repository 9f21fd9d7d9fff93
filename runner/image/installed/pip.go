package installed

import (
	"encoding/json"
	"iter"
	"net/url"
	"strings"
)

// Record reads a RECORD (packaging.python.org, "Recording installed projects"):
// the paths, relative to the folder of the .dist-info.
func Record(content string) iter.Seq[string] {
	return func(yield func(path string) bool) {
		for line := range lines(content) {
			if path := firstField(line); path != "" && len(path) <= maxPath && !yield(path) {
				return
			}
		}
	}
}

// firstField is the first one of a line of comma-separated values. No path of a
// package has a line break, so that lines are whole.
func firstField(line string) string {
	if !strings.HasPrefix(line, `"`) {
		path, _, _ := strings.Cut(line, ",")
		return path
	}
	var b strings.Builder
	for rest := line[1:]; ; {
		part, after, ok := strings.Cut(rest, `"`)
		b.WriteString(part)
		if !ok || !strings.HasPrefix(after, `"`) {
			return b.String()
		}
		b.WriteByte('"')
		rest = after[1:]
	}
}

// Metadata reads a METADATA or PKG-INFO: name, version, and needs without those
// of extras. Names are normalised, as PEP 503 says.
func Metadata(content string) Package {
	var p Package
	// What follows the first empty line is the description, and may look like
	// fields.
	head, _, _ := strings.Cut(strings.ReplaceAll(content, "\r\n", "\n"), "\n\n")
	for line := range lines(head) {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch {
		case strings.EqualFold(name, "Name"):
			p.Name = Normal(value)
		case strings.EqualFold(name, "Version"):
			p.Version = value
		case strings.EqualFold(name, "Requires-Dist"):
			if need := requirement(value); need != "" {
				p.Needs = append(p.Needs, []string{need})
			}
		}
	}
	return p
}

// Requires reads an egg's requires.txt: needs up to the first section, as the
// sections are extras.
func Requires(content string) (needs [][]string) {
	head, _, _ := strings.Cut("\n"+content, "\n[")
	for line := range lines(head) {
		if need := requirement(line); need != "" {
			needs = append(needs, []string{need})
		}
	}
	return needs
}

// requirement is the name in e.g. `Foo.Bar[x] (>=1.2) ; python_version < "3.8"`,
// "" where only an extra needs it.
func requirement(line string) string {
	name, marker, _ := strings.Cut(line, ";")
	if strings.Contains(marker, "extra") {
		return ""
	}
	name = strings.TrimSpace(name)
	if i := strings.IndexAny(name, " [(<>=!~@"); i >= 0 {
		name = name[:i]
	}
	return Normal(name)
}

// Normal is a Python distribution's name as PEP 503 normalises it.
func Normal(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	var b strings.Builder
	dash := false
	for i := range len(name) {
		if c := name[i]; c == '-' || c == '_' || c == '.' {
			dash = true
			continue
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// Editable reads a direct_url.json: the folder that a package is run from
// instead of having been copied, "" where it was.
func Editable(content []byte) string {
	var direct struct {
		URL string `json:"url"`
		Dir struct {
			Editable bool `json:"editable"`
		} `json:"dir_info"`
	}
	if json.Unmarshal(content, &direct) != nil || !direct.Dir.Editable {
		return ""
	}
	u, err := url.Parse(direct.URL)
	if err != nil || u.Scheme != "file" {
		return ""
	}
	return u.Path
}

package installed

import (
	"iter"
	"strings"
)

// Dpkg reads dpkg's status, or a file of a distroless image's status.d. Files
// are in lists of their own: see List.
func Dpkg(status string) []Package {
	var all []Package
	left := newRoom(len(status))
	paragraphs(status, func(field func(name string) string) {
		p := Package{
			Name: field("Package"), Version: field("Version"), Arch: field("Architecture"),
			Needs:      append(relations(field("Pre-Depends"), left), relations(field("Depends"), left)...),
			Recommends: relations(field("Recommends"), left),
			Essential:  field("Essential") == "yes" || field("Priority") == "required",
		}
		if !p.named() || len(all) == maxPackages {
			return
		}
		p.Source, _, _ = strings.Cut(field("Source"), " ")
		for _, alternatives := range relations(field("Provides"), left) {
			p.Provides = append(p.Provides, alternatives...)
		}
		if state := field("Status"); state != "" && !strings.HasSuffix(state, " installed") {
			p.Removed = true
		}
		all = append(all, p)
	})
	return all
}

// AutoInstalled reads apt's extended_states: the packages that nobody asked for
// but other packages, as NAME:ARCH and as NAME. Those of architecture "all" are
// in it by that of the system.
func AutoInstalled(states string) map[string]bool {
	auto := make(map[string]bool)
	paragraphs(states, func(field func(name string) string) {
		if name := field("Package"); name != "" && field("Auto-Installed") == "1" {
			auto[name], auto[name+":"+field("Architecture")] = true, true
		}
	})
	return auto
}

// List reads one of dpkg's lists of a package's paths, or a list of checksums,
// of which the paths come second.
func List(content string) iter.Seq[string] {
	return func(yield func(path string) bool) {
		for path := range lines(content) {
			if !strings.HasPrefix(path, "/") {
				sum, name, ok := strings.Cut(path, "  ")
				if !ok || len(sum) != 32 {
					continue
				}
				path = name
			}
			if len(path) <= maxPath && !yield(path) {
				return
			}
		}
	}
}

// A Diversion says that what packages other than By bring to From is put at To.
type Diversion struct{ From, To, By string }

// Diversions reads dpkg's diversions. A local one, of no package, has ":" in By.
func Diversions(content string) []Diversion {
	var all []Diversion
	var d []string
	for line := range lines(content) {
		if d = append(d, line); len(d) == 3 {
			all = append(all, Diversion{d[0], d[1], d[2]})
			d = d[:0]
		}
		if len(all) == maxPackages {
			break
		}
	}
	return all
}

// paragraphs calls f with each paragraph of Debian's control format. Of folded
// fields, f sees the first line: none that is asked for here is folded.
func paragraphs(text string, f func(field func(name string) string)) {
	for text != "" {
		paragraph, rest, _ := strings.Cut(text, "\n\n")
		text = strings.TrimLeft(rest, "\n")
		f(func(name string) string {
			for line := range strings.Lines(paragraph) {
				if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(line[:len(name)], name) {
					return strings.TrimSpace(line[len(name)+1:])
				}
			}
			return ""
		})
	}
}

// relations reads e.g. "libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0,
// python3:any", without versions and architectures: what is installed has been
// found good by the package manager.
func relations(field string, left *room) [][]string {
	if field == "" {
		return nil
	}
	var all [][]string
	for need := range strings.SplitSeq(field, ",") {
		var alternatives []string
		for name := range strings.SplitSeq(need, "|") {
			name = strings.TrimSpace(name)
			if i := strings.IndexAny(name, " (:["); i >= 0 {
				name = name[:i]
			}
			if name != "" && left.value() {
				alternatives = append(alternatives, name)
			}
		}
		if alternatives != nil {
			all = append(all, alternatives)
		}
	}
	return all
}

package image

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	worth    = 1_000_000 // bytes; less than that is not worth a reader's line
	longest  = 10        // lines of evidence
	longLine = 160       // bytes of foreign text in one
)

// A survey is an image while it is checked.
type survey struct {
	x *Index
	o *Owners

	counted []bool        // by place in x.Files: a finding has its bytes
	names   map[int][]int // places of the further names of one file, by the place that bears its size
	links   links
	layers  []string // as findings name them

	reasons      map[Owner]string
	environments map[string]bool // folders of Python environments: may the service run there?
}

func newSurvey(x *Index, o *Owners) *survey {
	s := &survey{
		x: x, o: o, counted: make([]bool, len(x.Files)), names: make(map[int][]int), links: newLinks(x),
		layers: make([]string, len(x.Layers)), reasons: make(map[Owner]string), environments: make(map[string]bool),
	}
	for _, reason := range x.Reasons(o) {
		for _, p := range reason.Packages {
			s.reasons[p.Owner] = reason.Name
		}
	}
	for i, f := range x.Files {
		if f.Kind != HardLink {
			continue
		}
		if bearer, ok := x.find(f.Layer, f.Link); ok && x.Files[bearer].Kind == Regular {
			s.names[bearer] = append(s.names[bearer], i)
		}
	}
	return s
}

// packaged reports whether a package manager brought the file.
func (s *survey) packaged(i int) bool { return s.o.Of(i).Kind.IsPackage() }

// env is a variable's value, "" where it is not set.
func (s *survey) env(name string) string {
	for _, env := range s.x.Config.Run.Env {
		if value, ok := strings.CutPrefix(env, name+"="); ok {
			return value
		}
	}
	return ""
}

// A haul is what a check gathers: files, under names to show them by.
type haul struct {
	s     *survey
	files []int
	named []string // as files
}

func (s *survey) haul() *haul { return &haul{s: s} }

// add takes a file, unless an earlier check has counted it.
func (h *haul) add(name string, i int) {
	if f := h.s.x.Files[i]; !h.s.counted[i] && !f.isFolder() && f.Kind != Whiteout {
		h.files, h.named = append(h.files, i), append(h.named, name)
	}
}

// finding is made of the haul: its bytes and its names, the heaviest first; nil
// where there are fewer bytes than these.
func (h *haul) finding(least int64) *Finding {
	taken := make(map[int]bool, len(h.files))
	for _, i := range h.files {
		taken[i] = true
	}
	weights, done := make(map[string]*weight), make(map[int]bool, len(h.files))
	var sum int64
	for n, i := range h.files {
		w := weights[h.named[n]]
		if w == nil {
			w = &weight{name: h.named[n]}
			weights[w.name] = w
		}
		w.files++
		if done[i] || !h.all(i, taken) {
			continue // twice in the haul, or it lives on under another name
		}
		done[i] = true
		w.bytes += h.s.x.Files[i].Size
		sum += h.s.x.Files[i].Size
	}
	if len(h.files) == 0 || sum < least {
		return nil
	}
	for i := range done {
		h.s.counted[i] = true
	}
	return &Finding{Bytes: sum, Evidence: heaviest(weights)}
}

// all reports whether all names of a file are taken, so that it would go.
func (h *haul) all(i int, taken map[int]bool) bool {
	for _, name := range h.s.names[i] {
		if !taken[name] && !h.s.counted[name] {
			return false
		}
	}
	return true
}

type weight struct {
	name  string
	bytes int64
	files int
}

// heaviest are lines of evidence.
func heaviest(weights map[string]*weight) []string {
	all := slices.SortedFunc(maps.Values(weights), func(a, b *weight) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(b.files, a.files), strings.Compare(a.name, b.name))
	})
	var lines []string
	for i, w := range all {
		if w.bytes == 0 && all[0].bytes > 0 {
			break // the others are what the finding weighs
		}
		if i == longest {
			var rest int64
			for _, w := range all[i:] {
				rest += w.bytes
			}
			lines = append(lines, fmt.Sprintf("and %d more, %s", len(all)-i, size(rest)))
			break
		}
		line := short(w.name) + ": " + size(w.bytes)
		if w.files > 1 {
			line += fmt.Sprintf(" in %d files", w.files)
		}
		lines = append(lines, line)
	}
	return lines
}

// cut are lines of evidence that have no weight.
func cut(lines []string) []string {
	if len(lines) <= longest {
		return lines
	}
	return append(slices.Clone(lines[:longest]), fmt.Sprintf("and %d more", len(lines)-longest))
}

// short is the beginning of foreign text.
func short(s string) string {
	if len(s) <= longLine {
		return s
	}
	end := longLine
	for end > longLine-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// size says bytes as people do; MB is 10⁶ bytes.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e5:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

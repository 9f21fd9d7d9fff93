package explain

import (
	"bytes"
	"strconv"
	"strings"

	"mlbench/stats"
)

// Limits of a log of imports. PyTorch with Transformers imports some 6,000
// modules, twenty deep or thirty.
const (
	maxImports = 200_000
	maxDepth   = 500
	maxName    = 300 // bytes of a module's name
	maxTime    = 1e12
)

// An imported is one line of a log of imports: a module, and what was imported
// for the first time by it.
type imported struct {
	name       string
	self       float64 // microseconds in the module itself
	cumulative float64 // and in what it imports for the first time
	children   []*imported
}

// top is the module's top-level package.
func (m *imported) top() string {
	top, _, _ := strings.Cut(m.name, ".")
	return top
}

// An importLog is what Python says of its imports where PYTHONPROFILEIMPORTTIME
// is set (Python/import.c, since 3.7): a line to the standard error for each
// import that is over, indented by two spaces for each import that it is in.
type importLog struct {
	roots   []*imported
	lines   int // imports
	headers int // one by each Python that began; 0 where the beginning is missing
	broken  int // lines that say they are of imports and cannot be read
	mixed   int // imports whose times do not add up: several threads or processes wrote at once
	cut     bool
}

const (
	importMark   = "import time:"
	importHeader = "self [us]"
)

// parseImports finds the imports in what a program wrote, among all else that
// it wrote. It never fails: what is no import is passed over.
func parseImports(log []byte) *importLog {
	l := new(importLog)
	var open []level // imports whose importer is not known yet
	for len(log) > 0 {
		var line []byte
		line, log, _ = bytes.Cut(log, []byte{'\n'})
		// What is printed without an end of line stands before it.
		at := bytes.LastIndex(line, []byte(importMark))
		if at < 0 {
			continue
		}
		text := string(line[at+len(importMark):])
		if strings.HasPrefix(strings.TrimSpace(text), importHeader) {
			l.headers++
			continue
		}
		m, depth, ok := parseImport(text)
		if !ok {
			l.broken++
			continue
		}
		if l.lines == maxImports {
			l.cut = true
			break
		}
		l.lines++
		open = l.adopt(open, m, depth)
		open = append(open, level{m, depth})
	}
	for _, o := range open {
		l.roots = append(l.roots, o.imported)
	}
	return l
}

type level struct {
	*imported
	depth int
}

// adopt gives an import what was imported in it: all deeper lines since the
// last one that is not.
func (l *importLog) adopt(open []level, m *imported, depth int) []level {
	first := len(open)
	sum := 0.0
	for first > 0 && open[first-1].depth > depth {
		first--
		sum += open[first].cumulative
	}
	if first == len(open) {
		if !adds(m.self, m.cumulative, 0) {
			l.mixed++
		}
		return open
	}
	for _, child := range open[first:] {
		m.children = append(m.children, child.imported)
	}
	if !adds(m.self+sum, m.cumulative, len(m.children)) {
		l.mixed++
	}
	return open[:first]
}

// adds reports whether times agree that were rounded so many times.
func adds(sum, whole float64, parts int) bool {
	most := float64(parts + 2)
	return sum-whole <= most && whole-sum <= most
}

// parseImport reads "  self | cumulative |   name".
func parseImport(text string) (m *imported, depth int, ok bool) {
	self, rest, ok1 := strings.Cut(text, "|")
	cumulative, name, ok2 := strings.Cut(rest, "|")
	if !ok1 || !ok2 {
		return nil, 0, false
	}
	m = new(imported)
	var err1, err2 error
	m.self, err1 = microseconds(self)
	m.cumulative, err2 = microseconds(cumulative)
	name = strings.TrimRight(name, "\r \t")
	m.name = strings.TrimLeft(name, " ")
	indent := len(name) - len(m.name) - 1
	if err1 != nil || err2 != nil || m.name == "" || len(m.name) > maxName || indent < 0 || indent > 2*maxDepth {
		return nil, 0, false
	}
	return m, indent / 2, true
}

func microseconds(s string) (float64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err == nil && (n < 0 || n > maxTime) {
		err = strconv.ErrRange
	}
	return float64(n), err
}

// steady makes one log of those of several starts of the same program: each
// import takes its own modules' median, as one start alone tells more of what
// else the host did meanwhile. Who imports what is as in the first.
func steady(logs []*importLog) *importLog {
	times := make(map[string][][]float64) // by name, and by how often it was named before
	for _, l := range logs {
		seen := make(map[string]int)
		each(l.roots, func(m *imported) {
			n := seen[m.name]
			seen[m.name]++
			if n == len(times[m.name]) {
				times[m.name] = append(times[m.name], nil)
			}
			times[m.name][n] = append(times[m.name][n], m.self)
		})
	}
	seen := make(map[string]int)
	each(logs[0].roots, func(m *imported) {
		m.self = stats.Median(times[m.name][seen[m.name]])
		seen[m.name]++
		m.cumulative = m.self
		for _, child := range m.children {
			m.cumulative += child.cumulative
		}
	})
	return logs[0]
}

// each visits all imports, the imported before who imports it.
func each(among []*imported, visit func(*imported)) {
	for _, m := range among {
		each(m.children, visit)
		visit(m)
	}
}

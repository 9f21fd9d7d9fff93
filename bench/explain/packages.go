package explain

import (
	"cmp"
	"slices"
	"strings"

	"mlbench/runner/image"
)

// A Package is what importing one top-level package took in the profiled start.
// A module that several processes import counts once, for the slowest.
type Package struct {
	Name    string `json:"name"`
	Modules int    `json:"modules"`

	// SelfMS is the time in its own modules, and CumulativeMS that of its
	// outermost imports with all that they are the first to import, less what
	// the application imports in them. AloneMS is that less packages which are
	// in the image for others' sake too: those who import them next would be
	// the first then.
	SelfMS       float64 `json:"self_ms"`
	AloneMS      float64 `json:"alone_ms"`
	CumulativeMS float64 `json:"cumulative_ms"`

	By    string       `json:"by,omitempty"`    // the top-level package that imports it; "" where it is the program's start
	Owner *image.Owner `json:"owner,omitempty"` // nil where it is not known
	Kind  ModuleKind   `json:"kind,omitempty"`
}

// ModuleKind says where a package is from.
type ModuleKind string

// The kinds; "" is not known.
const (
	Standard    ModuleKind = "python"      // the standard library and what is built in
	Installed   ModuleKind = "installed"   // in site-packages or dist-packages
	Application ModuleKind = "application" // the image's author's own
)

// A source is where a top-level package is from.
type source struct {
	owner  *image.Owner
	kind   ModuleKind
	shared bool // it is in the image for the sake of several, or of nothing that is known
}

// packages adds up the imports by top-level package, the largest first.
func packages(roots []*imported, sources map[string]source) []Package {
	s := sums{
		sources: sources, self: make(map[string]map[string]float64),
		outermost: make(map[string]map[string]first), inside: make(map[string]int),
	}
	for _, m := range roots {
		s.walk(m, "")
	}
	var all []Package
	for top, modules := range s.self {
		p := Package{Name: top, Modules: len(modules), Owner: sources[top].owner, Kind: sources[top].kind}
		for _, us := range modules {
			p.SelfMS += us / 1000
		}
		longest := -1.0
		for _, f := range s.outermost[top] {
			p.CumulativeMS += f.us / 1000
			p.AloneMS += f.alone / 1000
			if f.us > longest || f.us == longest && f.by < p.By {
				longest, p.By = f.us, f.by
			}
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Package) int {
		return cmp.Or(cmp.Compare(b.AloneMS, a.AloneMS), cmp.Compare(b.CumulativeMS, a.CumulativeMS), strings.Compare(a.Name, b.Name))
	})
	return all
}

// A first is an import of a package in which nothing else of it is imported
// further out.
type first struct {
	us, alone float64
	by        string
}

type sums struct {
	sources   map[string]source
	self      map[string]map[string]float64 // by top-level package and module
	outermost map[string]map[string]first   // likewise
	inside    map[string]int                // packages that the walk is in
}

// walk adds up one import and what is in it, and returns what of its time is
// others': the time that the application's own modules took in it (servers
// import the application, and it all else, so that what stands above would
// always be the largest), and that of packages that several share.
func (s *sums) walk(m *imported, by string) (application, shared float64) {
	top := m.top()
	from := s.sources[top]
	outermost := s.inside[top] == 0
	outside := s.inside
	if from.kind == Application {
		s.inside = make(map[string]int) // what it imports is nobody else's doing
	}
	s.inside[top]++
	for _, child := range m.children {
		a, b := s.walk(child, top)
		application, shared = application+a, shared+b
	}
	s.inside[top]--
	s.inside = outside

	if s.self[top] == nil {
		s.self[top], s.outermost[top] = make(map[string]float64), make(map[string]first)
	}
	s.self[top][m.name] = max(s.self[top][m.name], m.self)
	f := first{us: max(m.cumulative-application, 0), by: by}
	f.alone = max(f.us-shared, 0)
	if from.kind == Application {
		application, shared = m.cumulative, 0
		f.us, f.alone = m.cumulative, m.cumulative
	}
	if !outermost {
		return application, shared
	}
	if before, ok := s.outermost[top][m.name]; !ok || f.us > before.us {
		s.outermost[top][m.name] = f
	}
	if from.shared {
		shared = f.us
	}
	return application, shared
}

// A Module is an import in the tree.
type Module struct {
	Name         string   `json:"name"`
	SelfMS       float64  `json:"self_ms"`
	CumulativeMS float64  `json:"cumulative_ms"`
	Imports      []Module `json:"imports,omitempty"` // for the first time; the small ones left out
}

// pruned is the tree without imports that take less than so many microseconds.
func pruned(roots []*imported, least float64) []Module {
	var out []Module
	for _, m := range roots {
		if m.cumulative >= least {
			out = append(out, Module{m.name, m.self / 1000, m.cumulative / 1000, pruned(m.children, least)})
		}
	}
	return out
}

package explain

import (
	"path"
	"slices"
	"strings"

	"mlbench/runner/image"
)

// sourcesOf finds whom top-level packages belong to. Which of several files of
// one name a program imports depends on its sys.path; what is known of that
// from outside is its order: the program's own folder and PYTHONPATH, the
// standard library, what was installed.
func sourcesOf(roots []*imported, x *image.Index, o *image.Owners, reasons map[image.Owner]string) map[string]source {
	found := make(map[string]place)
	each(roots, func(m *imported) { found[m.top()] = place{rank: notFound} })
	own := ownFolders(x.Config.Run)
	folders := make(map[string]int) // how many packages are in it
	candidates := make(map[string][]place)
	for i, f := range x.Files {
		if f.Kind != image.Regular || !f.Visible() {
			continue
		}
		top, folder, r := moduleOf(f.Path, own)
		if r == notFound && o.Of(i).Kind == image.Application {
			top, folder, r = elsewhere(f.Path)
		}
		if _, wanted := found[top]; wanted && r != notFound {
			candidates[top] = append(candidates[top], place{i, folder, r})
			folders[folder]++
		}
	}
	sources := make(map[string]source)
	for top := range found {
		best := place{rank: notFound}
		for _, p := range candidates[top] {
			if p.rank < best.rank || p.rank == best.rank && folders[p.folder] > folders[best.folder] {
				best = p
			}
		}
		from := best.source(top, o)
		if from.owner != nil && from.kind == Installed {
			from.shared = slices.Contains(sharing, reasons[*from.owner])
		}
		sources[top] = from
	}
	return sources
}

// sharing are the reasons that are no one package's.
var sharing = []string{image.ReasonShared, image.ReasonSharedPip, image.ReasonRecommended, image.ReasonToolchain, image.ReasonOther}

type rank int

// The order of sys.path.
const (
	programs rank = iota
	standard
	installed
	foreign // somewhere else, where only the program knows of it
	notFound
)

// A place is a file that may be a top-level package's.
type place struct {
	file   int // in the index
	folder string
	rank   rank
}

func (p place) source(top string, o *image.Owners) source {
	if p.rank == notFound {
		if strings.HasPrefix(top, "_") || strings.Contains(builtIn, " "+top+" ") {
			return source{kind: Standard}
		}
		return source{}
	}
	owner := o.Of(p.file)
	s := source{owner: &owner, kind: Installed}
	switch {
	case p.rank == standard:
		s.kind = Standard
	case owner.Kind == image.Application, p.rank == programs, p.rank == foreign:
		s.kind = Application
	}
	return s
}

// builtIn are the modules without underscore that are in the interpreter itself
// (sys.builtin_module_names of Python 3.8 to 3.14, and what it names frozen).
const builtIn = " array atexit binascii builtins cmath errno faulthandler fcntl gc grp itertools marshal math posix pwd pyexpat select spwd syslog sys time unicodedata xxsubtype zipimport zlib "

// ownFolders are those that a program's own modules are in, by path.
func ownFolders(r image.Run) map[string]bool {
	own := map[string]bool{r.Folder(): true}
	for _, e := range r.Env {
		if list, ok := strings.CutPrefix(e, "PYTHONPATH="); ok {
			for _, folder := range strings.Split(list, ":") {
				own[strings.Trim(path.Clean("/"+folder), "/")] = true
			}
		}
	}
	for _, arg := range append(r.Entrypoint, r.Cmd...) {
		if strings.HasPrefix(arg, "/") && strings.HasSuffix(arg, ".py") {
			own[strings.Trim(path.Dir(path.Clean(arg)), "/")] = true
		}
	}
	delete(own, "") // the root is no folder of modules
	return own
}

// moduleOf is the top-level package that a file would be of, the folder on
// sys.path that it would be found in, and where that stands in it.
func moduleOf(file string, own map[string]bool) (top, folder string, r rank) {
	if i := strings.LastIndex(file, "-packages/"); i >= 0 {
		folder = file[:i+len("-packages")]
		return stem(file[len(folder)+1:]), folder, installed
	}
	for at := 0; ; at++ { // the outermost folder that is the program's
		i := strings.IndexByte(file[at:], '/')
		if i < 0 {
			break
		}
		at += i
		if own[file[:at]] {
			return stem(file[at+1:]), file[:at], programs
		}
	}
	folder, rest := standardLibrary(file)
	if folder == "" {
		return "", "", notFound
	}
	return stem(rest), folder, standard
}

// elsewhere is what moduleOf is, of a file in a folder that nothing names.
func elsewhere(file string) (top, folder string, r rank) {
	folder, base := path.Split(file)
	folder = strings.TrimSuffix(folder, "/")
	if base == "__init__.py" {
		folder, base = path.Split(folder)
		return base, strings.TrimSuffix(folder, "/"), foreign
	}
	if top = stem(base); top == "" {
		return "", "", notFound
	}
	return top, folder, foreign
}

// standardLibrary splits …/lib/python3.11/REST.
func standardLibrary(file string) (folder, rest string) {
	at := strings.Index(file, "lib/python")
	if at < 0 {
		return "", ""
	}
	end := strings.IndexByte(file[at+len("lib/"):], '/')
	if end < 0 {
		return "", ""
	}
	folder = file[:at+len("lib/")+end]
	return folder, strings.TrimPrefix(file[len(folder)+1:], "lib-dynload/")
}

// stem is the name by which a path's first part is imported; "" where it is not.
func stem(rest string) string {
	first, _, inside := strings.Cut(rest, "/")
	if inside {
		return first
	}
	switch path.Ext(first) {
	case ".py", ".so", ".pyc":
		name, _, _ := strings.Cut(first, ".") // _x.cpython-311-x86_64-linux-gnu.so
		return name
	}
	return ""
}

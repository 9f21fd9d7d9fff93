package image

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"mlbench/runner/image/installed"
)

// devPackage is a Python distribution that serves people who write software.
var devPackage = regexp.MustCompile(`^(pytest(-.*)?|tox|nox|coverage|black|ruff|flake8|pylint|pyflakes|pycodestyle|autopep8|yapf|isort|mypy|pyright|bandit|pre-commit|sphinx(-.*)?|mkdocs(-.*)?|twine|jupyter|jupyterlab|jupyter-server|notebook|nbconvert|ipykernel|ipywidgets|debugpy|ipdb|cookiecutter|bumpversion|commitizen|locust)$`)

func devPackages(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if o := s.o.Of(i); (o.Kind == Pip || o.Kind == Conda) && f.Visible() && devPackage.MatchString(o.Name) {
			h.add(o.Name+" "+o.Version, i)
		}
	}
	return h.finding(0)
}

var python = regexp.MustCompile(`^(.*/)?bin/python([23]\.\d+)$`)

// twoPythons finds interpreters; the links of virtual environments are none. The
// one that runs is the first on PATH.
func twoPythons(s *survey) *Finding {
	type interpreter struct{ prefix, version string }
	var all []interpreter
	for _, f := range s.x.Files {
		if f.Kind != Regular || !f.Visible() || !strings.Contains(f.Path, "bin/python") {
			continue
		}
		if m := python.FindStringSubmatch(f.Path); m != nil && installCache(f.Path) == "" && len(all) < 20 {
			all = append(all, interpreter{m[1], m[2]})
		}
	}
	if len(all) < 2 {
		return nil
	}
	runs := s.runs()
	h := s.haul()
	for i, f := range s.x.Files {
		if !f.Visible() || f.isFolder() {
			continue
		}
		for _, p := range all {
			own := f.Path == p.prefix+"bin/python"+p.version || strings.HasPrefix(f.Path, p.prefix+"lib/libpython"+p.version) ||
				strings.HasPrefix(f.Path, p.prefix+"lib/python"+p.version+"/")
			if _, _, isPackage := inSite(f.Path); own && !isPackage && p.prefix+"bin/python"+p.version != runs {
				h.add(p.prefix+"bin/python"+p.version, i)
			}
		}
	}
	f := h.finding(0)
	if f != nil && runs != "" {
		f.Evidence = append(f.Evidence, "what runs: "+short(runs))
	}
	return f
}

// runs is the interpreter that "python3", else "python", leads to; "" is none.
func (s *survey) runs() string {
	for dir := range strings.SplitSeq(s.env("PATH"), ":") {
		for _, name := range []string{"python3", "python"} {
			if p, ok := s.interpreter(path.Join(strings.Trim(dir, "/"), name)); ok {
				return p
			}
		}
	}
	return ""
}

// interpreter is what a path leads to through symbolic links.
func (s *survey) interpreter(p string) (string, bool) {
	p = s.links.parent(p)
	for range maxLinks {
		i, ok := s.x.Lookup(p)
		if !ok {
			break
		}
		if s.x.Files[i].Kind != Symlink {
			return p, true
		}
		p = s.links.follow(p)
	}
	return "", false
}

// duplicatePackages finds distributions that are installed in more than one
// folder. Every environment has a pip of its own; that is not said.
func duplicatePackages(s *survey) *Finding {
	sites := make(map[string]map[string]string) // of a distribution: folders and versions
	for _, d := range s.x.dists() {
		if !d.visible {
			continue
		}
		p := d.about()
		name := installed.Normal(p.Name)
		if base := path.Base(d.site()); base != "site-packages" && base != "dist-packages" || installCache(d.dir) != "" {
			continue
		}
		if name == "" || name == "pip" || name == "setuptools" || name == "wheel" {
			continue
		}
		if sites[name] == nil {
			sites[name] = make(map[string]string)
		}
		sites[name][d.site()] = p.Version
	}
	type installation struct{ name, dir string }
	bytes := make(map[installation]int64)
	names := make(map[Owner]string, len(s.o.All)) // of owners that are installed more than once
	for _, o := range s.o.All {
		if name := installed.Normal(strings.TrimPrefix(o.Name, "python3-")); len(sites[name]) > 1 {
			names[o.Owner] = name
		}
	}
	if len(names) == 0 {
		return nil
	}
	key := func(i int) (string, string, bool) {
		dir, _, ok := inSite(s.x.Files[i].Path)
		if !ok || !s.x.Files[i].Visible() {
			return "", "", false
		}
		name := names[s.o.Of(i)]
		return name, dir, name != ""
	}
	for i, f := range s.x.Files {
		if name, dir, ok := key(i); ok {
			bytes[installation{name, dir}] += f.Size
		}
	}
	stays := make(map[string]string) // all but the heaviest could go, whichever it is that is imported
	for name, dirs := range sites {
		for _, dir := range slices.Sorted(maps.Keys(dirs)) {
			if old, ok := stays[name]; !ok || bytes[installation{name, dir}] > bytes[installation{name, old}] {
				stays[name] = dir
			}
		}
	}
	h := s.haul()
	for i := range s.x.Files {
		name, dir, ok := key(i)
		if !ok || sites[name][dir] == "" {
			continue
		}
		if heaviest := stays[name]; dir != heaviest {
			h.add(fmt.Sprintf("%s %s in %s, and %s in %s", name, sites[name][dir], dir, sites[name][heaviest], heaviest), i)
		}
	}
	return h.finding(worth)
}

var standardTests = regexp.MustCompile(`(^|/)lib/python[23]\.\d+/(test|idlelib/idle_test|lib2to3/tests|unittest/test|ctypes/test|tkinter/test|distutils/tests|sqlite3/test)/`)

// packageTests are the tests of what is installed, not of the application.
func packageTests(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if !f.Visible() || f.isFolder() {
			continue
		}
		_, rest, ok := inSite(f.Path)
		switch {
		case ok && (strings.Contains("/"+rest, "/tests/") || strings.Contains("/"+rest, "/test/")):
			top, _, _ := strings.Cut(rest, "/")
			h.add(top, i)
		case !ok && strings.Contains(f.Path, "lib/python") && standardTests.MatchString(f.Path):
			h.add("Python's own", i)
		}
	}
	return h.finding(worth)
}

// bytecode is the source that compiled bytecode is of, without ".py".
func bytecode(p string) (source string, ok bool) {
	if source = sourceOf(p); source != "" {
		return strings.TrimSuffix(source, ".py"), true
	}
	return "", false
}

// noBytecode counts sources of packages without bytecode. Some never have any:
// templates, and code for other versions of Python.
func noBytecode(s *survey) *Finding {
	compiled := make(map[string]bool)
	for _, f := range s.x.Files {
		if source, ok := bytecode(f.Path); ok && f.Visible() {
			compiled[source] = true
		}
	}
	weights := make(map[string]*weight)
	var all, bare int64
	for _, f := range s.x.Files {
		dir, rest, ok := inSite(f.Path)
		if !ok || f.Kind != Regular || !f.Visible() || !strings.HasSuffix(rest, ".py") || strings.Contains("/"+rest, "/tests/") {
			continue
		}
		all += f.Size
		if compiled[strings.TrimSuffix(f.Path, ".py")] {
			continue
		}
		bare += f.Size
		top, _, _ := strings.Cut(rest, "/")
		name := dir + "/" + top
		if weights[name] == nil {
			weights[name] = &weight{name: name}
		}
		weights[name].files++
		weights[name].bytes += f.Size
	}
	if bare < worth || bare < all/5 {
		return nil
	}
	return &Finding{Evidence: heaviest(weights)}
}

// pycache is told and not blamed, and so has no bytes to save.
func pycache(s *survey) *Finding {
	w := weight{name: "__pycache__"}
	for _, f := range s.x.Files {
		if f.Visible() && strings.HasSuffix(f.Path, ".pyc") {
			w.bytes += f.Size
			w.files++
		}
	}
	if w.bytes < worth {
		return nil
	}
	return &Finding{Evidence: heaviest(map[string]*weight{"": &w})}
}

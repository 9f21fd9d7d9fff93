package image

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// clutter are folders that are for work on software, by name, in the application.
var clutter = map[string]bool{
	".git": true, ".hg": true, ".svn": true, ".github": true, ".idea": true, ".vscode": true, ".pytest_cache": true, ".mypy_cache": true,
	".ruff_cache": true, ".ipynb_checkpoints": true, ".tox": true, ".nox": true, ".dvc": true, ".terraform": true, "htmlcov": true,
	"mlruns": true, "wandb": true, "lightning_logs": true, ".hypothesis": true, ".eggs": true, "test": true, "tests": true,
	".venv": true, "venv": true, "env": true, "virtualenv": true, ".virtualenv": true,
}

var (
	testFile = regexp.MustCompile(`^(test_.*|.*_test|conftest)\.py$`)
	dataFile = regexp.MustCompile(`\.(csv|tsv|parquet|feather|arrow|jsonl|ndjson|xlsx|sqlite3?|hdf5|tfrecord|mp4|wav|zip|tar|tgz|tar\.gz|7z)$`)
)

// contextJunk looks at what was copied in, never at what packages brought: an
// application's tests are not its libraries'.
func contextJunk(s *survey) *Finding {
	h, private := s.haul(), false
	for i, f := range s.x.Files {
		if !f.Visible() || f.isFolder() {
			continue
		}
		name := s.clutter(f.Path)
		vcs := strings.HasPrefix(path.Base(name), ".git") || path.Base(name) == ".hg" || path.Base(name) == ".svn"
		venv := name != "" && isEnvironmentName(path.Base(name))
		switch o := s.o.Of(i); {
		case venv && s.lives(name):
			continue
		case name != "" && (vcs || venv) && o.Kind != Dpkg && o.Kind != Apk && o.Kind != Rpm:
			private = private || vcs
			h.add(name, i)
		case o.Kind != Application && (o.Kind != Weights || name == "") || isInstalled(f.Path):
		case path.Ext(f.Path) == ".ipynb":
			h.add("*.ipynb", i)
		case name != "" && !venv, testFile.MatchString(path.Base(f.Path)):
			if name == "" {
				name = folder(f.Path) + "/test_*.py"
			}
			h.add(name, i)
		case dataFile.MatchString(f.Path) && f.Size >= 10*worth:
			h.add(f.Path, i)
		}
	}
	f := h.finding(0)
	if f != nil && f.Bytes < worth && !private {
		f.Severity = Low
	}
	return f
}

// isInstalled reports whether a path is in a folder of packages, whoever put
// them there: their tests are another check's.
func isInstalled(p string) bool {
	_, _, ok := inSite(p)
	return ok || strings.Contains("/"+p, "/node_modules/")
}

// clutter is the folder of clutter that a path is in; "" is none. Packages'
// folders are their own business.
func (s *survey) clutter(p string) string {
	for end := 0; ; {
		next := strings.IndexByte(p[end:], '/')
		if next < 0 {
			return ""
		}
		name := p[end : end+next]
		if name == "site-packages" || name == "dist-packages" || name == "node_modules" {
			return ""
		}
		end += next
		if clutter[name] && (!isEnvironmentName(name) || s.isEnvironment(p[:end])) {
			return p[:end]
		}
		end++
	}
}

func isEnvironmentName(name string) bool {
	return slices.Contains([]string{".venv", "venv", "env", "virtualenv", ".virtualenv"}, name)
}

// isEnvironment reports whether a folder is a Python environment.
func (s *survey) isEnvironment(dir string) bool {
	_, ok := s.x.Lookup(dir + "/pyvenv.cfg")
	return ok
}

// lives reports whether an environment may be the one that the service runs in:
// where the start names it, or begins with a tool that looks for it, or with a
// script that may do either and finds an interpreter there.
func (s *survey) lives(dir string) bool {
	lives, ok := s.environments[dir]
	if !ok {
		lives = s.mayRun(dir)
		s.environments[dir] = lives
	}
	return lives
}

func (s *survey) mayRun(dir string) bool {
	command := slices.Concat(s.x.Config.Run.Entrypoint, s.x.Config.Run.Cmd)
	start := strings.Join(append(command, s.env("PATH"), s.env("VIRTUAL_ENV"), s.env("UV_PROJECT_ENVIRONMENT"), s.env("PYTHONPATH")), ":")
	if strings.Contains(start, dir) || strings.Contains(start, path.Base(dir)+"/bin") {
		return true
	}
	var program string
	if len(command) > 0 {
		program, _, _ = strings.Cut(path.Base(command[0]), " ")
	}
	switch program {
	case "uv", "poetry", "pdm", "pipenv", "hatch", "rye", "make":
		return true
	}
	if program != "" && program != "tini" && program != "dumb-init" && !strings.HasSuffix(program, "sh") {
		return false
	}
	_, ok := s.interpreter(dir + "/bin/python")
	return ok
}

package scenarios

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// What every Dockerfile here promises: it builds on a base that the caller
// names, with the classic builder too, and downloads from a Debian mirror only.
// One that shows what an image of NVIDIA's does begins with that, and installs
// with pip what requirements.txt pins, from wherever pip is told to.
func TestDockerfilesBuildAnywhere(t *testing.T) {
	for _, s := range All() {
		for _, v := range s.Variants {
			lines := instructions(t, s, v.Name)
			stages := []string{"${BASE}", "scratch"}
			begins := "ARG BASE=" + v.Base
			own := slices.ContainsFunc(s.Variants, func(b Variant) bool { return b.Tag == v.Base && b.Base == AnyBase })
			if own {
				begins, stages = "FROM "+v.Base, []string{v.Base}
			}
			if lines[0] != begins {
				t.Errorf("%s begins with %q, want %q", v.Tag, lines[0], begins)
			}
			anywhere := v.Base == AnyBase || own
			if !anywhere && !strings.HasPrefix(v.Base, "nvidia/cuda:12.4.1-") {
				t.Errorf("%s is built on %s", v.Tag, v.Base)
			}
			for _, line := range lines {
				if words := strings.Fields(line); words[0] == "FROM" {
					if !slices.Contains(stages, words[1]) {
						t.Errorf("%s: %q; want FROM ${BASE}, or a stage of its own", v.Tag, line)
					}
					stages = append(stages, words[len(words)-1])
				}
				for _, bad := range []string{"--mount", "curl ", "wget ", "git clone", "<<", "://download", "index-url"} {
					if strings.Contains(line, bad) {
						t.Errorf("%s: %q needs more than mirrors and the classic builder", v.Tag, line)
					}
				}
				i := strings.Index(line, "pip install")
				switch {
				case i < 0 && !strings.Contains(line, "find-links"):
				case has("ENV PIP_NO_INDEX=1")(lines), i >= 0 && strings.Contains(line[i:], "--no-index"): // from what an earlier stage made
				case anywhere || !strings.Contains(line[i:], "-r requirements.txt"):
					t.Errorf("%s: %q needs more than a Debian mirror, or installs what is not pinned", v.Tag, line)
				}
			}
		}
	}
}

// As setup.sh has no base but Debian's, what runs on any host builds there.
func TestEveryScenarioBuildsSomewhereWithoutARegistry(t *testing.T) {
	for _, s := range All() {
		if !slices.ContainsFunc(s.Variants, func(v Variant) bool { return v.Base == AnyBase }) {
			t.Errorf("no variant of %s builds on %s", s.Name, AnyBase)
		}
	}
}

// The contrast that the scenario is there to show.
func TestFastAPIContrast(t *testing.T) {
	s, err := Get("fastapi-sklearn")
	if err != nil {
		t.Fatal(err)
	}
	naive, optimized := instructions(t, s, "naive"), instructions(t, s, "optimized")

	for _, c := range []struct {
		what             string
		holds            func([]string) bool
		naive, optimized bool
	}{
		{"has a port", has("EXPOSE 8000"), true, true},
		{"has a health check", has("HEALTHCHECK "), false, true},
		{"names a user", has("USER "), false, true},
		{"runs as root", func(l []string) bool {
			user := ""
			for _, line := range l {
				if after, ok := strings.CutPrefix(line, "USER "); ok {
					user = after
				}
			}
			return slices.Contains([]string{"", "0", "0:0", "root"}, user)
		}, true, false},
		{"has several stages", func(l []string) bool { return count(l, "FROM ") > 1 }, false, true},
		{"trains while building", has("RUN python3 train.py"), false, true},
		{"copies all of its context", has("COPY . "), true, false},
		{"copies code before it installs", func(l []string) bool {
			stage := l[last(l, "FROM "):]
			code := slices.IndexFunc(stage, func(line string) bool {
				return line == "COPY . ." || strings.HasPrefix(line, "COPY app.py")
			})
			return code < last(stage, "RUN apt-get")
		}, true, false},
		{"installs a compiler", contains("build-essential"), true, false},
		{"installs recommended packages", func(l []string) bool {
			return slices.ContainsFunc(l, func(line string) bool {
				return strings.Contains(line, "apt-get install") && !strings.Contains(line, "--no-install-recommends")
			})
		}, true, false},
		{"leaves apt's lists", func(l []string) bool {
			return slices.ContainsFunc(l, func(line string) bool {
				return strings.Contains(line, "apt-get update") && !strings.Contains(line, "rm -rf /var/lib/apt/lists/*")
			})
		}, true, false},
	} {
		if got := c.holds(naive); got != c.naive {
			t.Errorf("naive %s: %v, want %v", c.what, got, c.naive)
		}
		if got := c.holds(optimized); got != c.optimized {
			t.Errorf("optimized %s: %v, want %v", c.what, got, c.optimized)
		}
	}

	for variant, want := range map[string]bool{"naive": false, "optimized": true} {
		if _, err := fs.Stat(context(t, s, variant), ".dockerignore"); (err == nil) != want {
			t.Errorf("%s has a .dockerignore: %v, want %v", variant, err == nil, want)
		}
	}
}

// A step differs from the one before in what it is called after, and in nothing else:
// what a comparison of the two says is of that alone. Not so multi-stage and optimized,
// each of which changes several things; of these the stage that is not shipped is the
// same.
func TestFastAPISteps(t *testing.T) {
	s, err := Get("fastapi-sklearn")
	if err != nil {
		t.Fatal(err)
	}
	const install, full = "RUN apt-get install -y --no-install-recommends ", "build-essential python3-dev python3-pip "
	const packages = "python3-pandas python3-sklearn python3-fastapi python3-uvicorn"
	for _, step := range []struct {
		from, to   string
		gone, come []string // lines, in no order
	}{
		{"naive", "no-recommends", []string{"RUN apt-get install -y " + full + packages}, []string{install + full + packages}},
		{"no-recommends", "slim-base", []string{install + full + packages}, []string{install + packages}},
		{"slim-base", "trained", nil, []string{"RUN python3 train.py model.joblib"}},
		{"optimized", "lazy-imports", nil, nil},
	} {
		gone, come := changed(instructions(t, s, step.from), instructions(t, s, step.to))
		if !slices.Equal(gone, step.gone) || !slices.Equal(come, step.come) {
			t.Errorf("from %s to %s:\n-%q\n+%q\nwant\n-%q\n+%q", step.from, step.to, gone, come, step.gone, step.come)
		}
	}

	// The same first stage, so that multi-stage and optimized share its layers.
	first := func(variant string) []string {
		l := instructions(t, s, variant)
		return l[:last(l, "FROM ")]
	}
	for _, variant := range []string{"multi-stage", "lazy-imports"} {
		if !slices.Equal(first(variant), first("optimized")) {
			t.Errorf("%s has another first stage than optimized", variant)
		}
	}

	// Bytecode is added where packages are installed, and replaces their sources.
	gone, come := changed(instructions(t, s, "lazy-imports"), instructions(t, s, "bytecode"))
	if len(gone) != 1 || len(come) != 3 || come[2] != "ENV PYTHONOPTIMIZE=2" {
		t.Fatalf("from lazy-imports to bytecode:\n-%q\n+%q", gone, come)
	}
	compiles := "python3 -OO -m compileall -qb "
	if !strings.HasPrefix(come[0], "RUN "+compiles+"/packages ") || !strings.HasPrefix(come[1], gone[0]+" && "+compiles+"/usr/lib/python3.11 ") {
		t.Errorf("from lazy-imports to bytecode:\n-%q\n+%q", gone, come)
	}
	lazy, code := contents(t, context(t, s, "lazy-imports")), contents(t, context(t, s, "bytecode"))
	if lazy["app.py"] != code["app.py"] || lazy[".dockerignore"] != code[".dockerignore"] {
		t.Error("bytecode has other code than lazy-imports")
	}
}

// changed are the lines of before that after does not have, and the reverse.
func changed(before, after []string) (gone, come []string) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			gone = append(gone, line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			come = append(come, line)
		}
	}
	return gone, come
}

// instructions are a Dockerfile's lines without comments, continued ones joined.
func instructions(t *testing.T, s Scenario, variant string) []string {
	t.Helper()
	b, err := fs.ReadFile(context(t, s, variant), "Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	joined := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part, more := strings.CutSuffix(line, "\\")
		joined += part
		if !more {
			lines = append(lines, strings.Join(strings.Fields(joined), " "))
			joined = ""
		}
	}
	return lines
}

func has(prefix string) func([]string) bool {
	return func(lines []string) bool { return count(lines, prefix) > 0 }
}

func contains(part string) func([]string) bool {
	return func(lines []string) bool {
		return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, part) })
	}
}

func count(lines []string, prefix string) int {
	n := 0
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// last is the index of the last line with that prefix.
func last(lines []string, prefix string) int {
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}

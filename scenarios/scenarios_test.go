package scenarios

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestGet(t *testing.T) {
	for _, want := range All() {
		got, err := Get(want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != want.Name || len(got.Variants) < 2 || got.Title == "" || got.Summary == "" || got.Shows == "" {
			t.Errorf("Get(%q) = %+v; want a title, a summary, what it shows and two variants or more", want.Name, got)
		}
		if len(got.Measured) == 0 {
			t.Errorf("nothing says how %s is measured", got.Name)
		}
	}
	_, err := Get("flask")
	if err == nil || !strings.Contains(err.Error(), "flask") || !strings.Contains(err.Error(), "fastapi-sklearn") {
		t.Errorf("Get(flask): %v; want an error that names flask and the known scenarios", err)
	}
}

func TestPick(t *testing.T) {
	s, err := Get("gpu-resnet")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		want  string // names, or what the error says
	}{
		{nil, "devel runtime lean"},
		{[]string{"cpu"}, "cpu"},
		{[]string{"lean", "devel"}, "lean devel"},
		{[]string{"lean", "fast"}, `no variant "fast"; it has devel, runtime, lean, cpu`},
		{[]string{"lean", "cpu", "lean"}, "lean of gpu-resnet is named twice"},
	} {
		picked, err := s.Pick(c.names...)
		var got []string
		for _, v := range picked {
			got = append(got, v.Name)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if said := strings.Join(got, " "); !strings.Contains(said, c.want) || err == nil && said != c.want {
			t.Errorf("Pick(%q) = %s, want %s", c.names, said, c.want)
		}
	}
	// Of a scenario of which nothing is aside, all.
	if s, err := Get("os-hygiene"); err != nil {
		t.Error(err)
	} else if picked, err := s.Pick(); err != nil || len(picked) != len(s.Variants) {
		t.Errorf("Pick() = %v, %v; want all", picked, err)
	}
	// A newcomer's first try does without the steps.
	if s, err := Get("fastapi-sklearn"); err != nil {
		t.Error(err)
	} else if picked, err := s.Pick(); err != nil || len(picked) != 2 || picked[0].Name != "naive" || picked[1].Name != "optimized" {
		t.Errorf("Pick() = %v, %v; want naive and optimized", picked, err)
	}
}

// What variants build on is built before them, once, and only if it is one of
// the scenario's.
func TestWithBases(t *testing.T) {
	base := Variant{Name: "base", Tag: "s:base", Base: AnyBase}
	a, b, c := Variant{Name: "a", Base: "s:base"}, Variant{Name: "b", Base: "s:base"}, Variant{Name: "c", Base: AnyBase}
	s := Scenario{Variants: []Variant{c, a, b, base}}
	for _, test := range []struct {
		of   []Variant
		want string
	}{
		{nil, ""}, {[]Variant{c}, "c"}, {[]Variant{a}, "base a"}, {[]Variant{c, b, a}, "c base b a"}, {[]Variant{base, a}, "base a"}, {[]Variant{a, base}, "base a"},
	} {
		var got []string
		for _, v := range s.WithBases(test.of) {
			got = append(got, v.Name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%v: %q, want %s", test.of, got, test.want)
		}
	}
}

func TestAllIsACopy(t *testing.T) {
	All()[0].Variants[0].Tag = "spoilt"
	if tag := All()[0].Variants[0].Tag; tag == "spoilt" {
		t.Error("a caller changed the catalogue")
	}
}

func TestContext(t *testing.T) {
	for _, s := range All() {
		for _, v := range s.Variants {
			if want := s.Name + ":" + v.Name; v.Tag != want {
				t.Errorf("%s/%s has tag %s, want %s", s.Name, v.Name, v.Tag, want)
			}
			if _, err := fs.Stat(context(t, s, v.Name), "Dockerfile"); err != nil {
				t.Errorf("%s/%s: %v", s.Name, v.Name, err)
			}
		}
		_, err := s.Context("slow")
		if err == nil || !strings.Contains(err.Error(), "slow") || !strings.Contains(err.Error(), s.Variants[0].Name) {
			t.Errorf("Context(slow): %v; want an error that names slow and the known variants", err)
		}
	}
}

// Only then does a comparison measure what the Dockerfiles do, and what a variant
// says that it changes besides.
func TestVariantsShareTheirCode(t *testing.T) {
	for _, s := range All() {
		base := contents(t, context(t, s, s.Variants[0].Name))
		for _, v := range s.Variants[1:] {
			other := contents(t, context(t, s, v.Name))
			names := slices.Sorted(maps.Keys(base))
			for name := range other {
				if _, ok := base[name]; !ok {
					names = append(names, name)
				}
			}
			for _, name := range names {
				if name == "Dockerfile" || name == ".dockerignore" {
					continue
				}
				if differs, said := base[name] != other[name], slices.Contains(v.Changes, name); differs != said {
					t.Errorf("%s: %s differs between %s and %s: %t, and scenario.yaml says %t", s.Name, name, s.Variants[0].Name, v.Name, differs, said)
				}
			}
		}
	}
}

func TestExport(t *testing.T) {
	s := All()[0]
	dir := filepath.Join(t.TempDir(), "new")
	if err := s.Export(dir); err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Variants {
		want := contents(t, context(t, s, v.Name))
		got := contents(t, os.DirFS(filepath.Join(dir, v.Name)))
		if !maps.Equal(got, want) {
			t.Errorf("%s: exported %v, want %v", v.Name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "README.md")); err != nil || !strings.Contains(string(b), s.Name) {
		t.Errorf("no README.md that says what is to be seen: %v", err)
	}

	// A second export must leave the first one, which may be edited by now.
	dockerfile := filepath.Join(dir, s.Variants[0].Name, "Dockerfile")
	if err := os.WriteFile(dockerfile, []byte("FROM mine\n"), 0o666); err != nil {
		t.Fatalf("an exported file cannot be edited: %v", err)
	}
	if err := s.Export(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second export: %v, want fs.ErrExist", err)
	}
	if b, err := os.ReadFile(dockerfile); err != nil || string(b) != "FROM mine\n" {
		t.Errorf("the second export overwrote the first: %q, %v", b, err)
	}
}

// What cannot be a folder of its own is left as it is, and said.
func TestExportRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		to   string
		kind error
		says string
	}{
		{file, fs.ErrExist, "file is no folder"},
		{filepath.Join(file, "below"), syscall.ENOTDIR, "not a directory"},
		{dir, fs.ErrExist, "is not empty (file is in it)"},
		{link, fs.ErrExist, "link is a link to nowhere"},
		{"", fs.ErrInvalid, "no name"}, // not the root folder, which an empty path and a slash make
	} {
		if err := All()[0].Export(c.to); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("export to %q: %v; want %v and %q", c.to, err, c.kind, c.says)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v, %v; want the file and the link", entries, err)
	}
}

// An export that fails half-way leaves no half of a scenario, nor the folders
// that it made; one that was there stays.
func TestExportTakesBack(t *testing.T) {
	s := All()[0]
	s.Clutter = []Clutter{{Path: "Dockerfile", Size: 1}} // which is there already
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.Mkdir(there, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{filepath.Join(dir, "new", "deep"), there} {
		if err := s.Export(to); err == nil || !strings.Contains(err.Error(), "Dockerfile") {
			t.Fatalf("%v; want what could not be written", err)
		}
	}
	var left []string
	_ = filepath.WalkDir(dir, func(name string, _ fs.DirEntry, _ error) error {
		left = append(left, strings.TrimPrefix(name, dir))
		return nil
	})
	if want := []string{"", "/there"}; !slices.Equal(left, want) {
		t.Errorf("left is %q, want %q", left, want)
	}
}

func context(t *testing.T, s Scenario, variant string) fs.FS {
	t.Helper()
	fsys, err := s.Context(variant)
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// contents reads every file below a folder.
func contents(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

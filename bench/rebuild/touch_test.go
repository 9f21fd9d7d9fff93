package rebuild

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mlbench/runner"
)

func written(t *testing.T, files map[string]string) runner.ContextCopy {
	t.Helper()
	folder := t.TempDir()
	for path, content := range files {
		path = filepath.Join(folder, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	return runner.ContextCopy{Folder: folder}
}

func TestChange(t *testing.T) {
	empty, slashes := "", "// "
	for _, c := range []struct {
		file, content string
		begins        *string
		want          string // the file after it, or what the error says
	}{
		{"a.py", "x = 1\n", nil, "x = 1\n# mlbench rebuild 7-1\n"},
		{"a.py", "x = 1", nil, "x = 1\n# mlbench rebuild 7-1\n"},
		{"a.py", "", nil, "# mlbench rebuild 7-1\n"},
		{"src/main.go", "package main\n", nil, "package main\n// mlbench rebuild 7-1\n"},
		{"Dockerfile", "FROM scratch\n", nil, "FROM scratch\n# mlbench rebuild 7-1\n"},
		{"Dockerfile.gpu", "FROM scratch\n", nil, "FROM scratch\n# mlbench rebuild 7-1\n"},
		{"gpu.Dockerfile", "FROM scratch\n", nil, "FROM scratch\n# mlbench rebuild 7-1\n"},
		{"requirements.txt", "numpy\n", nil, "numpy\n# mlbench rebuild 7-1\n"},
		{"index.html", "<p>\n", nil, "<p>\n<!-- mlbench rebuild 7-1 -->\n"},
		{"site.css", "p {}\n", nil, "p {}\n/* mlbench rebuild 7-1 */\n"},
		{"run", "#!/bin/sh\n", nil, "#!/bin/sh\n# mlbench rebuild 7-1\n"},
		{"strange.xyz", "x", &slashes, "x\n// mlbench rebuild 7-1\n"},
		{"model.bin", "\x00\x01", &empty, "\x00\x01\nmlbench rebuild 7-1\n"},
		{"a.py", "x\x00", nil, "is no text"},
		{"model.bin", "\x00\x01", nil, "is no text"},
		{"strange.xyz", "x", nil, "how a comment is written in strange.xyz is not known: say how one begins, e.g. --append '# '"},
		{"run", "x", nil, "how a comment is written"},
	} {
		copied := written(t, map[string]string{c.file: c.content})
		x, err := newChange(copied, c.file, c.begins)
		for range 2 { // each from how the file was
			if err == nil {
				err = x.make("7-1")
			}
		}
		got, _ := os.ReadFile(filepath.Join(copied.Folder, c.file))
		info, statErr := os.Stat(filepath.Join(copied.Folder, c.file))
		if statErr != nil || info.Mode() != 0o640 {
			t.Errorf("%s: its mode is another: %v, %v", c.file, info.Mode(), statErr)
		}
		if err != nil {
			got = []byte(err.Error())
		}
		if said := string(got); said != c.want && (err == nil || !strings.Contains(said, c.want)) {
			t.Errorf("%s: %q, want %q", c.file, said, c.want)
		}
	}
}

// JSON has no comments: what is new is blank, and never the same.
func TestChangeOfJSON(t *testing.T) {
	copied := written(t, map[string]string{"package.json": "{}"})
	x, err := newChange(copied, "package.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, unique := range []string{"a-1", "a-2", "b-1", "a-11"} {
		if err := x.make(unique); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(x.path)
		if err != nil || strings.TrimSpace(string(got)) != "{}" || seen[string(got)] {
			t.Errorf("%s: %q, %v", unique, got, err)
		}
		seen[string(got)] = true
	}
}

func TestInContext(t *testing.T) {
	copied := written(t, map[string]string{"src/app.py": "x\n"})
	outside := filepath.Join(t.TempDir(), "secret.py")
	err := errors.Join(os.WriteFile(outside, nil, 0o600), os.Symlink(outside, filepath.Join(copied.Folder, "out.py")),
		os.Symlink("src/app.py", filepath.Join(copied.Folder, "link.py")), os.Symlink("src", filepath.Join(copied.Folder, "lib")),
		os.Symlink("nowhere", filepath.Join(copied.Folder, "broken.py")))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"src/app.py": "", "app.py": "app.py is not in the context", "src": "src is a folder: name a file in it",
		"link.py": "name src/app.py itself", "lib/app.py": "name src/app.py itself",
		"out.py": "leads out of the context", "broken.py": "leads out of the context", "src/app.py/x": "not a directory",
	} {
		err := inContext(copied, file)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	if before, err := os.ReadFile(outside); err != nil || len(before) > 0 {
		t.Errorf("%q, %v", before, err)
	}
}

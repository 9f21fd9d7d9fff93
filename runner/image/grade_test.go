package image

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// buildOf is an image of two layers: a base that both builds share, and one with
// these: their content, or what else they are.
func buildOf(id, layer string, files map[string]string) *Index {
	base := []File{{Path: "etc", Kind: Folder, Mode: 0o755}, {Path: "etc/base", Size: 1, Mode: 0o644}}
	contents := make(map[Place][]byte)
	all := base
	for path, content := range files {
		f := File{Path: path, Layer: 1, Size: int64(len(content)), Mode: 0o644, Digest: "digest of " + content}
		switch {
		case strings.HasPrefix(content, "->"):
			f.Kind, f.Link, f.Digest = Symlink, content[2:], ""
		case strings.HasPrefix(content, "=="):
			f.Kind, f.Link, f.Digest, f.Size = HardLink, content[2:], "", 0
		case content == "/":
			f.Kind, f.Digest, f.Size = Folder, "", 0
		case content == "+x":
			f.Mode = 0o755
			f.Digest = "digest of "
			f.Size = 0
		case content == "root's":
			f.UID = 1
			f.Digest = "digest of "
			f.Size = 0
		case content == "":
			f.Digest = "digest of "
		}
		all = append(all, f)
		contents[Place{1, path}] = []byte(content)
	}
	return New(Config{ID: id}, []Layer{{DiffID: "base"}, {DiffID: layer, CreatedBy: "RUN"}}, all, contents)
}

// installedDpkg are the files of a dpkg package.
func installedDpkg(name, version string) map[string]string {
	return map[string]string{
		"var/lib/dpkg/status":                 fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: all\nVersion: %s\n", name, version),
		"var/lib/dpkg/info/" + name + ".list": "/.\n/usr\n/usr/bin\n/usr/bin/" + name + "\n",
		"usr/bin/" + name:                     "program of version " + version,
	}
}

func TestGrade(t *testing.T) {
	for _, test := range []struct {
		name         string
		a, b         *Index
		ignore       []string
		grade, quiet ReproGrade
		files, noise []string // path: aspects
		packages     []PackageDrift
		ignored      int
	}{
		{name: "same digest", a: buildOf("1", "x", nil), b: buildOf("1", "x", nil), grade: SameDigest, quiet: SameDigest},
		{name: "same layers", a: buildOf("1", "x", nil), b: buildOf("2", "x", nil), grade: SameLayers, quiet: SameLayers},
		{
			name: "times", a: buildOf("1", "x", map[string]string{"a": "1", "l": "->a", "h": "==a"}), b: buildOf("2", "y", map[string]string{"a": "1", "l": "->a", "h": "==a"}),
			grade: SameFiles, quiet: SameFiles,
		},
		{
			name: "which name is the hard link says nothing", grade: SameFiles, quiet: SameFiles,
			a: buildOf("1", "x", map[string]string{"a": "1", "b": "==a"}), b: buildOf("2", "y", map[string]string{"b": "1", "a": "==b"}),
		},
		{
			name: "all that may differ of a file", grade: SameVersions, quiet: SameVersions,
			a:     buildOf("1", "x", map[string]string{"content": "1", "first": "", "kind": "", "mode": "", "owner": "", "target": "->a"}),
			b:     buildOf("2", "y", map[string]string{"content": "2", "second": "", "kind": "/", "mode": "+x", "owner": "root's", "target": "->b"}),
			files: []string{"content: content", "first: only in first", "kind: kind", "mode: mode", "owner: owner", "second: only in second", "target: target"},
		},
		{
			name: "a package drifts", grade: OtherVersions, quiet: OtherVersions,
			a: buildOf("1", "x", installedDpkg("tool", "1.0-1")), b: buildOf("2", "y", installedDpkg("tool", "1.0-2")),
			files:    []string{"usr/bin/tool: content", "var/lib/dpkg/status: content"},
			packages: []PackageDrift{{Dpkg, "tool", [2]string{"1.0-1", "1.0-2"}}},
		},
		{
			name: "a package comes", grade: OtherVersions, quiet: OtherVersions,
			a: buildOf("1", "x", nil), b: buildOf("2", "y", installedDpkg("tool", "1.0-2")),
			files:    []string{"usr/bin/tool: only in second", "var/lib/dpkg/info/tool.list: only in second", "var/lib/dpkg/status: only in second"},
			packages: []PackageDrift{{Dpkg, "tool", [2]string{"", "1.0-2"}}},
		},
		{
			name: "other bytes of the same package", grade: SameVersions, quiet: SameVersions,
			a: buildOf("1", "x", installedDpkg("tool", "1")), b: buildOf("2", "y", func() map[string]string {
				files := installedDpkg("tool", "1")
				files["usr/bin/tool"] = "built anew"
				return files
			}()),
			files: []string{"usr/bin/tool: content"},
		},
		{
			name: "noise", grade: SameVersions, quiet: SameFiles,
			a:     buildOf("1", "x", map[string]string{"var/log/dpkg.log": "1", "var/cache/ldconfig/aux-cache": "1", "app/m.pyc": "1", "etc/machine-id": "1"}),
			b:     buildOf("2", "y", map[string]string{"var/log/dpkg.log": "2", "var/cache/ldconfig/aux-cache": "2", "app/m.pyc": "2", "etc/machine-id": "2"}),
			noise: []string{"app/m.pyc: content", "etc/machine-id: content", "var/cache/ldconfig/aux-cache: content", "var/log/dpkg.log: content"},
		},
		{
			name: "ignored", grade: SameFiles, quiet: SameFiles, ignored: 2, ignore: []string{"/var/log", "**/*.tmp", "!keep.tmp"},
			a: buildOf("1", "x", map[string]string{"var/log/a/b": "1", "x/y.tmp": "1"}), b: buildOf("2", "y", map[string]string{"var/log/a/b": "2", "x/y.tmp": "2"}),
		},
		{
			name: "an exception is not ignored", grade: SameVersions, quiet: SameVersions, ignore: []string{"*.tmp", "!keep.tmp"},
			a: buildOf("1", "x", map[string]string{"keep.tmp": "1"}), b: buildOf("2", "y", map[string]string{"keep.tmp": "2"}),
			files: []string{"keep.tmp: content"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			ignore, err := NewIgnore(test.ignore)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Grade(test.a, test.b, ignore)
			if err != nil {
				t.Fatal(err)
			}
			if r.Grade != test.grade || r.Quiet != test.quiet || r.Ignored != test.ignored {
				t.Errorf("grade %d, without noise %d, %d ignored; want %d, %d, %d", r.Grade, r.Quiet, r.Ignored, test.grade, test.quiet, test.ignored)
			}
			if got := aspects(r.Files); !slices.Equal(got, test.files) {
				t.Errorf("files %q, want %q", got, test.files)
			}
			if got := aspects(r.Noise); !slices.Equal(got, test.noise) {
				t.Errorf("noise %q, want %q", got, test.noise)
			}
			if !slices.Equal(r.Packages, test.packages) {
				t.Errorf("packages %v, want %v", r.Packages, test.packages)
			}
			if same := test.grade <= SameLayers; same != (len(r.Layers) == 0) {
				t.Errorf("layers %v", r.Layers)
			}
			for _, f := range r.Noise {
				if f.Why == "" {
					t.Errorf("%s is noise, and it is not said why", f.Path)
				}
			}
		})
	}
}

func aspects(files []FileDrift) []string {
	var list []string
	for _, f := range files {
		list = append(list, fmt.Sprintf("%s: %s", f.Path, strings.Trim(fmt.Sprint(f.What), "[]")))
	}
	return list
}

// TestGradeNeedsDigests: files of the same size are not called the same where
// nobody has looked.
func TestGradeNeedsDigests(t *testing.T) {
	a, b := buildOf("1", "x", map[string]string{"f": "1"}), buildOf("2", "y", map[string]string{"f": "2"})
	for _, x := range []*Index{a, b} {
		i, _ := x.Lookup("f")
		x.Files[i].Digest = ""
	}
	if r, err := Grade(a, b, nil); err == nil {
		t.Errorf("grade %d", r.Grade)
	}
}

func TestGradeConfig(t *testing.T) {
	a, b := buildOf("1", "x", nil), buildOf("2", "x", nil)
	b.Config.Created = time.Now()
	b.Config.Run = Run{User: "app", Env: []string{"A=1"}, Labels: map[string]string{"a": "b"}, Healthcheck: &struct{ Test []string }{[]string{"CMD", "true"}}}
	r, err := Grade(a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"created", "user", "environment", "labels", "health check"}; !slices.Equal(r.Config, want) {
		t.Errorf("%q, want %q", r.Config, want)
	}
}

func TestNewIgnore(t *testing.T) {
	for pattern, ok := range map[string]bool{"[": false, "": false, "!": false, "a/**/b": true, "/var": true, "!/var": true} {
		if _, err := NewIgnore([]string{pattern}); (err == nil) != ok {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// FuzzGrade grades images that are described by lines: layer, kind, path,
// content.
func FuzzGrade(f *testing.F) {
	f.Add("0ra=1\n1ra=2", "0ra=1\n1lb=a\n1hc=a", "a*")
	f.Add("1fd=\n2wd=\n2rd/x=y", "1od=\n2hd=d", "!d")
	f.Fuzz(func(t *testing.T, first, second, pattern string) {
		if len(first)+len(second) > 1<<12 {
			return
		}
		ignore, err := NewIgnore([]string{pattern})
		if err != nil {
			ignore = nil
		}
		a, b := sketched(first), sketched(second)
		there, err := Grade(a, b, ignore)
		if err != nil {
			t.Skip(err) // a pattern that only fails when it is used
		}
		back, err := Grade(b, a, ignore)
		if err != nil || there.Grade != back.Grade || there.Quiet != back.Quiet || len(there.Files) != len(back.Files) {
			t.Fatalf("%d and %d, turned round %d and %d: %v", there.Grade, there.Quiet, back.Grade, back.Quiet, err)
		}
		if there.Grade < SameDigest || there.Grade > OtherVersions || there.Quiet > there.Grade {
			t.Fatalf("grade %d, without noise %d", there.Grade, there.Quiet)
		}
		if same, err := Grade(a, sketched(first), nil); err != nil || same.Grade != SameDigest {
			t.Fatalf("an image and itself: grade %d, %v", same.Grade, err)
		}
	})
}

func sketched(text string) *Index {
	layers := make([]Layer, 10)
	var files []File
	seen := make(map[Place]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if len(line) < 3 || line[0] < '0' || line[0] > '9' {
			continue
		}
		path, content, _ := strings.Cut(line[2:], "=")
		file := File{Layer: int(line[0] - '0'), Path: strings.Trim(path, "/"), Mode: 0o644}
		if seen[Place{file.Layer, file.Path}] {
			continue
		}
		seen[Place{file.Layer, file.Path}] = true
		layers[file.Layer].DiffID += line + "\n"
		switch line[1] {
		case 'f':
			file.Kind = Folder
		case 'l':
			file.Kind, file.Link, file.Size = Symlink, content, int64(len(content))
		case 'h':
			file.Kind, file.Link = HardLink, content
		case 'w':
			file.Kind = Whiteout
		case 'o':
			file.Kind = Opaque
		default:
			file.Size, file.Digest = int64(len(content)), "digest of "+content
		}
		files = append(files, file)
	}
	return New(Config{ID: text}, layers, files, nil)
}

// TestGradeOfSharedLayers does not take a file for another whose content nobody
// has read.
func TestGradeOfSharedLayers(t *testing.T) {
	a, b := buildOf("1", "a", nil), buildOf("2", "b", map[string]string{"etc/base": "x"})
	if r, err := Grade(a, b, nil); !errors.Is(err, ErrNoDigest) {
		t.Errorf("%+v, %v", r.Files, err)
	}
	a.Files[1].Digest = "digest of x"
	if r, err := Grade(a, b, nil); err != nil || len(r.Files) != 0 || r.Grade != SameFiles {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLayerDrift names what made a layer on both sides.
func TestLayerDrift(t *testing.T) {
	a := New(Config{}, []Layer{{DiffID: "1", CreatedBy: "RUN a"}, {DiffID: "2", CreatedBy: "RUN b"}}, nil, nil)
	b := New(Config{}, []Layer{{DiffID: "3", CreatedBy: "RUN a"}, {DiffID: "4", CreatedBy: "RUN c"}, {DiffID: "5", CreatedBy: "RUN d"}}, nil, nil)
	var got []string
	for _, d := range layerDrift(a, b) {
		got = append(got, d.CreatedBy)
	}
	if want := []string{"RUN a", "RUN b → RUN c", "RUN d"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

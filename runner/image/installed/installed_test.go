package installed

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestDpkg(t *testing.T) {
	const status = `Package: libfoo1
Status: install ok installed
Priority: required
Source: foo (1.0)
Version: 1:1.0-2
Architecture: amd64
Provides: foo-abi (= 1), foo
Pre-Depends: libc6 (>= 2.36)
Depends: python3:any, debconf (>= 0.5) | debconf-2.0,
 folded
Recommends: bar [amd64]
Description: it
 Package: not this


Package: gone
Status: deinstall ok config-files
Version: 1

Version: without a name
`
	want := []Package{{
		Name: "libfoo1", Version: "1:1.0-2", Arch: "amd64", Source: "foo", Essential: true, Provides: []string{"foo-abi", "foo"},
		Needs: [][]string{{"libc6"}, {"python3"}, {"debconf", "debconf-2.0"}}, Recommends: [][]string{{"bar"}},
	}, {Name: "gone", Version: "1", Removed: true}}
	if got := Dpkg(status); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	auto := AutoInstalled("Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: amd64\nAuto-Installed: 0\n")
	if len(auto) != 2 || !auto["a"] || !auto["a:amd64"] {
		t.Errorf("%v", auto)
	}
	if got := slices.Collect(List("/.\n/usr\n" + strings.Repeat("a", 32) + "  usr/x y\nnonsense\n/" + strings.Repeat("x", maxPath) + "\n")); !slices.Equal(got, []string{"/.", "/usr", "usr/x y"}) {
		t.Errorf("%q", got)
	}
	if got := Diversions("/bin/sh\n/bin/sh.distrib\ndash\n/cut\n"); !slices.Equal(got, []Diversion{{"/bin/sh", "/bin/sh.distrib", "dash"}}) {
		t.Errorf("%q", got)
	}
}

// Names that are longer than any package's are not believed.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	if got := Dpkg("Package: " + long + "\nVersion: 1\n\nPackage: a\nVersion: 1\n"); len(got) != 1 || got[0].Name != "a" {
		t.Errorf("dpkg: %.40v", got)
	}
	if got := Apk("P:" + long + "\n\nP:a\n"); len(got) != 1 {
		t.Errorf("apk: %.40v", got)
	}
	if got, ok := Conda([]byte(`{"name": "` + long + `"}`)); ok {
		t.Errorf("conda: %.40v", got)
	}
}

func TestPip(t *testing.T) {
	if got := slices.Collect(Record("a/b.py,sha256=x,10\r\n\"c,\"\"d\"\".py\",,\n../../bin/e,,\n\"open\n,,\n")); !slices.Equal(got, []string{"a/b.py", `c,"d".py`, "../../bin/e", "open"}) {
		t.Errorf("%q", got)
	}
	got := Metadata("Metadata-Version: 2.1\nName: Foo_Bar.-baz\nVersion: 1.2\nRequires-Dist: A.B[x] (>=1) ; python_version > \"3\"\nRequires-Dist: c; extra == 'x'\nRequires-Dist: d@ https://x\n\nName: no\n")
	if want := (Package{Name: "foo-bar-baz", Version: "1.2", Needs: [][]string{{"a-b"}, {"d"}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := Requires("numpy>=1\nscipy\n\n[tests]\npytest\n"); !reflect.DeepEqual(got, [][]string{{"numpy"}, {"scipy"}}) {
		t.Errorf("%q", got)
	}
	for content, want := range map[string]string{
		`{"url":"file:///src/a%20b","dir_info":{"editable":true}}`: "/src/a b",
		`{"url":"file:///src/a","dir_info":{}}`:                    "",
		`{"url":"https://x","dir_info":{"editable":true}}`:         "",
		`{`: "",
	} {
		if got := Editable([]byte(content)); got != want {
			t.Errorf("%s: %q", content, got)
		}
	}
}

func TestApk(t *testing.T) {
	got := Apk("C:Q1\nP:musl\nV:1.2-r0\nA:x86_64\no:musl\nD:so:libc.so>=1 !x y=1\np:so:libc.musl=1 cmd:x\nF:lib\nM:0:0:755\nR:ld.so\nZ:Q1\nF:\nR:root\n\nnonsense\n\nP:b\n")
	want := []Package{{
		Name: "musl", Version: "1.2-r0", Arch: "x86_64", Source: "musl", Files: []string{"lib/ld.so", "/root"},
		Needs: [][]string{{"so:libc.so"}, {"y"}}, Provides: []string{"so:libc.musl", "cmd:x"},
	}, {Name: "b"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := World("gcc python3>3.11 .build=20240101\n"); !slices.Equal(got, []string{"gcc", "python3", ".build"}) {
		t.Errorf("%q", got)
	}
}

func TestConda(t *testing.T) {
	got, ok := Conda([]byte(`{"name":"numpy","version":"1.26","files":["lib/x"],"depends":["python >=3.11,<3.12.0a0","libblas"]}`))
	if want := (Package{Name: "numpy", Version: "1.26", Files: []string{"lib/x"}, Needs: [][]string{{"python"}, {"libblas"}}}); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if _, ok := Conda([]byte(`{"name":7}`)); ok {
		t.Error("a number was taken for a name")
	}
	if got := CUDAVersion([]byte(`{"cuda":{"name":"CUDA SDK","version":"12.2.1"}}`)); got != "12.2.1" {
		t.Error(got)
	}
}

// FuzzText gives the same garbage to every reader of text.
func FuzzText(f *testing.F) {
	f.Add("Package: a\nDepends: b | c:any (>= 1), d\nAuto-Installed: 1\n\nPackage: b\n")
	f.Add("/bin/sh\n/bin/sh.distrib\ndash\n")
	f.Add("\"a\"\"b\",sha256=x,1\r\nc,,\n")
	f.Add("Name: a\nVersion: 1\nRequires-Dist: b[x]>=1; extra == 'y'\n\nlong\n")
	f.Add("P:a\nV:1\nD:so:b>=1 !c\nF:lib\nR:x\n\nP:b\n")
	f.Add(`{"name":"a","files":["x"],"depends":["b >=1"],"url":"file:///x","dir_info":{"editable":true}}`)
	f.Add("a\xff\x00\n\n\n:\n,\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		total := 0
		count := func(packages ...Package) {
			for _, p := range packages {
				for _, s := range p.Files {
					total += len(s)
				}
				for _, need := range append(p.Needs, p.Recommends...) {
					for _, s := range need {
						if total += len(s); s == "" {
							t.Errorf("%q needs what has no name", p.Name)
						}
					}
				}
			}
		}
		count(Dpkg(text)...)
		AutoInstalled(text)
		count(Package{Files: slices.Collect(List(text))}, Package{Files: slices.Collect(Record(text))})
		Diversions(text)
		count(Metadata(text))
		count(Package{Needs: Requires(text)})
		World(text)
		Editable([]byte(text))
		PythonVersion([]byte(text))
		CUDAVersion([]byte(text))
		if p, ok := Conda([]byte(text)); ok {
			count(p)
		}
		count(Apk(text)...)
		if total > 20*len(text)+1<<16 {
			t.Errorf("%d bytes of %d", total, len(text))
		}
	})
}

package image

import (
	"maps"
	"strings"
	"testing"
)

func whyOf(x *Index) map[string]string {
	why := make(map[string]string)
	for _, r := range x.Reasons(x.Owners()) {
		for _, p := range r.Packages {
			why[p.Name] = r.Name
		}
	}
	return why
}

// debian makes the entries of packages of a file each, by lines of the status:
// "NAME [needs…] [? recommends…] [@ provides…]".
func debian(lines ...string) []piece {
	var status strings.Builder
	var pieces []piece
	for _, line := range lines {
		rest, provides, _ := strings.Cut(line, "@")
		rest, recommends, _ := strings.Cut(rest, "?")
		words := strings.Fields(rest)
		name := words[0]
		status.WriteString("Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nDepends: " + strings.Join(words[1:], ", ") +
			"\nRecommends: " + strings.Join(strings.Fields(recommends), ", ") + "\nProvides: " + strings.TrimSpace(provides) + "\n\n")
		pieces = append(pieces, piece{path: "var/lib/dpkg/info/" + name + ".list", content: "/usr/bin/" + name + "\n"}, piece{path: "usr/bin/" + name, size: 10})
	}
	return append(pieces, piece{path: "var/lib/dpkg/status", content: status.String()})
}

func states(auto ...string) piece {
	var b strings.Builder
	for _, name := range auto {
		b.WriteString("Package: " + name + "\nArchitecture: amd64\nAuto-Installed: 1\n\n")
	}
	return piece{path: "var/lib/apt/extended_states", content: b.String()}
}

func TestReasons(t *testing.T) {
	base := []string{"libc6", "dash"}
	const (
		appWhy = "app" + andNeeds
		webWhy = "web" + andNeeds
	)
	lines := append(base,
		"app libapp shared libc6 compiler-abi|gcc ? nice", "libapp libdeep", "libdeep libapp", // a circle
		"web libweb shared", "libweb", "shared",
		"gcc libgcc-12-dev cpp shared @ compiler-abi", "cpp libmpfr6", "libmpfr6", "libgcc-12-dev",
		"python3-dev libpython3-dev", "libpython3-dev", "alone",
		"nice libnice ? nicer", "libnice shared", "nicer", "orphan", "nicer-alternative",
	)
	auto := states("libapp", "libdeep", "libweb", "shared", "gcc", "cpp", "libmpfr6", "libgcc-12-dev", "libpython3-dev", "nice", "libnice", "nicer", "orphan", "nicer-alternative")
	want := map[string]string{
		"libc6": ReasonBase, "dash": ReasonBase, "": "unowned",
		"app": appWhy, "libapp": appWhy, "libdeep": appWhy, "web": webWhy, "libweb": webWhy, "shared": ReasonShared, "alone": "alone",
		"gcc": ReasonToolchain, "cpp": ReasonToolchain, "libmpfr6": ReasonToolchain, "libgcc-12-dev": ReasonToolchain, "python3-dev": ReasonToolchain, "libpython3-dev": ReasonToolchain,
		"nice": ReasonRecommended, "libnice": ReasonRecommended, "nicer": ReasonRecommended, "orphan": ReasonOther, "nicer-alternative": ReasonOther,
	}
	check := func(t *testing.T, x *Index) {
		t.Helper()
		checkSums(t, x, x.Owners())
		if got := whyOf(x); !maps.Equal(got, want) {
			for name := range want {
				if got[name] != want[name] {
					t.Errorf("%q: %q, want %q", name, got[name], want[name])
				}
			}
		}
	}
	t.Run("apt wrote down what was asked for", func(t *testing.T) {
		x, _ := made(Config{}, nil, debian(base...), append(debian(lines...), auto))
		check(t, x)
	})
	t.Run("the history says what was asked for", func(t *testing.T) {
		delete(want, "")
		step := "/bin/sh -c apt-get update && apt-get install -y --no-install-recommends app=1 web python3-dev alone && rm -rf /var/lib/apt/lists/*"
		x, _ := made(Config{}, []string{"", step}, debian(base...), debian(lines...))
		check(t, x)
	})
	t.Run("a package that is gone again", func(t *testing.T) {
		x, _ := made(Config{}, nil, debian("a", "b"), debian("a", "b", "c"), []piece{{path: "var/lib/dpkg/status", content: "Package: a\n\nPackage: b\n"}})
		if got := whyOf(x); got["c"] != ReasonRemoved || got["a"] != ReasonBase {
			t.Errorf("%v", got)
		}
	})
	t.Run("all came at once", func(t *testing.T) {
		x, _ := made(Config{}, nil, append(debian("libc6", "app lib", "lib"), states("lib")))
		if got := whyOf(x); got["app"] != "app"+andNeeds || got["lib"] != "app"+andNeeds {
			t.Errorf("%v", got)
		}
	})
}

func TestReasonsOfPython(t *testing.T) {
	const site = "usr/local/lib/python3.12/site-packages/"
	var pieces []piece
	dist := func(name, requires string, asked bool) {
		dir := site + name + "-1.dist-info/"
		pieces = append(pieces, piece{path: site + name + "/__init__.py", size: 100}, piece{path: dir + "RECORD", content: name + "/__init__.py,,\n"},
			piece{path: dir + "METADATA", content: "Name: " + name + "\nVersion: 1\n" + requires})
		if asked {
			pieces = append(pieces, piece{path: dir + "REQUESTED", content: "\n"})
		}
	}
	dist("torch", "Requires-Dist: numpy\nRequires-Dist: nvidia-cublas-cu12\n", true)
	dist("nvidia_cublas_cu12", "", false)
	dist("pandas", "Requires-Dist: NumPy>=1\n", true)
	dist("numpy", "", false)
	x, _ := made(Config{}, nil, pieces)
	got := whyOf(x)
	want := map[string]string{"torch": "torch" + andNeeds, "nvidia-cublas-cu12": "torch" + andNeeds, "pandas": "pandas", "numpy": ReasonSharedPip}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestReasonsOfAlpine(t *testing.T) {
	const base = "P:musl\nV:1\nF:lib\nR:musl\n\n"
	x, _ := made(Config{}, nil,
		[]piece{{path: "lib/apk/db/installed", content: base}, {path: "lib/musl", size: 10}, {path: "etc/apk/world", content: "musl\n"}},
		[]piece{
			{path: "lib/apk/db/installed", content: base + "P:python3\nV:3\nD:so:libz.so\nF:usr/bin\nR:python3\n\nP:zlib\nV:1\np:so:libz.so=1\nF:usr/lib\nR:libz\n\nP:gcc\nV:1\nF:usr/bin\nR:gcc\n"},
			{path: "usr/bin/python3", size: 20}, {path: "usr/lib/libz", size: 20}, {path: "usr/bin/gcc", size: 20}, {path: "etc/apk/world", content: "musl\npython3>3\ngcc\n"},
		})
	got := whyOf(x)
	want := map[string]string{"musl": ReasonBase, "python3": "python3" + andNeeds, "zlib": "python3" + andNeeds, "gcc": ReasonToolchain, "": "unowned"}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

package image

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A piece is a file of a made-up image: its size is that of its content where
// it has one.
type piece struct {
	path    string
	size    int64
	content string
	link    string // of a symbolic link
	name    string // of a hard link: the name that bears the size
	want    string // its owner
}

// made makes an index of layers, and what owners are expected by layer and path.
func made(config Config, steps []string, layers ...[]piece) (*Index, map[Place]string) {
	var files []File
	contents, want := make(map[Place][]byte), make(map[Place]string)
	all := make([]Layer, len(layers))
	for layer, pieces := range layers {
		if layer < len(steps) {
			all[layer].CreatedBy = steps[layer]
		}
		for _, e := range pieces {
			f := File{Path: e.path, Layer: layer, Size: e.size}
			switch {
			case strings.HasSuffix(e.path, "/"):
				f.Path, f.Kind = strings.TrimSuffix(e.path, "/"), Folder
			case e.link != "":
				f.Kind, f.Link, f.Size = Symlink, e.link, int64(len(e.link))
			case e.name != "":
				f.Kind, f.Link, f.Size = HardLink, e.name, 0
			case e.content != "":
				f.Size = int64(len(e.content))
				if Wanted(f.Path) {
					contents[Place{layer, f.Path}] = []byte(e.content)
				}
			}
			files = append(files, f)
			if e.want != "" {
				want[Place{layer, f.Path}] = e.want
			}
		}
	}
	return New(config, all, files, contents), want
}

func expect(t *testing.T, x *Index, want map[Place]string) *Owners {
	t.Helper()
	o := x.Owners()
	for i, f := range x.Files {
		owner := o.Of(i)
		got := strings.TrimSpace(fmt.Sprintf("%s %s %s", owner.Kind, owner.Name, owner.Version))
		if w, ok := want[Place{f.Layer, f.Path}]; ok && got != w {
			t.Errorf("%s in layer %d belongs to %q, want %q", f.Path, f.Layer, got, w)
		}
		delete(want, Place{f.Layer, f.Path})
	}
	if len(want) > 0 {
		t.Errorf("not in the image: %v", want)
	}
	checkSums(t, x, o)
	return o
}

// checkSums asserts that every byte has one owner and every owner one reason.
func checkSums(t testing.TB, x *Index, o *Owners) {
	t.Helper()
	var bytes, wasted, hidden int64
	for i, owned := range o.All {
		bytes += owned.Bytes
		wasted += owned.Wasted
		if i > 0 && owned.Bytes > o.All[i-1].Bytes {
			t.Errorf("%v comes after %v", owned, o.All[i-1])
		}
		if slices.ContainsFunc(o.All[:i], func(other Owned) bool { return other.Owner == owned.Owner }) {
			t.Errorf("%v is there twice", owned.Owner)
		}
	}
	for _, f := range x.Files {
		hidden += f.Wasted()
	}
	if bytes != x.UnpackedBytes() || wasted != hidden {
		t.Errorf("owners have %d bytes, %d of them wasted, and the image %d and %d", bytes, wasted, x.UnpackedBytes(), hidden)
	}
	bytes = 0
	n := 0
	for _, r := range x.Reasons(o) {
		bytes += r.Bytes
		n += len(r.Packages)
	}
	if bytes != x.UnpackedBytes() || n != len(o.All) {
		t.Errorf("reasons have %d bytes and %d owners, and the image %d and %d", bytes, n, x.UnpackedBytes(), len(o.All))
	}
}

func TestDpkgOwners(t *testing.T) {
	const status = "Package: dash\nStatus: install ok installed\nVersion: 0.5\n\nPackage: libc6\nStatus: install ok installed\nVersion: 2.36\n\n" +
		"Package: dpkg\nVersion: 1.21\n\nPackage: bash\nVersion: 5.2\n\nPackage: python3-x\nVersion: 1\n\nPackage: gcc\nVersion: 12\n"
	x, want := made(Config{}, nil, []piece{
		{path: "lib", link: "usr/lib"},
		{path: "bin", link: "usr/bin"},
		{path: "var/lib/dpkg/status", content: status, want: "dpkg dpkg 1.21"},
		{path: "var/lib/dpkg/diversions", content: "/bin/sh\n/bin/sh.distrib\ndash\n", want: "dpkg dpkg 1.21"},
		{path: "var/lib/dpkg/info/libc6:amd64.list", content: "/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n/gone\n", want: "dpkg libc6 2.36"},
		{path: "var/lib/dpkg/info/libc6:amd64.postinst", size: 7, want: "dpkg libc6 2.36"},
		{path: "var/lib/dpkg/info/dash.list", content: "/bin/sh\n", want: "dpkg dash 0.5"},
		{path: "var/lib/dpkg/info/bash.list", content: "/bin/sh\n/bin/bash\n"},
		{path: "var/lib/dpkg/info/gcc.list", content: "/usr/bin/gcc\n"},
		{path: "var/lib/dpkg/info/python3-x.list", content: "/usr/lib/python3/dist-packages/x/__init__.py\n/usr/lib/python3/dist-packages/x-1.egg-info/PKG-INFO\n"},
		{path: "usr/lib/x86_64-linux-gnu/libc.so.6", size: 100, want: "dpkg libc6 2.36"},
		{path: "usr/lib/x86_64-linux-gnu/libc.so", link: "libc.so.6", want: "dpkg libc6 2.36"},
		{path: "usr/bin/sh", size: 10, want: "dpkg dash 0.5"},
		{path: "usr/bin/sh.distrib", size: 11, want: "dpkg bash 5.2"},
		{path: "usr/bin/bash", size: 12, want: "dpkg bash 5.2"},
		{path: "usr/bin/gcc", size: 13, want: "dpkg gcc 12"},
		{path: "usr/bin/cc", link: "/etc/alternatives/cc", want: "dpkg gcc 12"},
		{path: "etc/alternatives/cc", link: "/usr/bin/gcc", want: "dpkg gcc 12"},
		{path: "usr/lib/python3/dist-packages/x/__init__.py", size: 5, want: "dpkg python3-x 1"},
		{path: "usr/lib/python3/dist-packages/x/__pycache__/__init__.cpython-311.pyc", size: 6, want: "dpkg python3-x 1"},
		{path: "usr/lib/python3/dist-packages/x/__pycache__/__init__.cpython-311.opt-1.pyc", size: 6, want: "dpkg python3-x 1"},
		{path: "usr/lib/python3/dist-packages/x/cache.db", size: 8, want: "dpkg python3-x 1"},
		{path: "usr/lib/python3/dist-packages/x-1.egg-info/PKG-INFO", content: "Name: x\nVersion: 1\n", want: "dpkg python3-x 1"},
		{path: "var/cache/apt/pkgcache.bin", size: 9, want: "cache apt index"},
		{path: "srv/other", size: 3, want: "unowned"},
	}, []piece{ // libc6 is upgraded, gcc removed
		{path: "var/lib/dpkg/status", content: strings.ReplaceAll(strings.ReplaceAll(status, "2.36", "2.41"), "Package: gcc\nVersion: 12\n", "")},
		{path: "var/lib/dpkg/info/libc6:amd64.list", content: "/.\n/lib/x86_64-linux-gnu/libc.so.6\n"},
		{path: "usr/lib/x86_64-linux-gnu/libc.so.6", size: 101, want: "dpkg libc6 2.41"},
		{path: "usr/bin/sh", size: 10, want: "dpkg dash 0.5"},
	})
	o := expect(t, x, want)
	for _, owned := range o.All {
		if owned.Name == "libc6" && (owned.Version == "2.36") != (owned.Wasted > 0) {
			t.Errorf("%+v", owned)
		}
	}
}

func TestDistrolessOwners(t *testing.T) {
	x, want := made(Config{}, nil, []piece{
		{path: "var/lib/dpkg/status.d/libc6", content: "Package: libc6\nVersion: 2.36\n", want: "dpkg libc6 2.36"},
		{path: "var/lib/dpkg/status.d/libc6.md5sums", content: strings.Repeat("0", 32) + "  usr/lib/libc.so.6\n", want: "dpkg libc6 2.36"},
		{path: "usr/lib/libc.so.6", size: 100, want: "dpkg libc6 2.36"},
	})
	expect(t, x, want)
}

func TestPipOwners(t *testing.T) {
	const site = "opt/venv/lib/python3.11/site-packages/"
	x, want := made(Config{Run: Run{WorkingDir: "/app"}}, []string{"", "COPY . . # buildkit"}, []piece{
		{path: "opt/venv/lib64", link: "lib"},
		{path: site + "uvicorn/__init__.py", size: 10, want: "pip uvicorn 0.30"},
		{path: site + "uvicorn/__pycache__/__init__.cpython-311.pyc", size: 11, want: "pip uvicorn 0.30"},
		{path: site + "uvicorn-0.30.dist-info/METADATA", content: "Name: Uvicorn\nVersion: 0.30\nRequires-Dist: click>=7\nRequires-Dist: httptools; extra == \"standard\"\n\nVersion: 9\n"},
		{path: site + "uvicorn-0.30.dist-info/REQUESTED", size: 0, want: "pip uvicorn 0.30"},
		{path: site + "uvicorn-0.30.dist-info/RECORD", want: "pip uvicorn 0.30",
			content: "uvicorn/__init__.py,sha256=x,10\r\n../../../bin/uvicorn,sha256=x,9\r\n\"uvicorn/a,\"\"b.txt\",,\r\n/etc/uvicorn.conf,,\n../../../../../../../../../etc/over,,\n"},
		{path: site + `uvicorn/a,"b.txt`, size: 3, want: "pip uvicorn 0.30"},
		{path: "opt/venv/bin/uvicorn", size: 9, want: "pip uvicorn 0.30"},
		{path: "etc/uvicorn.conf", size: 4, want: "pip uvicorn 0.30"},
		{path: "etc/over", size: 4, want: "pip uvicorn 0.30"},
		// Two wheels that share a folder.
		{path: site + "nvidia/cublas/libcublas.so.12", size: 1000, want: "pip nvidia-cublas-cu12 12.1"},
		{path: site + "nvidia/cudnn/libcudnn.so.9", size: 2000, want: "pip nvidia-cudnn-cu12 9.1"},
		{path: site + "nvidia_cublas_cu12-12.1.dist-info/RECORD", content: "nvidia/cublas/libcublas.so.12,,\n"},
		{path: site + "nvidia_cudnn_cu12-9.1.dist-info/RECORD", content: "nvidia/cudnn/libcudnn.so.9,,\n"},
		// Copied without a list.
		{path: site + "scikit_learn-1.2.egg-info/top_level.txt", content: "sklearn\n", want: "pip scikit-learn 1.2"},
		{path: site + "sklearn/tree/x.so", size: 50, want: "pip scikit-learn 1.2"},
		{path: site + "scikit_learn.libs/libgomp.so", size: 51, want: "pip scikit-learn 1.2"},
		// Debian's distutils: a file.
		{path: site + "old-1.0.egg-info", content: "Name: old\nVersion: 1.0\n", want: "pip old 1.0"},
		{path: site + "old.py", size: 7, want: "pip old 1.0"},
		{path: site + "egg-2-py3.11.egg/EGG-INFO/PKG-INFO", content: "Name: egg\nVersion: 2\n"},
		{path: site + "egg-2-py3.11.egg/egg.py", size: 7, want: "pip egg 2"},
		// Run from their sources: the application itself, and another.
		{path: site + "app-1.dist-info/direct_url.json", content: `{"url":"file:///app","dir_info":{"editable":true}}`},
		{path: site + "app-1.dist-info/RECORD", content: "app-1.dist-info/RECORD,,\n"},
		{path: site + "lib-1.dist-info/direct_url.json", content: `{"url":"file:///src/lib","dir_info":{"editable":true}}`},
		{path: site + "lib-1.dist-info/RECORD", content: "lib-1.dist-info/RECORD,,\n"},
		{path: "src/lib/lib.py", size: 8, want: "pip lib 1"},
		{path: "root/.cache/pip/http/x", size: 60, want: "cache pip"},
		{path: "root/.cache/uv/x", size: 60, want: "cache uv"},
	}, []piece{
		{path: "app/main.py", size: 20, want: "application /app"},
		{path: "app/model-00001-of-00002.safetensors", size: 5000, want: "weights /app"},
		{path: "app/model.joblib", size: 700, want: "weights /app/model.joblib"},
		{path: "app/small.pkl", size: 70, want: "application /app"},
		{path: "app/large.pkl", size: 7 << 20, want: "weights /app/large.pkl"},
		{path: "usr/local/bin/start.sh", size: 21, want: "application /usr/local"},
		{path: "start.sh", size: 21, want: "application /"},
	})
	o := expect(t, x, want)
	var names []string
	for _, r := range x.Reasons(o) {
		names = append(names, r.Name)
	}
	for _, name := range []string{"uvicorn", "model weights", "application", "caches and logs"} {
		if !slices.Contains(names, name) {
			t.Errorf("no reason %q in %q", name, names)
		}
	}
}

func TestOtherOwners(t *testing.T) {
	x, want := made(Config{}, []string{"/bin/sh -c #(nop) ADD file:0 in / "}, []piece{
		{path: "lib/apk/db/installed", content: "P:musl\nV:1.2-r0\nF:lib\nR:ld-musl.so.1\nZ:Q1\n\nP:apk-tools\nV:2\nF:sbin\nR:apk\n", want: "apk apk-tools 2"},
		{path: "lib/ld-musl.so.1", size: 600, want: "apk musl 1.2-r0"},
		{path: "opt/conda/conda-meta/mkl-1-0.json", content: `{"name":"mkl","version":"1","files":["lib/libmkl.so","share/mkl/x"]}`, want: "conda mkl 1"},
		{path: "opt/conda/lib/libmkl.so", size: 900, want: "conda mkl 1"},
		{path: "opt/conda/pkgs/mkl-1-0/lib/libmkl.so", name: "opt/conda/lib/libmkl.so"},
		// The cache's name comes first, and the environment's is a link to it.
		{path: "opt/conda/pkgs/mkl-1-0/share/mkl/x", size: 90, want: "conda mkl 1"},
		{path: "opt/conda/share/mkl/x", name: "opt/conda/pkgs/mkl-1-0/share/mkl/x", want: "conda mkl 1"},
		{path: "opt/conda/pkgs/mkl-1-0.tar.bz2", size: 80, want: "cache conda"},
		{path: "usr/local/lib/python3.12/os.py", size: 40, want: "runtime python 3.12.4"},
		{path: "usr/local/lib/python3.12/site-packages/README", size: 4, want: "unowned"},
		{path: "usr/local/include/python3.12/patchlevel.h", content: "#define PY_VERSION   \"3.12.4\"\n", want: "runtime python 3.12.4"},
		{path: "root/.local/share/uv/python/cpython-3.11/lib/python3.11/os.py", size: 4, want: "runtime python 3.11"},
		{path: "root/.local/share/uv/python/cpython-3.11/bin/python3.11", size: 4, want: "runtime python 3.11"},
		{path: "usr/local/cuda-12.2/lib64/libcudart.so.12", size: 70, want: "cuda cuda 12.2"},
		{path: "usr/local/cuda/version.json", content: `{"cuda":{"version":"12.4.1"}}`, want: "cuda cuda 12.4.1"},
		{path: "usr/local/cudax", size: 1, want: "unowned"},
		{path: "hub/models--org--name/blobs/aa", size: 100, want: "weights org/name"},
		{path: "hub/models--org--name/blobs/bb", size: 100, want: "cache huggingface"},
		{path: "hub/models--org--name/blobs/cc", size: 30 << 20, want: "weights org/name"},
		{path: "hub/models--org--name/snapshots/r/model.safetensors", link: "../../blobs/aa", want: "weights org/name"},
		{path: "hub/models--org--name/snapshots/r/config.json", link: "../../blobs/bb", want: "cache huggingface"},
		{path: "loop", link: "loop", want: "unowned"},
	}, []piece{ // a package removed again
		{path: "lib/apk/db/installed", content: "P:musl\nV:1.2-r0\nF:lib\nR:ld-musl.so.1\n\nP:apk-tools\nV:2\n\nP:gcc\nV:13\nF:usr/bin\nR:gcc\n"},
		{path: "usr/bin/gcc", size: 77, want: "apk gcc 13"},
	}, []piece{
		{path: "lib/apk/db/installed", content: "P:musl\nV:1.2-r0\nF:lib\nR:ld-musl.so.1\n\nP:apk-tools\nV:2\n"},
		{path: "usr/bin/gcc", size: 1, want: "apk gcc 13"},
	})
	expect(t, x, want)
}

// Nothing of this may end in a loop or take long.
func TestLinksThatLoop(t *testing.T) {
	pieces := []piece{
		{path: "a", link: "b"}, {path: "b", link: "a"}, {path: "c", link: "c/c"}, {path: "root", link: "/"},
		{path: "var/lib/dpkg/info/p.list", content: "/a/x\n/c/x\n/root/root/file\n/d0/x\n" + strings.Repeat("/a", 5000) + "\n"},
		{path: "file", size: 1, want: "dpkg p"},
	}
	for i := range 100 {
		pieces = append(pieces, piece{path: fmt.Sprintf("d%d", i), link: fmt.Sprintf("d%d/d%d", i+1, i+1)})
	}
	x, want := made(Config{}, nil, pieces)
	expect(t, x, want)
}

// Sums hold whatever is in an image.
func TestOwnersSums(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		x, _ := made(Config{Run: Run{WorkingDir: "/app"}}, []string{"", "COPY . ."}, randomLayers(r)...)
		checkSums(t, x, x.Owners())
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

var somePaths = []string{
	"lib", "usr/lib/libc.so.6", "lib/libc.so.6", "usr/bin/gcc", "var/lib/dpkg/status", "var/lib/dpkg/info/gcc.list", "var/lib/dpkg/info/libc6.list",
	"var/lib/dpkg/diversions", "lib/apk/db/installed", "opt/conda/conda-meta/mkl.json", "opt/conda/lib/libmkl.so", "opt/conda/pkgs/libmkl.so", "app/model.pt",
	"s/site-packages/p-1.dist-info/RECORD", "s/site-packages/p-1.dist-info/METADATA", "s/site-packages/p/__init__.py", "s/site-packages/p/__pycache__/__init__.cpython-311.pyc",
	"var/lib/apt/extended_states", "usr/local/lib/python3.12/os.py", "usr/local/cuda/x", "root/.cache/pip/x", "x\xff\xfe", "app", "usr", "s",
}

var someContents = []string{
	"Package: gcc\nVersion: 1\nDepends: libc6 | x\nRecommends: gcc\n\nPackage: libc6\nVersion: 2\n", "/usr/bin/gcc\n/lib/libc.so.6\n", "/usr/bin/gcc\n/x\nlibc6\n",
	"p/__init__.py,,\n../../usr/bin/gcc,,\n", "Name: p\nVersion: 1\n", "P:musl\nV:1\nF:lib\nR:libc.so.6\n", `{"name":"mkl","files":["lib/libmkl.so","../../usr/bin/gcc"]}`,
	"Package: libc6\nAuto-Installed: 1\nArchitecture: amd64\n", "\xff\x00",
}

func randomLayers(r *rand.Rand) [][]piece {
	layers := make([][]piece, 1+r.IntN(4))
	for i := range layers {
		for _, path := range somePaths {
			e := piece{path: path}
			switch r.IntN(6) {
			case 0:
				continue
			case 1:
				e.link = somePaths[r.IntN(len(somePaths))]
			case 2:
				e.name = somePaths[r.IntN(len(somePaths))]
			case 3:
				e.path += "/"
			case 4:
				e.size = r.Int64N(1000)
			case 5:
				e.content = someContents[r.IntN(len(someContents))]
			}
			layers[i] = append(layers[i], e)
		}
	}
	return layers
}

func FuzzOwners(f *testing.F) {
	for _, content := range someContents {
		f.Add(uint64(1), content)
	}
	f.Fuzz(func(t *testing.T, seed uint64, content string) {
		r := rand.New(rand.NewPCG(seed, 0))
		layers := randomLayers(r)
		for _, pieces := range layers {
			for i := range pieces {
				if pieces[i].content != "" && r.IntN(2) == 0 {
					pieces[i].content = content
				}
			}
		}
		x, _ := made(Config{}, nil, layers...)
		checkSums(t, x, x.Owners())
	})
}

package image

import (
	"slices"
	"testing"
)

func TestPython(t *testing.T) {
	const site = "usr/local/lib/python3.11/site-packages"
	pip := func(name string, files map[string]int64) func(b *build) {
		return func(b *build) { official(b).step("RUN pip install").pip(site, name, "1.0", files) }
	}
	examine(t, "dev-packages", []example{
		{name: "pytest", image: pip("pytest", map[string]int64{"_pytest/x.py": mb}), bytes: mb, says: []string{"pytest 1.0"}},
		{name: "plug-in", image: pip("pytest-cov", map[string]int64{"x.py": 10}), bytes: 10},
		{name: "jupyterlab", image: pip("jupyterlab", map[string]int64{"x.py": 9 * mb}), bytes: 9 * mb},
		{name: "numpy", image: pip("numpy", map[string]int64{"numpy/testing/x.py": mb}), none: true},
	})
	examine(t, "two-pythons", []example{
		{name: "Debian's beside", image: func(b *build) {
			official(b).step("RUN apt-get install git").deb("python3.11-minimal", "usr/bin/python3.11", 7*mb).link("usr/bin/python3", "python3.11")
			b.deb("libpython3.11-stdlib", "usr/lib/python3.11/os.py", 10*mb)
		}, bytes: 17 * mb, says: []string{"usr/bin/python3.11: 17.0 MB", "what runs: usr/local/bin/python3.11"}},
		{name: "conda's runs", image: func(b *build) {
			official(b).step("RUN conda").file("opt/conda/bin/python3.12", 30*mb).link("opt/conda/bin/python", "python3.12")
			b.config.Run.Env[0] = "PATH=/opt/conda/bin:/usr/local/bin:/usr/bin"
		}, bytes: 15*mb + 47_000, says: []string{"what runs: opt/conda/bin/python3.12"}},
		{name: "one", image: func(b *build) { official(b) }, none: true},
		{name: "a virtual environment", image: func(b *build) {
			official(b).step("RUN python -m venv").link("opt/venv/bin/python", "/usr/local/bin/python3").link("opt/venv/bin/python3.11", "python")
		}, none: true},
		{name: "in conda's cache", image: func(b *build) {
			official(b).step("RUN x").file("opt/conda/pkgs/python-3.12/bin/python3.12", 30*mb)
		}, none: true},
		{name: "links in a circle", image: func(b *build) {
			official(b).step("RUN x").file("usr/bin/python3.12", 7*mb).link("usr/local/bin/python3", "/usr/local/bin/python").link("usr/local/bin/python", "python3")
		}, bytes: 22*mb + 47_000},
	})
	examine(t, "duplicate-packages", []example{
		{name: "Debian's and pip's", image: func(b *build) {
			official(b).step("RUN x").deb("python3-numpy", "usr/lib/python3/dist-packages/numpy/x.so", 30*mb)
			b.database("usr/lib/python3/dist-packages/numpy-1.24.2.egg-info/PKG-INFO", "Name: numpy\nVersion: 1.24.2\n")
			b.pip(site, "numpy", "2.1.0", map[string]int64{"numpy/x.so": 60 * mb})
		}, bytes: 30 * mb, says: []string{"numpy 1.24.2 in usr/lib/python3/dist-packages, and 2.1.0 in " + site}},
		{name: "two environments", image: func(b *build) {
			official(b).step("RUN x").pip(site, "torch", "2.3.0", map[string]int64{"torch/x.so": 600 * mb})
			b.pip("opt/venv/lib/python3.11/site-packages", "torch", "2.3.0", map[string]int64{"torch/x.so": 600 * mb})
		}, bytes: 600 * mb},
		{name: "pip in each", image: func(b *build) {
			official(b).step("RUN x").pip("opt/venv/lib/python3.11/site-packages", "pip", "24.0", map[string]int64{"pip/x.py": 9 * mb})
		}, none: true},
		{name: "vendored", image: func(b *build) {
			official(b).step("RUN x").pip(site, "packaging", "24", map[string]int64{"packaging/x.py": 2 * mb})
			b.pip(site+"/setuptools/_vendor", "packaging", "24", map[string]int64{"packaging/x.py": 2 * mb})
		}, none: true},
		{name: "upgraded", image: func(b *build) {
			official(b).step("RUN a").pip(site, "torch", "2.2.0", map[string]int64{"torch/x.so": 600 * mb})
			b.step("RUN b").gone(site+"/torch-2.2.0.dist-info").pip(site, "torch", "2.3.0", map[string]int64{"torch/x.so": 600 * mb})
		}, none: true},
	})
	examine(t, "package-tests", []example{
		{name: "sklearn", image: pip("scikit-learn", map[string]int64{"sklearn/tests/test_base.py": 2 * mb, "sklearn/svm/tests/x.py": mb, "sklearn/svm/x.so": mb}), bytes: 3 * mb, says: []string{"sklearn: 3.0 MB"}},
		{name: "Python's own", image: func(b *build) { official(b).file("usr/lib/python3.11/test/test_os.py", 9*mb) }, bytes: 9 * mb},
		{name: "helpers for tests", image: pip("torch", map[string]int64{"torch/testing/_internal/x.py": 5 * mb, "torch/test.py": 2 * mb, "latests/x.py": mb}), none: true},
		{name: "the application's", image: func(b *build) { official(b).step("COPY . .").file("app/tests/x.py", 9*mb) }, none: true},
	})
	sources := map[string]int64{"torch/a.py": 2 * mb, "torch/b.py": 2 * mb}
	compiled := map[string]int64{"torch/a.py": 2 * mb, "torch/__pycache__/a.cpython-311.pyc": mb, "torch/b.py": 100_000}
	examine(t, "no-bytecode", []example{
		{name: "sources alone", image: pip("torch", sources), says: []string{site + "/torch: 4.0 MB in 2 files"}},
		{name: "removed later", image: func(b *build) {
			pip("torch", compiled)(b)
			b.step("RUN find / -name __pycache__").gone(site + "/torch/__pycache__")
		}},
		{name: "compiled", image: pip("torch", compiled), none: true},
		{name: "tests", image: pip("torch", map[string]int64{"torch/tests/x.py": 9 * mb}), none: true},
	})
	examine(t, "pycache", []example{
		{name: "compiled", image: pip("torch", compiled), says: []string{"__pycache__: 1.0 MB"}},
		{name: "sources alone", image: pip("torch", sources), none: true},
	})
}

func TestUnpinned(t *testing.T) {
	const dir = "usr/local/lib/python3.11/site-packages/trl-0.9.dist-info"
	vcs := func(direct string) func(b *build) {
		return func(b *build) {
			official(b).step("RUN x").database(dir+"/METADATA", "Name: trl\nVersion: 0.9\n").database(dir+"/direct_url.json", direct)
		}
	}
	const hash = "0123456789abcdef0123456789abcdef01234567"
	examine(t, "unpinned", []example{
		{name: "branch", image: vcs(`{"url": "https://github.com/huggingface/trl", "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "` + hash + `"}}`),
			says: []string{"trl 0.9: from main of https://github.com/huggingface/trl, which was then " + hash}},
		{name: "no branch", image: vcs(`{"url": "https://github.com/huggingface/trl", "vcs_info": {"vcs": "git", "commit_id": "` + hash + `"}}`), says: []string{"the default branch"}},
		{name: "commit", image: vcs(`{"url": "https://x", "vcs_info": {"vcs": "git", "requested_revision": "` + hash + `", "commit_id": "` + hash + `"}}`), none: true},
		{name: "archive", image: vcs(`{"url": "https://x/y.whl", "archive_info": {"hash": "sha256=aa"}}`), none: true},
		{name: "folder", image: vcs(`{"url": "file:///app", "dir_info": {}}`), none: true},
		{name: "garbage", image: vcs(`{"vcs_info": [`), none: true},
		{name: "history", image: func(b *build) {
			official(b).step("RUN /bin/sh -c pip install --no-cache-dir fastapi uvicorn # buildkit")
		}, says: []string{"history line 5 installs without a version: fastapi, uvicorn"}},
	})
	for _, c := range []struct {
		line string
		want []string
	}{
		{"RUN /bin/sh -c pip install fastapi 'uvicorn[standard]>=0.20' numpy==1.26.4 # buildkit", []string{"fastapi", "uvicorn[standard]>=0.20"}},
		{"/bin/sh -c apt-get install -y git && pip3 install -U pip setuptools torch \\\n   torchvision && rm -rf x", []string{"torch", "torchvision"}},
		{"RUN uv pip install --system -r requirements.txt --index-url https://x torch", []string{"torch"}},
		{"RUN python -m pip install .", nil},
		{"RUN pip install -r requirements.txt -c constraints.txt", nil},
		{"RUN pip install --no-cache-dir ./dist/app-1.0-py3-none-any.whl /tmp/x.whl git+https://github.com/a/b", nil},
		{"RUN pip install 'torch @ https://x/y.whl' \"$PACKAGE\" ${X}", nil},
		{"RUN pip install --require-hashes -r requirements.txt", nil},
		{"RUN conda install -y -n base -c pytorch pytorch=2.2 numpy && conda clean -afy", []string{"numpy"}},
		{"RUN apt-get install -y python3-pip", nil},
		{"RUN npm install express", nil},
		{"COPY pip install x", nil},
		{"RUN install x", nil},
		{"RUN pip install", nil},
	} {
		if got := floating(c.line); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestRecommended(t *testing.T) {
	b := official(new(build))
	b.step("/bin/sh -c apt-get install -y python3-pip").deb("python3-pip", "usr/bin/pip", 2*mb).deb("build-essential", "usr/share/x", 5*mb).deb("gcc-12", "usr/lib/gcc/x86_64-linux-gnu/12/cc1", 60*mb)
	b.flush()
	b.files[len(b.files)-1].Size = 0
	status := "Package: libgcc-s1\nStatus: install ok installed\nVersion: 1\n\nPackage: python3-pip\nStatus: install ok installed\nVersion: 1\nRecommends: build-essential\n\n" +
		"Package: build-essential\nStatus: install ok installed\nVersion: 1\nDepends: gcc-12\n\nPackage: gcc-12\nStatus: install ok installed\nVersion: 1\n"
	b.status = ""
	b.contents[Place{len(b.layers) - 1, "var/lib/dpkg/status"}] = []byte(status)
	all := b.check()
	if f := wants(t, all, "recommended-packages", true); f.Bytes != 65*mb {
		t.Errorf("%d bytes of %q", f.Bytes, f.Evidence)
	}
	if f := wants(t, all, "build-tools", true); f.Bytes != 0 || len(f.Evidence) != 1 {
		t.Errorf("tools are counted twice: %d bytes of %q", f.Bytes, f.Evidence)
	}
	wants(t, new(build).check(), "recommended-packages", false)
}

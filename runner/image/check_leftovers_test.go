package image

import "testing"

func TestLeftovers(t *testing.T) {
	lists := "var/lib/apt/lists/mirror.example_debian_dists_bookworm_main_binary-amd64_Packages"
	file := func(path string) func(b *build) {
		return func(b *build) { official(b).step("RUN x").file(path, 2*mb) }
	}
	none := func(path string) example { return example{name: path, image: file(path), none: true} }
	some := func(path string) example { return example{name: path, image: file(path), bytes: 2 * mb} }
	examine(t, "package-lists", []example{
		some(lists), some("var/cache/apt/archives/gcc.deb"), some("var/cache/apt/pkgcache.bin"), some("var/cache/apk/APKINDEX.tar.gz"), some("var/cache/dnf/x.solv"),
		{name: "removed in another layer", image: func(b *build) {
			official(b).step("RUN apt-get update").file(lists, 20*mb).step("RUN rm -rf /var/lib/apt/lists/*").gone(lists)
		}, bytes: 20 * mb, says: []string{"var/lib/apt/lists, which a later layer removes: 20.0 MB"}},
		{name: "empty", image: func(b *build) {
			official(b).entry(File{Path: "var/lib/apt/lists", Kind: Folder}).file("var/lib/apt/lists/lock", 0).file("var/cache/debconf/templates.dat", 3*mb)
		}, none: true},
		none("var/lib/apt/extended_states"), none("app/var/lib/apt/lists/x"),
	})
	examine(t, "install-caches", []example{
		some("root/.cache/pip/http-v2/a/b/c"), some("home/app/.cache/uv/archive-v0/x/torch/x.so"), some("opt/conda/pkgs/mkl-2023.1.0.tar.bz2"),
		some("root/miniconda3/pkgs/python-3.11/bin/python3.11"), some("root/.npm/_cacache/x"), some("root/.cache/huggingface/xet/chunk-cache/x"),
		{name: "conda's hard links", image: func(b *build) {
			b.step("RUN conda install").file("opt/conda/pkgs/mkl-2023/share/mkl.txt", 9*mb).file("opt/conda/pkgs/mkl-2023.conda", 5*mb)
			b.entry(File{Path: "opt/conda/share/mkl.txt", Kind: HardLink, Link: "opt/conda/pkgs/mkl-2023/share/mkl.txt"})
		}, bytes: 5 * mb},
		none("root/.cache/huggingface/hub/models--bert--base/blobs/ab"), none("opt/conda/lib/libmkl.so"), none("app/pkgs/x"), none("root/.cache/torch/hub/checkpoints/resnet.pth"),
	})
	examine(t, "weights-twice", []example{
		{name: "folder", image: func(b *build) {
			official(b).step("COPY model").file("models/bert/model.safetensors", 440*mb).file("models/bert/pytorch_model.bin", 441*mb).file("models/bert/tf_model.h5", 536*mb)
		}, bytes: 977 * mb, says: []string{"models/bert, tf_model*.h5: 536.0 MB"}},
		{name: "the hub's cache", image: func(b *build) {
			hub := "root/.cache/huggingface/hub/models--bert/"
			official(b).step("RUN x").file(hub+"blobs/aa", 440*mb).file(hub+"blobs/bb", 441*mb)
			b.link(hub+"snapshots/1/model.safetensors", "../../blobs/aa").link(hub+"snapshots/1/pytorch_model.bin", "../../blobs/bb")
		}, bytes: 441 * mb},
		{name: "shards", image: func(b *build) {
			official(b).step("COPY m").file("m/model-00001-of-00002.safetensors", 9*mb).file("m/model-00002-of-00002.safetensors", 9*mb)
		}, none: true},
		{name: "two models", image: func(b *build) {
			official(b).step("COPY m").file("m/a/model.safetensors", 9*mb).file("m/b/pytorch_model.bin", 9*mb)
		}, none: true},
		{name: "another thing", image: func(b *build) {
			official(b).step("COPY m").file("m/model.safetensors", 9*mb).file("m/adapter_model.bin", 9*mb).file("m/training_args.bin", 9*mb)
		}, none: true},
	})
	examine(t, "model-cache", []example{
		{name: "hub", image: file("root/.cache/huggingface/hub/models--org--bert/blobs/ab"), says: []string{"org/bert: 2.0 MB"}},
		none("models/bert/model.safetensors"),
	})
	examine(t, "documentation", []example{
		{name: "manuals", image: func(b *build) {
			official(b).file("usr/share/man/man1/gcc.1.gz", 4*mb).file("usr/share/doc/x/examples/y", 3*mb).file("opt/conda/share/locale/de/x.mo", mb).file("usr/share/doc/x/copyright", 9*mb)
		}, bytes: 8*mb + 4000},
		{name: "licences", image: func(b *build) {
			official(b).file("usr/share/doc/x/copyright", 5*mb).file("usr/share/doc/y/LICENSE.gz", 5*mb)
		}, none: true},
		{name: "time zones", image: file("usr/share/zoneinfo/Europe/Berlin"), none: true},
	})
	examine(t, "temporary-files", []example{
		some("tmp/Miniconda3-latest-Linux-x86_64.sh"), some("var/tmp/x/y"), some("var/log/dpkg.log"), none("app/tmp/x"), none("opt/tmp"),
		{name: "the service's folder", image: func(b *build) {
			file("tmp/app/x")(b)
			b.config.Run.WorkingDir = "/tmp/app"
		}, none: true},
	})
	examine(t, "static-libraries", []example{some("opt/lib/libx.a"), none("opt/lib/libx.so"), none("app/data.a")})
	examine(t, "debug-symbols", []example{
		some("usr/lib/debug/.build-id/ab/cd.debug"), some("app/x.debug"), none("usr/lib/debugger"),
		{name: "package", image: func(b *build) { official(b).deb("python3.11-dbg", "usr/bin/python3.11d", 9*mb) }, bytes: 9 * mb},
	})
}

func TestFullOS(t *testing.T) {
	packages := func(b *build, n int) *build {
		official(b)
		for i := range n {
			b.deb("lib"+string(rune('a'+i/26))+string(rune('a'+i%26)), "usr/lib/"+string(rune('a'+i/26))+string(rune('a'+i%26)), 100)
		}
		return b
	}
	examine(t, "full-os", []example{
		{name: "buildpack-deps", image: func(b *build) {
			packages(b, 250).deb("mercurial", "usr/bin/hg", 9*mb).deb("imagemagick-6.q16", "usr/bin/convert", mb).deb("mariadb-common", "etc/mysql/x", 100)
			b.deb("git", "usr/bin/git", 40*mb)
		}, bytes: 50*mb + 100, says: []string{"Debian GNU/Linux 12 (bookworm), 256 packages", "version control: 49.0 MB"}},
		{name: "slim", image: func(b *build) { packages(b, 105).deb("git", "usr/bin/git", 40*mb) }, none: true},
		{name: "many libraries", image: func(b *build) { packages(b, 400) }, none: true},
	})
}

func TestContext(t *testing.T) {
	app := func(paths ...string) func(b *build) {
		return func(b *build) {
			official(b).step("COPY . . # buildkit")
			b.config.Run.WorkingDir, b.config.Run.Cmd = "/app", []string{"uvicorn", "app:app"}
			for _, path := range paths {
				b.file(path, 2*mb)
			}
		}
	}
	environment := []string{"app/.venv/pyvenv.cfg", "app/.venv/lib/python3.11/site-packages/torch/x.so"}
	examine(t, "context-junk", []example{
		{name: "git", image: app("app/.git/objects/pack/x.pack"), bytes: 2 * mb, says: []string{"app/.git: 2.0 MB"}},
		{name: "tests", image: app("app/tests/fixtures/x.bin"), bytes: 2 * mb},
		{name: "test files", image: app("app/test_app.py"), bytes: 2 * mb},
		{name: "notebooks", image: app("app/notebooks/x.ipynb"), bytes: 2 * mb, says: []string{"*.ipynb"}},
		{name: "data", image: func(b *build) { app()(b); b.file("app/data/train.csv", 200*mb) }, bytes: 200 * mb},
		{name: "caches of tools", image: app("app/.mypy_cache/x"), bytes: 2 * mb},
		{name: "the host's environment", image: app(environment...), bytes: 4 * mb, says: []string{"app/.venv"}},

		{name: "the service's environment", image: func(b *build) {
			app(environment...)(b)
			b.config.Run.Env[0] = "PATH=/app/.venv/bin:/usr/bin"
		}, none: true},
		{name: "uv run", image: func(b *build) { app(environment...)(b); b.config.Run.Cmd = []string{"uv", "run", "app.py"} }, none: true},
		{name: "started by path", image: func(b *build) {
			app(environment...)(b)
			b.config.Run.Cmd = []string{".venv/bin/uvicorn", "app:app"}
		}, none: true},
		{name: "started by a script", image: func(b *build) {
			app(environment...)(b)
			b.link("app/.venv/bin/python", "/usr/local/bin/python3")
			b.config.Run.Cmd = []string{"/app/start.sh"}
		}, none: true},
		{name: "a package's tests", image: func(b *build) {
			app()(b)
			b.pip("usr/local/lib/python3.11/site-packages", "scikit-learn", "1.5.0", map[string]int64{"sklearn/tests/test_base.py": 2 * mb})
		}, none: true},
		{name: "copied packages", image: func(b *build) { app("usr/lib/python3/dist-packages/sklearn/tests/test_base.py")(b) }, none: true},
		{name: "a small table", image: func(b *build) { app()(b); b.file("app/labels.csv", 20_000) }, none: true},
		{name: "code", image: app("app/app.py", "app/latest/x.py", "app/env/settings.py", "app/contest.py"), none: true},
		{name: "a system's folder", image: func(b *build) { official(b).deb("x", "usr/share/x/tests/y", 2*mb) }, none: true},
	})
	if f := wants(t, func() []Finding { b := new(build); app()(b); b.file("app/tests/x.py", 300); return b.check() }(), "context-junk", true); f.Severity != Low {
		t.Errorf("300 bytes are %s", f.Severity)
	}
}

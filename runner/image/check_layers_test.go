package image

import (
	"strings"
	"testing"
)

func TestLayers(t *testing.T) {
	examine(t, "rewritten-files", []example{
		{name: "chown", image: func(b *build) {
			official(b).step("COPY model /model").file("model/weights.pt", 90*mb).step("RUN /bin/sh -c chown -R app /model # buildkit")
			b.entry(File{Path: "model/weights.pt", Size: 90 * mb, UID: 10001, Mode: 0o644})
		}, bytes: 90 * mb, says: []string{"model/weights.pt, again in layer 4 (RUN chown -R app /model), where the size is the same and the owner differs: 90.0 MB"}},
		{name: "chmod", image: func(b *build) {
			official(b).step("COPY x /x").file("x", 90*mb).step("RUN chmod +x /x").entry(File{Path: "x", Size: 90 * mb, Mode: 0o755})
		}, bytes: 90 * mb, says: []string{"where the size is the same and the mode differs"}},
		{name: "three times", image: func(b *build) {
			official(b).step("RUN a").file("x", 2*mb).step("RUN b").file("x", 3*mb).step("RUN c").file("x", 4*mb)
		}, bytes: 5 * mb},
		{name: "databases", image: func(b *build) {
			official(b).step("RUN a").file("var/lib/dpkg/available", 2*mb).step("RUN b").file("var/lib/dpkg/available", 2*mb)
		}, none: true},
		{name: "once", image: func(b *build) { official(b).step("RUN a").file("x", 9*mb) }, none: true},
	})
	examine(t, "removed-files", []example{
		{name: "archive", image: func(b *build) {
			official(b).step("RUN curl -O x").file("opt/x.tar.gz", 50*mb).step("RUN /bin/sh -c rm /opt/x.tar.gz # buildkit").gone("opt/x.tar.gz")
		}, bytes: 50 * mb, says: []string{"opt/x.tar.gz, removed in layer 4 (RUN rm /opt/x.tar.gz): 50.0 MB"}},
		{name: "folder", image: func(b *build) {
			official(b).step("RUN a").file("opt/build/x/y", 50*mb).step("RUN rm").gone("opt/build")
		}, bytes: 50 * mb},
		{name: "counted as a cache", image: func(b *build) {
			official(b).step("RUN a").file("root/.cache/pip/x", 50*mb).step("RUN rm").gone("root/.cache")
		}, none: true},
		{name: "replaced", image: func(b *build) { official(b).step("RUN a").file("x", 9*mb).step("RUN b").file("x", 9*mb) }, none: true},
	})
	site := "usr/local/lib/python3.11/site-packages"
	install := func(b *build) *build {
		return b.step("RUN /bin/sh -c pip install -r requirements.txt # buildkit").pip(site, "torch", "2.3.0", map[string]int64{"torch/x.so": 500 * mb})
	}
	begin := func(b *build) *build {
		b.config.Run.WorkingDir = "/app"
		return official(b)
	}
	examine(t, "cache-order", []example{
		{name: "copy first", image: func(b *build) { install(begin(b).step("COPY . . # buildkit").file("app/app.py", 900)) }, says: []string{
			"layer 4 (RUN pip install -r requirements.txt): 500.0 MB", "whenever layer 3 (COPY . .) changes, which has the application",
		}},
		{name: "classic builder", image: func(b *build) {
			begin(b).step("/bin/sh -c #(nop) COPY dir:cef3930cfe0f in . ").file("app/app.py", 900)
			b.step("/bin/sh -c apt-get install -y python3-sklearn").deb("python3-sklearn", "usr/lib/python3/dist-packages/sklearn/x.so", 50*mb)
		}, says: []string{"apt-get install -y python3-sklearn"}},
		{name: "manifest first", image: func(b *build) {
			install(begin(b).step("COPY requirements.txt setup.py ./").file("app/requirements.txt", 90).file("app/setup.py", 90)).step("COPY . .").file("app/app.py", 900)
		}, none: true},
		{name: "from a stage", image: func(b *build) {
			begin(b).step("COPY . .").file("app/app.py", 900).step("COPY /install /usr/local # buildkit").pip(site, "torch", "2.3.0", map[string]int64{"torch/x.so": 500 * mb})
		}, none: true},
		{name: "a small install", image: func(b *build) {
			begin(b).step("COPY . .").file("app/app.py", 900).step("RUN pip install .").pip(site, "app", "1.0", map[string]int64{"app/x.py": 900})
		}, none: true},
		{name: "a script for the start", image: func(b *build) {
			install(begin(b).step("COPY docker-entrypoint.sh /usr/local/bin/").file("usr/local/bin/docker-entrypoint.sh", 900))
		}, none: true},
		{name: "no history", image: func(b *build) {
			begin(b).step("").file("app/app.py", 900).step("").pip(site, "torch", "2.3.0", map[string]int64{"torch/x.so": 500 * mb})
		}, none: true},
	})
}

func TestWastedBytes(t *testing.T) {
	b := new(build).step("a").file("x", 5).file("y/z", 7).step("b").file("x", 6).step("c").file("x", 8).gone("y")
	x := b.index()
	if got := Describe(x, x.Owners()).WastedBytes; got != 5+6+7 {
		t.Errorf("%d bytes", got)
	}
}

// TestHostileHistory has lines of any length and kind.
func TestHostileHistory(t *testing.T) {
	long := "RUN /bin/sh -c " + strings.Repeat("pip install a\n\x1b[31m\xff ", 100_000)
	b := official(new(build)).step("COPY . .").file("app/app.py", 1).file("x", 9*mb).step(long).file("x", 9*mb)
	for _, f := range b.check() {
		for _, line := range f.Evidence {
			if len(line) > 3*longLine {
				t.Errorf("%s: a line of %d bytes", f.ID, len(line))
			}
		}
	}
}

package image

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const mb = 1_000_000

// An example is an image that a check has to find something in, or nothing.
type example struct {
	name  string
	image func(b *build)
	none  bool
	bytes int64    // of the finding
	says  []string // in its evidence
}

// examine asks a check about examples.
func examine(t *testing.T, id string, examples []example) {
	t.Helper()
	for _, e := range examples {
		t.Run(id+"/"+e.name, func(t *testing.T) {
			b := new(build)
			e.image(b)
			f := wants(t, b.check(), id, !e.none)
			if f.Bytes != e.bytes && !e.none {
				t.Errorf("%d bytes, want %d: %v", f.Bytes, e.bytes, f.Evidence)
			}
			for _, says := range e.says {
				if !strings.Contains(strings.Join(f.Evidence, "\n"), says) {
					t.Errorf("nothing of %q in %q", says, f.Evidence)
				}
			}
		})
	}
}

// official makes the layers of the official python image up to its interpreter,
// as its history and its environment have them.
func official(b *build) *build {
	b.env("PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
		"GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "PYTHON_VERSION=3.11.9",
		"PYTHON_SHA256=9b1e896523fc510691126c864406d9360a3d1e986acbda59cda57b5abda45b87")
	b.step(`/bin/sh -c #(nop) ADD file:5ff7ba6ff2ac9f8d0d8cb8e0e7b1b5a3a2f2d7d9f6b9b1a1d8a4b2a5e8c0a7c4 in / `)
	b.text("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n")
	b.text("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n")
	b.deb("libgcc-s1", "usr/lib/x86_64-linux-gnu/libgcc_s.so.1", mb).deb("gcc-12-base", "usr/share/doc/gcc-12-base/README.Debian", 4000)
	b.empty("/bin/sh -c #(nop)  CMD [\"bash\"]").empty("ENV GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D")
	b.step("RUN /bin/sh -c set -eux; \twget -O python.tar.xz.asc \"https://www.python.org/ftp/python/${PYTHON_VERSION%%[a-z]*}/Python-$PYTHON_VERSION.tar.xz.asc\"; \tGNUPGHOME=\"$(mktemp -d)\"; export GNUPGHOME; \tgpg --batch --keyserver hkps://keys.openpgp.org --recv-keys \"$GPG_KEY\"; # buildkit")
	b.file("usr/local/bin/python3.11", 7000).link("usr/local/bin/python3", "python3.11").link("usr/local/bin/python", "python3")
	b.file("usr/local/lib/python3.11/os.py", 40_000).file("usr/local/lib/libpython3.11.so.1.0", 15*mb)
	return b.pip("usr/local/lib/python3.11/site-packages", "pip", "24.0", map[string]int64{"pip/__init__.py": 357})
}

// TestOfficialImage holds every check against an image that does all well.
func TestOfficialImage(t *testing.T) {
	b := official(new(build))
	b.config.Run.User, b.config.Run.WorkingDir = "10001", "/app"
	b.config.Run.Cmd = []string{"uvicorn", "app:app"}
	b.config.Run.Healthcheck = &struct{ Test []string }{[]string{"CMD", "python", "-c", "…"}}
	b.env("DEBIAN_FRONTEND=noninteractive", "TOKENIZERS_PARALLELISM=false", "PIP_NO_CACHE_DIR=1", "HF_HUB_OFFLINE=1", "MAX_TOKENS=4096", "PAD_TOKEN=<pad>")
	b.step("COPY requirements.txt . # buildkit").file("app/requirements.txt", 120)
	b.step("RUN /bin/sh -c pip install --no-cache-dir --require-hashes -r requirements.txt # buildkit")
	site := "usr/local/lib/python3.11/site-packages"
	b.deb("libgomp1", "usr/lib/x86_64-linux-gnu/libgomp.so.1.0.0", 300_000)
	b.pip(site, "scikit-learn", "1.5.0", map[string]int64{
		"sklearn/__init__.py": 5000, "sklearn/_base.py": 2 * mb, "sklearn/__pycache__/_base.cpython-311.pyc": mb / 2,
		"sklearn/__pycache__/__init__.cpython-311.pyc": 4000, "scikit_learn.libs/libgomp-a34b3233.so.1.0.0": 50 * mb,
	})
	b.step("COPY app.py model.joblib ./ # buildkit").file("app/app.py", 900).file("app/model.joblib", 4*mb)
	if all := b.check(); len(all) > 0 {
		t.Errorf("found %+v", all)
	}
}

func TestChecksTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range checks {
		if seen[c.id] || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(c.id) {
			t.Errorf("id %q", c.id)
		}
		seen[c.id] = true
		if c.severity.rank() < 0 || c.title == "" || c.remedy == "" || strings.Contains(c.title+c.remedy, "\n") {
			t.Errorf("%s is not complete", c.id)
		}
	}
}

// TestOrder has findings of several severities, and files that two checks find.
func TestOrder(t *testing.T) {
	b := official(new(build))
	b.step("RUN /bin/sh -c apt-get update && apt-get install -y libopenblas-dev")
	b.deb("libopenblas-dev", "usr/lib/x86_64-linux-gnu/libopenblas.a", 30*mb).file("var/lib/apt/lists/mirror.example_Packages", 20*mb)
	b.file("usr/local/lib/libmine.a", 2*mb)
	all := b.check()
	if !slices.IsSortedFunc(all, func(a, b Finding) int {
		if a.Severity != b.Severity {
			return b.Severity.rank() - a.Severity.rank()
		}
		return int(b.Bytes - a.Bytes)
	}) {
		t.Errorf("order %v", ids(all))
	}
	if f := wants(t, all, "static-libraries", true); f.Bytes != 2*mb {
		t.Errorf("libopenblas-dev's library is counted twice: %d, %v", f.Bytes, f.Evidence)
	}
}

func TestEvidenceIsCut(t *testing.T) {
	b := official(new(build)).step("RUN make")
	for i := range 15 {
		b.file("opt/lib"+strings.Repeat("x", i+1)+".a", int64(i+1)*mb)
	}
	f := wants(t, b.check(), "static-libraries", true)
	if len(f.Evidence) != longest+1 || !strings.HasPrefix(f.Evidence[0], "opt/libxxxxxxxxxxxxxxx.a: 15.0 MB") || f.Evidence[longest] != "and 5 more, 15.0 MB" {
		t.Errorf("%q", f.Evidence)
	}
}

func TestRun(t *testing.T) {
	user := func(user string) func(b *build) {
		return func(b *build) {
			official(b).text("etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n")
			b.config.Run.User = user
		}
	}
	var examples []example
	for _, name := range []string{"", "root", "0", "00", "0:0", "root:root", "0:1000", "root:app", "+0", "-0", "toor", ":1000"} {
		examples = append(examples, example{name: "user " + name, image: user(name)})
	}
	for _, name := range []string{"65532", "10001:0", "app", "nonroot", "nobody:root", "1000:1000"} {
		examples = append(examples, example{name: "user " + name, image: user(name), none: true})
	}
	examine(t, "root", examples)

	health := func(test ...string) func(b *build) {
		return func(b *build) { b.config.Run.Healthcheck = &struct{ Test []string }{test} }
	}
	examine(t, "no-healthcheck", []example{
		{name: "none", image: func(*build) {}},
		{name: "switched off", image: health("NONE")},
		{name: "empty", image: health()},
		{name: "shell", image: health("CMD-SHELL", "curl -f localhost"), none: true},
	})
	examine(t, "set-user-id", []example{
		{name: "su", image: func(b *build) {
			b.entry(File{Path: "usr/bin/su", Size: 71_912, Mode: 0o755 | fs.ModeSetuid})
		}, says: []string{"usr/bin/su"}},
		{name: "removed", image: func(b *build) {
			b.entry(File{Path: "usr/bin/su", Size: 71_912, Mode: 0o755 | fs.ModeSetuid})
			b.step("RUN rm /usr/bin/su").gone("usr/bin/su")
		}, none: true},
	})
}

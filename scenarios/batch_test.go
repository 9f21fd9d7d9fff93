package scenarios

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The job prints what is expected of it, in whatever order its sets are and
// wherever it runs; and of another day something else.
func TestBatchFeatures(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3: ", err)
	}
	s, err := Get("batch-features")
	if err != nil {
		t.Fatal(err)
	}
	files := contents(t, context(t, s, "lean"))
	if want := contents(t, context(t, s, "deterministic"))["expected.txt"]; files["expected.txt"] != want {
		t.Error("lean is not expected to print what deterministic does")
	}
	dir := t.TempDir()
	for _, name := range []string{"events.py", "features.py"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(env string, args ...string) string {
		cmd := exec.Command(python, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir, env)
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, &errs)
		}
		return string(out)
	}
	if exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))").Run() != nil {
		t.Skip("needs Python 3.11 or later, which reads times with a Z")
	}
	if err := os.WriteFile(filepath.Join(dir, "events.csv"), []byte(run("", "events.py")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"PYTHONHASHSEED=1", "PYTHONHASHSEED=2", "TZ=Asia/Tokyo"} {
		if got := run(env, "features.py"); got != files["expected.txt"] {
			t.Errorf("with %s it prints\n%s\nwant\n%s", env, got, files["expected.txt"])
		}
	}
	if got := run("", "features.py", "--as-of", "2026-12-02T00:00:00Z"); got == files["expected.txt"] {
		t.Error("--as-of changes nothing")
	}
}

// What the mirror has decides, and LOCK: pinned versions that are there are
// installed; where one is not it is said, and held.
func TestLockOfPackages(t *testing.T) {
	s, err := Get("batch-features")
	if err != nil {
		t.Fatal(err)
	}
	script := contents(t, context(t, s, "lean"))["lock.sh"]
	if script != contents(t, context(t, s, "deterministic"))["lock.sh"] {
		t.Error("there are two locks")
	}
	// apt-get, of a mirror that has the packages of the file mirror, and dpkg-query,
	// of a system that has those of the file installed.
	const apt = `#!/bin/sh
cd "$(dirname "$0")"
[ "$1" = install ] || exit 0
shift
for arg; do
    case $arg in
    -s) only=yes ;;
    -*) ;;
    *=*) grep -qxF "$arg" mirror || { echo "E: Version '${arg#*=}' for '${arg%%=*}' was not found"; exit 100; }
        wanted="$wanted $arg" ;;
    *) wanted="$wanted $(grep "^$arg=" mirror)" ;;
    esac
done
[ -n "$only" ] || printf '%s\n' $wanted $(cat needed) >>installed
`
	const query = "#!/bin/sh\ncat \"$(dirname \"$0\")/installed\"\n"
	for _, c := range []struct {
		name, mirror, needed string
		says                 []string
		holds                bool // so that a build with LOCK=hold ends
	}{
		{"as pinned", "a=1\nb=2\n", "", []string{"all packages are as packages.lock pins them"}, false},
		{"newer", "a=1\nb=3\n", "", []string{"E: Version '2' for 'b' was not found", "ARE OTHER THAN", "- b=2\n+ b=3"}, true},
		{"one that nobody pinned", "a=1\nb=2\n", "c=4", []string{"ARE OTHER THAN", "+ c=4"}, true},
	} {
		for _, lock := range []string{"say", "hold"} {
			t.Run(c.name+" "+lock, func(t *testing.T) {
				dir := t.TempDir()
				for name, text := range map[string]string{
					"lock.sh": script, "packages.lock": "# pinned\nb=2\na=1\n", "apt-get": apt, "dpkg-query": query,
					"mirror": c.mirror, "needed": c.needed, "installed": "z=1\n",
				} {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // some are run
						t.Fatal(err)
					}
				}
				cmd := exec.Command("sh", filepath.Join(dir, "lock.sh"))
				cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "LOCK="+lock)
				out, err := cmd.CombinedOutput()
				if failed := err != nil; failed != (c.holds && lock == "hold") {
					t.Errorf("%v\n%s", err, out)
				}
				if lock == "hold" && c.holds && c.needed == "" {
					c.says = []string{c.says[0], "NOT TO BE HAD"}
				}
				for _, want := range c.says {
					if !strings.Contains(string(out), want) {
						t.Errorf("no %q in\n%s", want, out)
					}
				}
			})
		}
	}
}

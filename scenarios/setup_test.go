package scenarios

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The base image's apt sources come from the machine's, whichever of apt's two
// formats these are in.
func TestSetupSources(t *testing.T) {
	release, err := os.ReadFile("/etc/os-release")
	if _, apt := exec.LookPath("apt-get"); apt != nil || err != nil || !strings.Contains(string(release), "\nID=debian\n") {
		t.Skip("needs Debian's apt")
	}
	const want = `deb http://mirror.test/debian bookworm main
deb http://mirror.test/debian bookworm-updates main
deb http://mirror.test/security bookworm-security main
`
	mirrors := filepath.Join(t.TempDir(), "mirrors")
	write(t, mirrors, "# near\nhttp://mirror.test/debian\nhttp://other.test/debian\n")

	for _, c := range []struct{ name, file, text, want string }{
		{"one line", "sources.list", `
# deb http://old.test/debian bookworm main
deb [arch=amd64] https://packages.test/tool stable main
deb http://mirror.test/debian/ bookworm main contrib
deb-src http://mirror.test/debian/ bookworm main
deb http://mirror.test/debian bookworm-updates main
deb http://mirror.test/security bookworm-security main
`, want},
		{"deb822", "sources.list.d/debian.sources", `
Enabled: no
Types: deb
URIs: http://old.test/debian
Suites: bookworm
Components: main

Types: deb
# a comment
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main
`, want},
		{"a file of mirrors", "sources.list", "deb mirror+file:" + mirrors + " bookworm main\n",
			"deb http://mirror.test/debian bookworm main\n"},
		{"nothing of Debian's", "sources.list", "deb https://packages.test/tool stable main\n", ""},
		{"what a build cannot reach", "sources.list", "deb file:/srv/debian bookworm main\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			etc := t.TempDir()
			write(t, filepath.Join(etc, c.file), c.text)
			write(t, filepath.Join(etc, "lists", "partial", "none"), "")
			config := filepath.Join(etc, "config")
			write(t, config, `Dir::Etc "`+etc+`"; Dir::State::Lists "`+etc+`/lists";`)

			cmd := exec.Command("sh", "setup.sh", "sources")
			cmd.Env = append(os.Environ(), "APT_CONFIG="+config)
			cmd.Stderr = os.Stderr
			got, err := cmd.Output()
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestSetupUsage(t *testing.T) {
	out, err := exec.Command("sh", "setup.sh", "everything").CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("unknown word: %v, want exit status 2", err)
	}
	for _, word := range []string{"setup.sh engine", "setup.sh base", "setup.sh toolchain", "setup.sh browser"} {
		if !strings.Contains(string(out), word) {
			t.Errorf("usage does not name %q:\n%s", word, out)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

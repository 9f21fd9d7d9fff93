package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mlbench/runner/docker"
	"mlbench/runner/runnertest"
)

// serviceFolder is a folder that is built to a service that is ready soon; its
// Dockerfile has these lines too, and an argument BASE.
func serviceFolder(t *testing.T, from string, lines ...string) string {
	t.Helper()
	folder := t.TempDir()
	program, err := os.ReadFile(runnertest.Fixture(t))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "fixture"), program, 0o755) //nolint:gosec // it is run
	}
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(append([]string{"ARG BASE", "FROM " + from}, append(lines, "COPY fixture /fixture", "EXPOSE 8080", `ENTRYPOINT ["/fixture"]`)...), "\n")
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(text), 0o644); err != nil { //nolint:gosec // as anybody writes it
		t.Fatal(err)
	}
	return folder
}

// builtHere are the images that were built for runs and are there, also those
// that have lost their names.
func builtHere(t *testing.T, label string) []string {
	t.Helper()
	out, err := exec.Command("docker", "images", "--all", "--quiet", "--filter", "label="+label).Output()
	if err != nil {
		t.Skip("needs the docker command: ", err)
	}
	return strings.Fields(string(out))
}

// Interrupted or killed, while a folder is built and when it is started: its
// image does not stay.
func TestFolderEndsClean(t *testing.T) {
	needEngine(t)
	r, err := docker.New(docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base := shellImage(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, until string
		signal      syscall.Signal
		step        string
	}{
		{"build-interrupted", "sleep 300", syscall.SIGINT, "RUN sleep 300"},
		{"build-killed", "sleep 300", syscall.SIGKILL, "RUN sleep 300"},
		{"start-interrupted", "pair ", syscall.SIGINT, ""},
		{"start-killed", "pair ", syscall.SIGKILL, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			label := "mlbench.test=" + filepath.Base(t.TempDir()) + test.name
			folder := serviceFolder(t, base, "LABEL "+label, test.step)
			s := launch(t, test.until, "compare", "--cold", "warm", "--pairs", "500", folder, folder)
			if test.step == "" && len(builtHere(t, label)) == 0 {
				t.Error("there is no image while it is measured")
			}
			s.send(t, test.signal)
			if test.signal == syscall.SIGKILL {
				_ = s.cmd.Wait()
				mustReap(t, "docker")
			} else {
				s.end(t)
			}
			if left := builtHere(t, label); len(left) > 0 {
				t.Errorf("left in the engine: %q", left)
			}
		})
	}
}

// TestMeansFolder: what an argument is taken for.
func TestMeansFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"service/Dockerfile", "team/service/Dockerfile", "team/other/app.py", "team/gpu/Dockerfile.gpu", "team/strange/Dockerfile/x"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		arg, dockerfile string
		folder          bool
		says            string
	}{
		{".", "", true, ""}, {"..", "", true, ""}, {"./service", "", true, ""}, {"./nothing", "", true, ""}, {"/nothing", "", true, ""}, {"service/", "", true, ""}, {"nothing/", "", true, ""},
		{"service", "", false, "taken as the name of an image; the folder is ./service"},
		{"service:tag", "", false, ""}, {"nothing", "", false, ""}, {"", "", false, ""},
		{"team/service", "", true, "an image of that name is team/service:latest"},
		{"team/service:tag", "", false, ""}, {"team/other", "", false, ""}, {"team/nothing", "", false, ""}, {"team/strange", "", false, ""},
		{"team/gpu", "", false, ""}, {"team/gpu", "Dockerfile.gpu", true, "with a Dockerfile.gpu here"},
		{"a\x00/b", "", false, ""}, {strings.Repeat("a/", 10_000) + "a", "", false, ""},
	} {
		said := ""
		if got := meansFolder(test.arg, test.dockerfile, func(line string) { said += line }); got != test.folder {
			t.Errorf("%.40q: %v", test.arg, got)
		}
		if !strings.Contains(said, test.says) || test.says == "" && said != "" {
			t.Errorf("%.40q: it says %q, want %q", test.arg, said, test.says)
		}
	}
}

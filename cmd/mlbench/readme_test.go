package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mlbench/bench/suite"
	"mlbench/runner/runnertest"
)

// TestReadme runs every mlbench command of the README's command blocks, on
// images and programs that stand for the reader's. The two make commands are
// CI itself.
func TestReadme(t *testing.T) {
	needEngine(t)
	t.Chdir(repository(t))
	commands := readmeCommands(t)
	if len(commands) < 5 {
		t.Fatalf("found only %q", commands)
	}
	example := readmeSuite(t)
	// What was before is slow, so that comparisons are decided at their first look.
	const slow = `CMD ["-listen-after", "250ms"]`
	stands := strings.NewReplacer(
		"myservice:old", fixtureImage(t, "slow", "EXPOSE 8080", slow),
		"myservice:new", fixtureImage(t, "two-of-one", "EXPOSE 8080", "LABEL other=true"),
		"myservice:slim", fixtureImage(t, "three-of-one", "EXPOSE 8080", "LABEL third=true"),
		"debian:bookworm-slim", "scratch",
		"python3 old.py", runnertest.Fixture(t)+" -listen-after 100ms",
		"python3 new.py", runnertest.Fixture(t),
		// A target is proved by 39 starts and more, which other tests wait for.
		"--target 1s", "--target 1s --pairs 4",
		"target: 1s", "target: 1s\npairs: 4",
	)
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n", "app.py": ""} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, line := range map[string]string{"before": slow, "after": "LABEL folder=after", "service": "LABEL folder=service"} {
		if err := os.CopyFS(folder, os.DirFS(serviceFolder(t, "$BASE", line))); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			if strings.Contains(command, "-f "+suite.File) { // and not for the others, which would use it
				if err := os.WriteFile(suite.File, []byte(stands.Replace(example)), 0o600); err != nil {
					t.Fatal(err)
				}
				defer os.Remove(suite.File)
			}
			out, err := exec.Command("/bin/sh", "-c", stands.Replace(command)).CombinedOutput()
			// What a comparison of two equal images says is up to chance in
			// one run of twenty; that it says it with a code of its own is not.
			var exit *exec.ExitError
			if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitGate) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// repository is the folder of go.mod.
func repository(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// readmeCommands are the lines of ```sh blocks that call mlbench.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	in := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			in = line == "```sh"
		case in && strings.HasPrefix(line, "mlbench "):
			commands = append(commands, line)
		}
	}
	return commands
}

// readmeSuite is the README's example of a suite file.
func readmeSuite(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "\n```yaml\n")
	example, _, ok := strings.Cut(after, "```")
	if !ok {
		t.Fatal("the README has no suite file")
	}
	return example
}

// TestReadmeSuite reads the README's example where there is no engine too.
func TestReadmeSuite(t *testing.T) {
	t.Chdir(repository(t))
	s, err := suite.Read(strings.NewReader(readmeSuite(t)), suite.File)
	if err != nil {
		t.Fatal(err)
	}
	if s.Candidate("old") == nil || s.Candidate("new") == nil {
		t.Errorf("%+v", s)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mlbench/scenarios"
)

// A measurer runs mlbench.
type measurer struct {
	program    string // its whole path
	base, root string
	log        io.Writer
	host       string // version and engine, in a line
}

func newMeasurer(ctx context.Context, program, base, root string, log io.Writer) (*measurer, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("no mlbench: %w: make build makes one", err)
	}
	m := &measurer{program: path, base: base, root: root, log: log}
	facts, err := m.mlbench(ctx, ".", "version")
	if err != nil {
		return nil, err
	}
	m.host = strings.Join(strings.Split(strings.TrimSpace(facts), "\n"), "; ")
	return m, nil
}

// write measures a scenario and writes what is found into its page.
func (m *measurer) write(ctx context.Context, s scenarios.Scenario) error {
	page := readme(m.root, s)
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, _, after, err := split(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	build := []string{"scenario", "build", s.Name}
	if picked, err := s.Pick(); err == nil && slices.ContainsFunc(picked, func(v scenarios.Variant) bool { return v.Base == scenarios.AnyBase }) {
		build = append(build, "--base", m.base)
	}
	if _, err := m.mlbench(ctx, ".", build...); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "On %s, by %s:\n", time.Now().UTC().Format(time.DateOnly), m.host)
	for _, line := range s.Measured {
		args := strings.Fields(strings.ReplaceAll(line, "$BASE", m.base))
		said, err := m.mlbench(ctx, filepath.Dir(page), append(args, "--format", "markdown")...)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n    mlbench %s\n\n%s\n", line, head(said))
	}
	return os.WriteFile(page, []byte(before+b.String()+after), 0o644) //nolint:gosec // as editors do
}

// mlbench runs it in a folder. That a gate fails, or that nothing is sure, is
// what it is asked for.
func (m *measurer) mlbench(ctx context.Context, folder string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, m.program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it tidies up
	cmd.WaitDelay = time.Minute
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, m.log
	fmt.Fprintln(m.log, "mlbench", strings.Join(args, " "))
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 3) {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("mlbench %s: %w", strings.Join(args, " "), err)
	}
	return out.String(), nil
}

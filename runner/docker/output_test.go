package docker

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mlbench/runner"
)

// What a program prints comes whole, also where it is more than a log keeps; and
// nothing stays of one that fails, or never ends.
func TestOutput(t *testing.T) {
	ref := fixtureImage(t)
	r := closing(t, Options{})
	lines := "line 1\nline 2\nline 3\n"
	for _, c := range []struct {
		name    string
		args    string
		timeout time.Duration
		out     string // "" is not looked at
		bytes   int
		fails   []string
	}{
		{name: "lines", args: "-chatter 3 -exit-after 0s", timeout: time.Minute, out: lines + "ending with status 0\n"},
		{name: "much", args: "-flood 20 -exit-after 0s", timeout: time.Minute, bytes: 20e6},
		{name: "status", args: "-chatter 3 -exit-after 0s -exit-code 3", timeout: time.Minute, out: lines + "ending with status 3\n", fails: []string{"running job: the program ended with status 3\n", "    line 3"}},
		{name: "never ends", args: "-chatter 3 -listen-after 1h", timeout: 2 * time.Second, fails: []string{"running job: the program had not ended within 2s (--timeout waits longer)\n", "    line 3"}},
		{name: "no such flag", args: "-no-such-flag", timeout: time.Minute, fails: []string{"ended with status 2", "be ready this long"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			took, err := r.Output(t.Context(), runner.Candidate{Name: "job", Ref: ref, Args: strings.Fields(c.args)}, c.timeout, &out)
			if (err != nil) != (c.fails != nil) || err != nil && !errors.Is(err, runner.ErrEnvironment) || err == nil && took <= 0 {
				t.Fatalf("took %v: %v", took, err)
			}
			for _, want := range c.fails {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if c.out != "" && out.String() != c.out || out.Len() < c.bytes {
				t.Errorf("%d bytes: %.100q", out.Len(), &out)
			}
			if names := left(t, r.session); names != nil {
				t.Errorf("left are %q", names)
			}
		})
	}
	if _, err := r.Output(t.Context(), runner.Candidate{Name: "job", Ref: "no-such-registry.invalid/job:1"}, time.Minute, new(bytes.Buffer)); !errors.Is(err, runner.ErrEnvironment) {
		t.Errorf("no image: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	time.AfterFunc(time.Second, func() { cancel(stopped) })
	if _, err := r.Output(ctx, runner.Candidate{Name: "job", Ref: ref, Args: []string{"-listen-after", "1h"}}, time.Minute, new(bytes.Buffer)); !errors.Is(err, stopped) {
		t.Errorf("stopped: %v", err)
	}
	if names := left(t, r.session); names != nil {
		t.Errorf("left are %q", names)
	}
}

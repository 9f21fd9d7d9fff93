package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"mlbench/runner"
	"mlbench/runner/probe"
	"mlbench/runner/runnertest"
)

// A tiny run of everything: every observer sees every server become ready,
// none of mlbench's claims is early, and nothing is left.
func TestRun(t *testing.T) {
	cli := engine(t)
	page, raw := filepath.Join(t.TempDir(), "truth.md"), filepath.Join(t.TempDir(), "truth.csv")
	args := []string{"-fixture", runnertest.Fixture(t), "-starts", "2", "-o", page, "-csv", raw}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("without the curl loops, as there is no curl here")
		args = append(args, "-only", "/(mlbench|testcontainers|healthcheck|nobody)")
	}
	var out bytes.Buffer
	if code := run(t.Context(), &out, testWriter{t}, args); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	b, err := os.ReadFile(page)
	if err != nil || !bytes.Equal(b, out.Bytes()) {
		t.Errorf("the page holds %d bytes (%v), the output %d", len(b), err, out.Len())
	}
	records, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	var ready int
	for line := range strings.Lines(string(records)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if f[9] != "problem" && f[9] != "" {
			t.Errorf("a start failed: %s", line)
		}
		if f[1] != "exit" && f[2] != "nobody" && f[3] != "" {
			ready++
		}
	}
	if ready < 2*12 {
		t.Errorf("only %d starts were seen to become ready:\n%s", ready, records)
	}
	if left := leftovers(t, cli); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Whenever a run is interrupted, all that it has made is removed.
func TestInterrupted(t *testing.T) {
	cli := engine(t)
	for _, o := range []string{"late/mlbench$", "ipv6/mlbench$", "late/testcontainers", "late/healthcheck", "busy/nobody"} {
		t.Run(o, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { // in the middle of a start
				for len(ours(ctx, cli)) == 0 && ctx.Err() == nil {
					time.Sleep(10 * time.Millisecond)
				}
				cancel()
			}()
			var errs bytes.Buffer
			code := run(ctx, io.Discard, &errs, []string{"-fixture", runnertest.Fixture(t), "-only", o, "-starts", "1000"})
			if code != 130 || !strings.Contains(errs.String(), "interrupted; everything that was started is removed") {
				t.Errorf("exit code %d, messages:\n%s", code, &errs)
			}
			if left := leftovers(t, cli); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-starts", "0"}, 2, "-starts has to be 1 or more"},
		{[]string{"late"}, 2, "there are no arguments"},
		{[]string{"-only", "("}, 2, "-only"},
		{[]string{"-only", "nosuch"}, 2, "no pair matches"},
		{[]string{"-list", "-only", "^late/curl"}, 0, "late/curl-10ms\nlate/curl-100ms\n"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), &out, &out, test.args)
		if code != test.code || !strings.Contains(out.String(), test.says) {
			t.Errorf("%q: exit code %d, %q; want %d, %q", test.args, code, &out, test.code, test.says)
		}
	}
}

// The clock that is worked out from two others is the kernel's.
func TestClock(t *testing.T) {
	c := newClock()
	for range 100 {
		before := monotonic()
		at := c.of(time.Now())
		after := monotonic()
		if slack := int64(c.error); at < before-slack || at > after+slack {
			t.Fatalf("%d is not between %d and %d, to %v", at, before, after, c.error)
		}
	}
	if c.error > 10*time.Microsecond {
		t.Errorf("the clock is known to %v alone", c.error)
	}
}

func TestReadTruth(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       truth
		fails      bool
	}{
		{"whole", "begin 1 9\nlistening 2 9\nready 3 9\n", truth{1, 2, 3}, false},
		{"listens twice", "begin 1 9\nlistening 2 9\nlistening 4 9\nready 4 9\n", truth{1, 2, 4}, false},
		{"never ready", "begin 1 9\nlistening 2 9\n", truth{1, 2, 0}, false},
		{"empty", "", truth{}, true},
		{"cut", "begin 1 9\nlistening 2\n", truth{}, true},
		{"no number", "begin now 9\n", truth{}, true},
		{"negative", "begin -1 9\n", truth{}, true},
	} {
		path := filepath.Join(t.TempDir(), "truth")
		if err := os.WriteFile(path, []byte(test.text), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err := readTruth(path)
		if (err != nil) != test.fails || err == nil && got != test.want {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
}

// Every round has every cell once, sparse ones in one of four alone unless all
// is asked for, and rounds differ in order.
func TestRounds(t *testing.T) {
	p := plan{cells: cells, rounds: 8}
	rng := rand.New(rand.NewPCG(1, 0))
	counts := make(map[cell]int)
	orders := make(map[string]bool)
	for n := range p.rounds {
		round := p.round(n, cells, rng)
		for _, c := range round {
			counts[c]++
		}
		orders[fmt.Sprint(round)] = true
	}
	for _, c := range cells {
		want := 8
		if c.sparse() {
			want = 2
		}
		if counts[c] != want {
			t.Errorf("%s: %d starts, want %d", c, counts[c], want)
		}
	}
	if len(orders) < 8 {
		t.Errorf("only %d orders in 8 rounds", len(orders))
	}
	p.all = true
	if n := len(p.round(1, cells, rng)); n != len(cells) {
		t.Errorf("of %d cells %d take part", len(cells), n)
	}
}

// What the tables say of made-up starts.
func TestReport(t *testing.T) {
	r := &report{plan: plan{rounds: 100}, clockError: time.Microsecond}
	add := func(c cell, round int, ready, listening, took, cpu float64) {
		r.records = append(r.records, record{cell: c, round: round, ready: ready, listening: told{listening, true}, source: probe.SourceEvent, took: took, cpu: cpu})
	}
	for i := range 100 {
		x := float64(i)
		for _, s := range []*server{late, hang} {
			add(cell{s, events}, i, 0.2+x/200, 0.02+x/10000, 300, 3+x/1000)
		}
		add(cell{late, peer}, i, x, 0, 300, 6)
		add(cell{busy, events}, i, 0.1, 0.01, 404+math.Mod(7*x, 20), 3)
		add(cell{busy, nobody}, i, 0, 0, 400+math.Mod(7*x, 20), 3)
		add(cell{exit, events}, i, 0, 0, 0, 2+x/1000)
	}
	goal := func(name string) finding {
		t.Helper()
		for _, f := range r.goals() {
			if strings.Contains(f.goal, name) {
				return f
			}
		}
		t.Fatalf("no goal %q in %+v", name, r.goals())
		return finding{}
	}
	for _, test := range []struct {
		name, measured string
		met            bool
	}{
		{"`listening` by event: median", "0.025 ms", true},
		{"`ready` by event: median", "0.445 ms", true},
		{"`ready` by event: 90 %", "0.645 ms", true},
		{"called before", "0 of 300", true},
		{"testcontainers over mlbench", "110", true},
		{"watching, mlbench", "1.00 [1.00, 1.00] ms", true},
		{"busy server's start", "+1.0 % [", false}, // without 0
	} {
		if f := goal(test.name); !strings.HasPrefix(f.measured, test.measured) || f.met != test.met {
			t.Errorf("%s: %+v; want %s, %v", test.name, f, test.measured, test.met)
		}
	}
	if early := r.early(); early != "" {
		t.Error(early)
	}

	// What was polled is not passed off as an event.
	r.records[0].source = probe.SourceConnect
	if f := goal("`listening` by event: median"); !strings.Contains(f.where, "no event") {
		t.Errorf("after a start without an event: %+v", f)
	}

	// Goals that nothing was measured for are not there, met or not.
	for _, f := range r.goals() {
		if strings.Contains(f.goal, "polling") {
			t.Errorf("%+v", f)
		}
	}
	// A start that failed counts as late, and one that is early is found.
	r.records = append(r.records, record{cell: cell{hang, events}, round: 0, problem: "timeout"})
	if f := goal("`listening` by event: 99 %"); !f.met {
		t.Errorf("after one failed start of a hundred: %+v", f)
	}
	r.records = append(r.records, record{cell: cell{hang, events}, round: 0, problem: "timeout"})
	if f := goal("`listening` by event: 99 %"); f.met || f.measured != "∞ ms" || f.where != "hang" {
		t.Errorf("after two: %+v", f)
	}
	add(cell{late, events}, 0, -0.002, 0, 300, 3)
	if f := goal("called before"); f.met || f.measured != "1 of 303" {
		t.Errorf("after an early start: %+v", f)
	}
	if early := r.early(); !strings.Contains(early, "late/mlbench: 1 of 101") {
		t.Error(early)
	}
	var page bytes.Buffer
	r.markdown(&page)
	for _, want := range []string{"| `mlbench`        | 0.445 ms ", "| hang   | `mlbench`        | 102    | 2      | 0     | 0.200  | 0.450 | 0.655 | ∞     | ∞ "} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q in\n%s", want, page.String())
		}
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.000", 0.0204: "0.020", -0.5: "−0.500", 3.14159: "3.14", 57.31: "57.3", 1234.5: "1234",
		math.Inf(1): "∞", math.Inf(-1): "−∞",
	} {
		if got := number(x); got != want {
			t.Errorf("%v: %s, want %s", x, got, want)
		}
	}
}

// engine is a client of the engine; without one the test is skipped, or fails
// where MLBENCH_REQUIRE_ENGINE is 1.
func engine(t *testing.T) *client.Client {
	t.Helper()
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err == nil {
		_, err = cli.Ping(t.Context())
	}
	switch {
	case err != nil && os.Getenv("MLBENCH_REQUIRE_ENGINE") == "1":
		t.Fatal(err)
	case err != nil:
		t.Skip("no engine: ", err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return cli
}

// ours are the containers that run in the name of this process.
func ours(ctx context.Context, cli *client.Client) []string {
	return named(cli.ContainerList(ctx, container.ListOptions{All: true, Filters: owned()}))
}

// leftovers are what this process has in the engine.
func leftovers(t *testing.T, cli *client.Client) []string {
	t.Helper()
	left := ours(t.Context(), cli)
	networks, err := cli.NetworkList(t.Context(), network.ListOptions{Filters: owned()})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks {
		left = append(left, n.Name)
	}
	images, err := cli.ImageList(t.Context(), image.ListOptions{Filters: owned()})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		left = append(left, i.RepoTags...)
	}
	return left
}

func owned() filters.Args {
	return filters.NewArgs(filters.Arg("label", runner.OwnerLabel+"="+runner.Self().String()))
}

func named(list []container.Summary, err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	for _, c := range list {
		names = append(names, strings.Join(c.Names, " "))
	}
	return names
}

// testWriter logs what a run says.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

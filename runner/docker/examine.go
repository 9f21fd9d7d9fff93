package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/docker/api/types/container"

	"mlbench/runner"
	"mlbench/runner/probe/listen"
	"mlbench/runner/speed"
)

// Examine says what the engine and its host allow. See runner.Examiner.
func (r *Runner) Examine(ctx context.Context) ([]runner.Finding, error) {
	host, err := r.Host(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil { // which is what was asked
		gone := runner.Finding{
			Subject: "engine", Grade: runner.Missing, Found: err.Error(),
			Remedy: "or measure commands instead of images, with --runner process",
		}
		return []runner.Finding{gone}, nil //nolint:nilerr // it is told
	}
	found := []runner.Finding{
		{Subject: "engine", Grade: runner.Good, Found: fmt.Sprintf("%s, API %s, storage %s, cgroup v%s", host.Engine, host.API, host.Storage, host.Cgroup)},
		r.examinePlace(),
		r.examineListening(),
		r.examineCold(),
		r.examineAccounts(),
		r.examineWaiting(),
		r.examineSizes(),
	}
	if f, ok := r.examineOthers(ctx); ok {
		found = append(found, f)
	}
	if r.local {
		found = append(found, speed.Examine()...)
	}
	return found, nil
}

func (r *Runner) examinePlace() runner.Finding {
	if r.local {
		return runner.Finding{Subject: "place", Grade: runner.Good, Found: "on this host: candidates are reached at their own addresses"}
	}
	return runner.Finding{
		Subject: "place", Grade: runner.Poor,
		Found:  fmt.Sprintf("%s is not on this host, or is rootless or in a virtual machine: candidates are reached through published ports, which accept before a program listens", r.cli.DaemonHost()),
		Remedy: "run mlbench on the engine's host, with an engine that runs as root",
	}
}

func (r *Runner) examineListening() runner.Finding {
	if !r.local {
		return runner.Finding{
			Subject: "listening", Grade: runner.Missing,
			Found:  "nothing here can tell when a candidate listens: only the ready rule is seen",
			Remedy: "run mlbench on the engine's host",
		}
	}
	r.hear()
	return listen.Finding(r.hearing.Err())
}

func (r *Runner) examineCold() runner.Finding {
	f := runner.Finding{Subject: "cold cache", Grade: runner.Good, Found: "the pages of the candidates' own files can be dropped before a start, and that is proved"}
	if !r.local {
		f.Grade, f.Found, f.Remedy = runner.Missing, "the engine's files are on another host", evictRemedy
		return f
	}
	why := ""
	if r.graph != "overlay2" {
		why = fmt.Sprintf("layer folders are not known for storage %q", r.graph)
	} else if _, err := os.ReadDir(filepath.Join(r.rootDir, r.graph)); err != nil {
		why = err.Error()
	}
	if why != "" {
		f.Grade, f.Found, f.Remedy = runner.Poor, "only the host's whole page cache can be dropped, by a helper container, and nothing proves it: "+why, "run mlbench as root, with an engine that stores layers as overlay2"
	}
	return f
}

func (r *Runner) examineAccounts() runner.Finding {
	f := runner.Finding{Subject: "accounts", Grade: runner.Good, Found: "the kernel keeps account of what a start uses, and mlbench can read it"}
	if !r.local || !kept() {
		f.Grade, f.Found, f.Remedy = runner.Poor, "what a start uses is not known", "run mlbench on the engine's host, where control groups are mounted"
	}
	return f
}

// kept reports whether some hierarchy of control groups that keeps account of
// CPU time is mounted here.
func kept() bool {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(parseMountinfo(string(text)), func(m mounted) bool {
		return m.fstype == "cgroup2" || m.fstype == "cgroup" && slices.Contains(m.options, "cpuacct")
	})
}

// examineWaiting looks at the covariate that saves the most pairs.
func (r *Runner) examineWaiting() runner.Finding {
	if r.local && tellsWaiting() {
		return runner.Finding{Subject: "waiting", Grade: runner.Good, Found: "the kernel tells how long a start waits for processors that others have, and comparisons allow for it"}
	}
	return runner.Finding{
		Subject: "waiting", Grade: runner.Poor,
		Found:  "how long a start waits for processors that others have is not known: a busy host costs more pairs",
		Remedy: "mount a cgroup v2 hierarchy on the engine's host, with Linux 5.13 or later and pressure accounting (psi=1)",
	}
}

// tellsWaiting reports whether some group of a cgroup v2 hierarchy keeps the
// account that containers' waiting is read from.
func tellsWaiting() bool {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	for _, m := range parseMountinfo(string(text)) {
		if m.fstype != "cgroup2" {
			continue
		}
		groups, _ := os.ReadDir(m.point) // none can be read: none tells
		for _, g := range groups {
			if text, err := os.ReadFile(filepath.Join(m.point, g.Name(), "cpu.pressure")); err == nil {
				_, err := parsePressure(string(text))
				return err == nil
			}
		}
	}
	return false
}

func (r *Runner) examineSizes() runner.Finding {
	if r.graph == "overlay2" {
		return runner.Finding{Subject: "sizes", Grade: runner.Good, Found: "the engine tells images' unpacked sizes"}
	}
	return runner.Finding{
		Subject: "sizes", Grade: runner.Missing, Found: "with its store the engine does not tell images' unpacked sizes, so --max-size cannot be judged",
		Remedy: "use an engine with storage overlay2",
	}
}

// examineOthers looks at what else runs on the engine: it takes processors and
// memory from what is measured, and holds pages of shared layers there.
func (r *Runner) examineOthers(ctx context.Context) (runner.Finding, bool) {
	ctx, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	list, err := r.cli.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return runner.Finding{}, false
	}
	f := runner.Finding{Subject: "other containers", Grade: runner.Good, Found: "none are running"}
	if n := len(list); n > 0 {
		f.Grade, f.Found = runner.Poor, fmt.Sprintf("%d running: they take processors and memory from what is measured", n)
		f.Remedy = "stop them while measuring, or measure on another host"
	}
	return f, true
}

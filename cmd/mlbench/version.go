package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/report"
	"mlbench/gpu/nvml"
	"mlbench/runner"
	"mlbench/runner/docker"
)

// version is set by the linker in release builds.
var version string

// buildVersion is the program's version, else the commit that it was built
// from, and Go's.
func buildVersion() (own, goVersion string) {
	info := built()
	return info.Version, info.Go
}

// A build is what `mlbench version` says, and its JSON.
type build struct {
	Schema   string `json:"schema"`
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`      // whole
	Time     string `json:"commit_time,omitempty"` // RFC 3339
	Modified bool   `json:"modified"`              // built of more than the commit has
	Go       string `json:"go"`
	Platform string `json:"platform"` // as Go names it, system/processor
	NVML     bool   `json:"nvml"`     // NVIDIA's driver can be asked

	Engine  *runner.Host `json:"engine"`                   // null where none answers
	Trouble string       `json:"engine_trouble,omitempty"` // why
}

// built is what Go wrote into the program, which it does where it is built in
// a checkout (go help buildvcs).
func built() build {
	b := build{
		Schema: "mlbench.version/v1", Version: version,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, NVML: nvml.Linked,
	}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.time":
				b.Time = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	switch {
	case b.Version != "":
	case b.Commit != "":
		b.Version = "devel-" + b.Commit[:min(12, len(b.Commit))]
	case ok && strings.HasPrefix(info.Main.Version, "v"): // go install …@v1.2.3, which has no checkout
		b.Version = info.Main.Version
	default:
		b.Version = "devel"
	}
	return b
}

func (b build) text(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "mlbench %s, %s %s, ", b.Version, b.Go, b.Platform)
	if b.NVML {
		s.WriteString("with NVML\n")
	} else {
		s.WriteString("without NVML: NVIDIA's driver is not asked\n")
	}
	if b.Commit != "" {
		fmt.Fprintf(&s, "commit %s of %s", b.Commit, b.Time)
		if b.Modified {
			s.WriteString(", changed since")
		}
		s.WriteString("\n")
	}
	if h := b.Engine; h != nil {
		fmt.Fprintf(&s, "engine %s, API %s, storage %s, cgroup v%s\n%s, kernel %s, %d CPUs\n",
			bench.Printable(h.Engine), h.API, bench.Printable(h.Storage), h.Cgroup, bench.Printable(h.OS), bench.Printable(h.Kernel), h.CPUs)
	} else {
		fmt.Fprintf(&s, "engine: %s\n", bench.Printable(b.Trouble))
	}
	_, err := io.WriteString(w, s.String())
	return err
}

func newVersion(std streams) *cobra.Command {
	var telling rendering[build]
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print build and engine facts",
		Long: `version says what this program was built of, and which engine it finds. It is no
error where there is none.`,
		Example: `  mlbench version
  mlbench version --format json`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := telling.open()
			if err != nil {
				return err
			}
			b := built()
			r, err := newRunner("docker", docker.Options{Log: std.log()})
			if err == nil {
				defer func() { _ = r.Close() }()
				var host runner.Host
				if host, err = r.Host(cmd.Context()); err == nil {
					b.Engine = &host
				}
			}
			if err != nil {
				b.Trouble = err.Error()
			}
			return to.tell(std, b)
		},
	}
	telling.register(cmd.Flags(), report.Formats[build]{
		{Name: "text", Write: func(w io.Writer, b build) error { return b.text(w) }},
		{Name: "json", Suffix: ".json", Write: func(w io.Writer, b build) error { return bench.WriteJSON(w, b) }},
	}, "them")
	return cmd
}

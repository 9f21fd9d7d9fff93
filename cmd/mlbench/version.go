package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"mlbench/runner/docker"
)

// version is set by the linker in release builds.
var version string

// buildVersion is the program's version, else the commit that it was built
// from, and Go's.
func buildVersion() (own, goVersion string) {
	if version != "" {
		return version, runtime.Version()
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return "devel-" + s.Value[:min(12, len(s.Value))], runtime.Version()
			}
		}
	}
	return "devel", runtime.Version()
}

func newVersion(std streams) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print build and engine facts",
		Example: `  mlbench version`,
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			own, goVersion := buildVersion()
			fmt.Fprintf(std.out, "mlbench %s, %s %s/%s\n", own, goVersion, runtime.GOOS, runtime.GOARCH)
			r, err := newRunner("docker", docker.Options{})
			if err != nil {
				return err
			}
			defer func() { _ = r.Close() }()
			host, err := r.Host(cmd.Context())
			if err != nil {
				fmt.Fprintf(std.out, "engine: %v\n", err)
				return nil
			}
			fmt.Fprintf(std.out, "engine %s, API %s, storage %s, cgroup v%s\n%s, kernel %s, %d CPUs\n",
				host.Engine, host.API, host.Storage, host.Cgroup, host.OS, host.Kernel, host.CPUs)
			return nil
		},
	}
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// exitCodes say what each means, for the help.
var exitCodes = []struct {
	code  int
	means string
}{
	{exitOK, "the gates passed, or are inconclusive"},
	{exitGate, "a gate failed: of compare, run and nightly those that --fail-on names; of nightly: a slow-down was verified; of inspect --max-size, --severity and --policy; of repro --grade and --run; of gpu: it will not run there; of selftest: mlbench errs more than it promises"},
	{exitUsage, "wrong usage, or a malformed file"},
	{exitInconclusive, "a gate is inconclusive and --fail-on names inconclusive; of gpu: a fact is missing that decides"},
	{exitEnvironment, "the environment failed: no engine, no image, no permission, never ready; with --gpus: no driver, no such GPU, or CUDA that does not run on it"},
	{exitInterrupted, "interrupted: candidates are removed, and the partial result is written"},
}

func exitCodesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("What mlbench's exit codes mean:\n\n")
	for _, c := range exitCodes {
		for i, line := range folded(c.means, 70) {
			if i == 0 {
				fmt.Fprintf(&b, "  %3d  %s\n", c.code, line)
			} else {
				fmt.Fprintf(&b, "       %s\n", line)
			}
		}
	}
	b.WriteString("\nAn error is never 0. report ends as the run did that it renders,\nand a reader who leaves early, as head does, changes no exit code.")
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: b.String()}
}

func environmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "Environment variables that are followed",
		Long: `Environment variables that mlbench follows:

  DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG,
  DOCKER_TLS_VERIFY, DOCKER_CERT_PATH,
  DOCKER_API_VERSION   which engine is used, as by the docker command
  TMPDIR               where copies of images go at --cold pull, and a result
                       that could not be written where it was to go
  SOURCE_DATE_EPOCH    passed on to the builds of repro
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM
                       whether verdicts are coloured; --color wins over them
  GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_TOKEN,
  GITHUB_API_URL, GITHUB_SERVER_URL, GITHUB_RUN_ID
                       by comment alone, in jobs of GitHub Actions

Candidates get none of them but those that --env names.`,
	}
}

// folded breaks text between words into lines of so many bytes.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

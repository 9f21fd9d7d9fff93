package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mlbench/bench"
	"mlbench/bench/github"
	"mlbench/bench/report"
	"mlbench/runner"
	"mlbench/runner/image/policy"
)

// commentOptions are the flags of comment.
type commentOptions struct {
	id, author string
	dryRun     bool
}

// What a folder to be commented on may hold; other names in it are passed over.
// A result of ten candidates and 40 pairs has less than a megabyte.
const (
	resultFile, maxResult = "result.json", 32 << 20
	scanFile, maxScan     = "scan.json", 64 << 20
)

func newComment(std streams) *cobra.Command {
	var o commentOptions
	cmd := &cobra.Command{
		Use:   "comment DIR [flags]",
		Short: "Write a result as a comment on its pull request on GitHub",
		Long: `comment writes what result.json in DIR says, and the report of a scanner beside
it, scan.json, as a comment on the pull request that was measured, and the next
time in the place of that one. It is for jobs of GitHub Actions after
workflow_run, which may write comments for pull requests from forks too; see
docs/ci.md.

DIR is anybody's word: its files are read up to a size, no link is followed,
verdicts are judged anew, all text is escaped. Which pull request it is, is
asked of GitHub. Where there is no result, the comment says that.

Read from the environment: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_TOKEN,
GITHUB_API_URL; of an event of pull_request also GITHUB_SERVER_URL and
GITHUB_RUN_ID, for the address of the run. Without --dry-run the job wants
permissions: pull-requests: write.`,
		Example: `  mlbench comment out
  mlbench comment out --id gpu
  mlbench comment out --dry-run`,
		Args: exactly(1, "one folder"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, std, args[0]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.id, "id", report.ReviewID, "`name` that tells this comment from others of mlbench on the same pull request")
	f.StringVar(&o.author, "author", "github-actions[bot]", "`login` that GITHUB_TOKEN writes as: only comments of its own are replaced")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the comment, and ask GitHub for nothing")
	return cmd
}

func (o *commentOptions) run(cmd *cobra.Command, std streams, dir string) error {
	marker, err := report.ReviewMarker(o.id)
	if err != nil {
		return usage("--id: %w", err)
	}
	if o.dryRun {
		return report.Reviewed(std.out, review(dir, o.id))
	}
	head, err := event(os.Getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return usage("GITHUB_EVENT_PATH: %w (--dry-run prints the comment and needs no event)", err)
	}
	client, err := github.New(cmp.Or(os.Getenv("GITHUB_API_URL"), "https://api.github.com"), os.Getenv("GITHUB_REPOSITORY"), os.Getenv("GITHUB_TOKEN"))
	if err != nil {
		return usage("%w", err)
	}
	number, err := client.PullRequest(cmd.Context(), head)
	if errors.Is(err, github.ErrNone) { // as after a merge, which is no failure of the job
		fmt.Fprintln(std.notes(), bench.Printable("mlbench: nothing is commented: "+err.Error()))
		return nil
	}
	if err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	r := review(dir, o.id)
	r.Commit, r.Run = head.SHA, cmp.Or(head.Run, ownRun())
	var body strings.Builder
	if err := report.Reviewed(&body, r); err != nil {
		return err
	}
	written, updated, err := client.Put(cmd.Context(), number, o.author, marker, body.String())
	if err != nil {
		return runner.As(runner.ErrEnvironment, err)
	}
	done := "commented"
	if updated {
		done = "comment updated"
	}
	fmt.Fprintln(std.out, bench.Printable(fmt.Sprintf("%s on pull request %d: %s", done, number, written.URL)))
	return nil
}

func event(path string) (github.Head, error) {
	if path == "" {
		return github.Head{}, errors.New("it is not set: call mlbench comment in a job of GitHub Actions")
	}
	f, err := open(path)
	if err != nil {
		return github.Head{}, err
	}
	defer func() { _ = f.Close() }()
	return github.ReadEvent(f)
}

// ownRun is the address of the run that this job belongs to, "" where that is
// not known.
func ownRun() string {
	server, repo, id := os.Getenv("GITHUB_SERVER_URL"), os.Getenv("GITHUB_REPOSITORY"), os.Getenv("GITHUB_RUN_ID")
	if server == "" || id == "" {
		return ""
	}
	return server + "/" + repo + "/actions/runs/" + id
}

// review reads what is in a folder, and says what could not be read.
func review(dir, id string) report.Review {
	r := report.Review{ID: id}
	err := foreign(dir, resultFile, maxResult, func(f io.Reader) (err error) {
		r.Result, err = bench.Read(f, resultFile)
		return err
	})
	if err != nil {
		r.Result, r.Missing = nil, err.Error()
		if errors.Is(err, os.ErrNotExist) {
			r.Missing = "There is no " + resultFile + ": the run ended before anything was measured. Its log says why."
		}
	}
	err = foreign(dir, scanFile, maxScan, func(f io.Reader) (err error) {
		r.Scan, err = policy.ReadScan(f, scanFile)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.Scan, r.Unread = nil, err.Error()
	}
	return r
}

// foreign reads a file of a folder that others have filled: one that is a file
// itself, no link and no device, and no longer than so many bytes. Its errors
// show no path of this machine.
func foreign(dir, name string, most int64, read func(io.Reader) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return bare(err)
	}
	defer func() { _ = root.Close() }()
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return bare(err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file, and is not read", name)
	case info.Size() > most:
		return fmt.Errorf("%s has %d bytes, and is not read: %d MiB at most", name, info.Size(), most>>20)
	}
	f, err := root.Open(name)
	if err != nil {
		return bare(err)
	}
	defer func() { _ = f.Close() }()
	return read(io.LimitReader(f, most))
}

// bare is what is wrong with a file, without where it is.
func bare(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

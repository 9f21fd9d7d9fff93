// Command release builds what is released of mlbench: an archive for each
// platform, with completions, man pages and documentation, and SHA256SUMS.
//
//	go run ./cmd/release -o dist
//
// It builds the commit that is checked out, from a clone of its own, so that the
// same commit gives the same bytes wherever it stands, with the same Go and C
// compilers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run does what the arguments say. What was made is told to w.
func run(ctx context.Context, w io.Writer, args []string) (err error) {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	out := flags.String("o", "dist", "folder for the archives")
	from := flags.String("from", ".", "checkout whose commit is built")
	chosen := flags.String("platforms", platformNames(), "which are built, with commas between")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted, err := parsePlatforms(*chosen)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mlbench-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s, err := checkout(ctx, *from, filepath.Join(work, "src"))
	if err != nil {
		return err
	}
	if err := s.document(ctx, here(wanted), filepath.Join(work, "extra")); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o777); err != nil {
		return err
	}
	var sums []string
	for _, p := range wanted {
		name, glibc, err := s.release(ctx, p, work, *out)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		sum, size, err := summed(filepath.Join(*out, name))
		if err != nil {
			return err
		}
		sums = append(sums, sum+"  "+name+"\n")
		fmt.Fprintf(w, "%s  %.1f MB  %s\n", name, float64(size)/1e6, withNVML(glibc))
	}
	slices.Sort(sums)
	return os.WriteFile(filepath.Join(*out, "SHA256SUMS"), []byte(strings.Join(sums, "")), 0o644)
}

// A source is a commit that is checked out.
type source struct {
	folder  string
	version string    // as git describes it
	time    time.Time // of the commit
	extra   string    // folder with completions and man pages
}

// checkout clones the commit that a checkout stands at. What is there but not
// committed is not in it.
func checkout(ctx context.Context, from, to string) (*source, error) {
	commit, err := git(ctx, from, "rev-parse", "HEAD")
	if err != nil {
		return nil, fmt.Errorf("%w: a release is built of a commit: run it in a checkout", err)
	}
	described, err := git(ctx, from, "describe", "--tags", "--always")
	if err != nil {
		return nil, err
	}
	seconds, err := git(ctx, from, "log", "-1", "--format=%ct")
	if err != nil {
		return nil, err
	}
	var unix int64
	if _, err := fmt.Sscan(seconds, &unix); err != nil {
		return nil, fmt.Errorf("the commit's time, %q: %w", seconds, err)
	}
	top, err := git(ctx, from, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	if _, err := git(ctx, from, "clone", "--quiet", "--shared", "--no-checkout", top, to); err != nil {
		return nil, err
	}
	if _, err := git(ctx, to, "-c", "advice.detachedHead=false", "checkout", "--quiet", commit); err != nil {
		return nil, err
	}
	return &source{folder: to, version: described, time: time.Unix(unix, 0).UTC()}, nil
}

func git(ctx context.Context, folder string, args ...string) (string, error) {
	out, err := command(ctx, folder, nil, "git", args...)
	return strings.TrimSpace(string(out)), err
}

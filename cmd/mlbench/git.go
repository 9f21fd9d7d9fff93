package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// gitPatience is how long git may take to say what a folder is: that of a large
// repository on a slow disk is not worth more.
const gitPatience = 10 * time.Second

var objectName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// commit asks git which commit a folder is of, and whether it holds something
// else than that: changes, or files that are neither known nor ignored. It is ""
// where the folder is none of git's, or git is not here or does not know.
func commit(ctx context.Context, folder, dockerfile string) (name string, dirty bool) {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	head, err := git(ctx, folder, "rev-parse", "--verify", "HEAD")
	if err != nil || !objectName.MatchString(head) {
		return "", false
	}
	changed, err := git(ctx, folder, "status", "--porcelain", "--", ".")
	if err != nil {
		return "", false
	}
	// A folder that git ignores as a whole, such as one of another program's
	// making, shows no changes, and is of no commit.
	if _, err := git(ctx, folder, "ls-files", "--error-unmatch", "--", dockerfile); err != nil && changed == "" {
		return "", false
	}
	return head, changed != ""
}

func git(ctx context.Context, folder string, args ...string) (string, error) {
	// No program of the repository's own choice is to run, and nothing to be written.
	args = append([]string{"-C", folder, "-c", "core.fsmonitor=false", "--no-optional-locks"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { // a hook's are about another repository
		return strings.HasPrefix(v, "GIT_DIR=") || strings.HasPrefix(v, "GIT_WORK_TREE=") || strings.HasPrefix(v, "GIT_INDEX_FILE=") || strings.HasPrefix(v, "GIT_PREFIX=")
	})
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

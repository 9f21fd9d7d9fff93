package docker

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/filters"
)

// pulledFrom is how the description of a cache record of a base image begins.
const pulledFrom = "pulled from "

// pruneTries is how often what is still in use is tried to be removed.
const pruneTries = 7

// cached are the IDs of the records in BuildKit's cache, but for base images.
func (r *Runner) cached(ctx context.Context) ([]string, error) {
	records, err := r.cacheRecords(ctx)
	var ids []string
	for _, record := range records {
		if !strings.HasPrefix(record.Description, pulledFrom) {
			ids = append(ids, record.ID)
		}
	}
	return ids, err
}

func (r *Runner) cacheRecords(ctx context.Context) ([]build.CacheRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, r.launch) // engines before API 1.42 measure everything
	defer cancel()
	for {
		usage, err := r.cli.DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.BuildCacheObject}})
		if err == nil {
			var records []build.CacheRecord
			for _, record := range usage.BuildCache {
				records = append(records, *record)
			}
			return records, nil
		}
		// An engine does this for one at a time.
		if ctx.Err() != nil || !strings.Contains(err.Error(), "already running") {
			return nil, r.engineError(ctx, "listing the engine's build cache", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// removeCached removes from BuildKit's cache what is not among the records
// that were there before, whatever became of ctx. What a build writes that
// somebody else runs at the same time cannot be told from ours: what of it is
// not in use at this moment goes too, and is made anew when it is wanted.
func (r *Runner) removeCached(ctx context.Context, before []string) error {
	return r.pruneCached(ctx, func(c build.CacheRecord) bool { return !slices.Contains(before, c.ID) })
}

// pruneCached removes from BuildKit's cache the records that are ours, but for
// base images, whatever became of ctx.
func (r *Runner) pruneCached(ctx context.Context, ours func(build.CacheRecord) bool) error {
	ctx, cancel := detached(ctx, r.launch)
	defer cancel()
	// The records of a build that was cancelled are in use for a moment more.
	// Tries and not time, as a busy engine may take long for each.
	for try := 0; ; try++ {
		records, err := r.cacheRecords(ctx)
		if err != nil {
			return err
		}
		var ids []string
		for _, c := range records {
			if !strings.HasPrefix(c.Description, pulledFrom) && ours(c) {
				ids = append(ids, regexp.QuoteMeta(c.ID))
			}
		}
		if len(ids) == 0 || try == pruneTries {
			return nil
		}
		time.Sleep(time.Duration(try) * 50 * time.Millisecond)
		pattern := "^(" + strings.Join(ids, "|") + ")$"
		_, err = r.cli.BuildCachePrune(ctx, build.CachePruneOptions{All: true, Filters: filters.NewArgs(filters.Arg("id", pattern))})
		if err != nil {
			return r.engineError(ctx, "removing what the build left in the engine's cache", err)
		}
	}
}

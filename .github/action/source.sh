#!/usr/bin/env bash
# Says of what mlbench is built, as a hash: of its sources, and of the system
# whose C library it is linked with.
set -euo pipefail
cd "$GITHUB_ACTION_PATH"
hash=$({
    printf '%s\n' "${ImageOS:-}"
    cat /etc/os-release 2>/dev/null || true
    find bench cmd gpu runner scenarios stats go.mod go.sum Makefile -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
} | sha256sum)
echo "hash=${hash%% *}" >>"$GITHUB_OUTPUT"

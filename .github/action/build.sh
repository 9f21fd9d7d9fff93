#!/usr/bin/env bash
# Builds mlbench from the action's own folder, with the flags that the Makefile
# has, and lets the steps after this one find it by its name.
set -euo pipefail
cd "$GITHUB_ACTION_PATH"
if [ "${KEPT:-}" != true ]; then
    # GitHub delivers actions without their history, so git cannot say which this is.
    if [ ! -e .git ]; then
        export VERSION="source-${HASH:0:12}"
    fi
    if ! command -v make >/dev/null; then
        echo "::error::building mlbench wants make and a C compiler on this runner: apt-get install make gcc" >&2
        exit 4
    fi
    make build
fi
bin/mlbench --help >/dev/null # which a kept one may not, on another system
echo "$GITHUB_ACTION_PATH/bin" >>"$GITHUB_PATH"

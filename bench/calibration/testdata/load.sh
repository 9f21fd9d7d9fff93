#!/usr/bin/env bash
# The load of the loaded traces: compile jobs of 1 to 8 s on all processors, with
# gaps of half a second to 6 s, for so many seconds.
set -u
cd "$(dirname "$0")"
between() { awk -v low="$1" -v high="$2" -v r="$RANDOM" 'BEGIN { printf "%.2f", low + (high - low) * r / 32768 }'; }
while [ "$SECONDS" -lt "${1:?how many seconds}" ]; do
    timeout "$(between 1 8)" go build -a -o /dev/null mlbench/cmd/mlbench
    sleep "$(between 0.5 6)"
done

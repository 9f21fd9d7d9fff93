#!/usr/bin/env bash
# Calls mlbench as the inputs of action.yml ask, which are in the environment:
# results go to $OUT and, as Markdown, to the job's summary. Its exit code is
# mlbench's.
set -euo pipefail

fail() {
    echo "::error::mlbench: $1" >&2
    exit 2
}

# lines are the words of an input that has one on each, without empty ones.
lines() {
    local word
    while IFS= read -r word || [ -n "$word" ]; do
        word=${word%$'\r'}
        [ -z "$word" ] || words+=("$word")
    done <<<"$1"
}

case $COMMAND in
compare | run | nightly) ;;
*) fail "command: it is compare, run, nightly or comment" ;;
esac
case $OUT in
'' | -* | . | / | *$'\n'*) fail "out: it names a folder for results, e.g. mlbench-out" ;;
esac
mkdir -p "$OUT"
rm -f "$OUT"/{result.json,report.md,report.html,junit.xml,scan.json,nightly.json,nightly.md}

words=("$COMMAND")
[ -z "$SUITE" ] || words+=(--file "$SUITE")
if [ "$COMMAND" = nightly ]; then
    summary=$OUT/nightly.md
    # Of the runner's own, as what is measured is true of this machine alone.
    history=${HISTORY:-${XDG_STATE_HOME:-$HOME/.local/state}/mlbench/$GITHUB_REPOSITORY}
    mkdir -p "$history"
    words+=(--history "$history" --out "$summary" --out "$OUT/nightly.json")
else
    summary=$OUT/report.md
    words+=(--out "$OUT/result.json" --out "$summary" --out "$OUT/report.html" --out "$OUT/junit.xml")
    history=$HISTORY
    [ -z "$history" ] || words+=(--history "$history")
fi
before=${#words[@]}
lines "$OLD"
lines "$NEW"
for candidate in "${words[@]:before}"; do
    case $candidate in
    -*) fail "old, new: a candidate that begins with - would be a flag: flags are the input args" ;;
    esac
done
lines "$ARGS"

as=()
case $SUDO in
true) as=(sudo --preserve-env env "PATH=$PATH") ;;
false | '') ;;
*) fail "sudo: it is true or false" ;;
esac

# What images print is in the log, and a line of theirs that looks like a command
# for the runner is to be none
# (docs.github.com/en/actions/reference/workflow-commands-for-github-actions).
quiet=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$quiet"
status=0
"${as[@]}" mlbench "${words[@]}" || status=$?
echo "::$quiet::"

if [ "$SUDO" = true ]; then # later steps are not root
    sudo chown -R "$(id -u):$(id -g)" "$OUT" ${history:+"$history"}
fi

if [ -s "$summary" ]; then
    cat "$summary" >>"$GITHUB_STEP_SUMMARY"
else
    echo "mlbench $COMMAND ended with status $status and measured nothing: the log says why." >>"$GITHUB_STEP_SUMMARY"
fi
[ -z "$SCAN" ] || cp -- "$SCAN" "$OUT/scan.json" || echo "::warning::scan: that report is not there, and will not be in the comment" >&2
if [ "$COMMAND" = nightly ] && ! [ "$history" -ef "$OUT/history" ]; then
    mkdir -p "$OUT/history"
    cp -R -- "$history/." "$OUT/history/"
fi
{
    echo "status=$status"
    echo "folder=$OUT"
} >>"$GITHUB_OUTPUT"
exit "$status"

#!/bin/sh
# Installs the packages that packages.lock names, in these versions.
#
# A mirror keeps the newest versions alone, so that one day it has others. Then
# it is said which, and LOCK decides: hold ends the build, as it ought to where
# images are made to be shipped; say installs what the mirror has. Either take
# the packages from a dated archive then, or look at what is new and write it
# into packages.lock.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

packages() { dpkg-query -W -f '${Package}=${Version}\n' | sort >"$scratch/$1"; }
install() { apt-get install -y --no-install-recommends "$@"; }

grep -v '^#' packages.lock | sort >"$scratch/pinned"
packages before
apt-get update
# shellcheck disable=SC2046 # each is an argument
if install -s $(cat "$scratch/pinned") >"$scratch/said" 2>&1; then
    install $(cat "$scratch/pinned")
else
    grep '^E:' "$scratch/said"
    if [ "$LOCK" = hold ]; then
        echo "PACKAGES ARE NOT TO BE HAD AS packages.lock PINS THEM"
        exit 1
    fi
    install $(cut -d= -f1 "$scratch/pinned")
fi

packages after
comm -23 "$scratch/pinned" "$scratch/after" | sed 's/^/- /' >"$scratch/differ"
comm -13 "$scratch/before" "$scratch/after" | comm -13 "$scratch/pinned" - | sed 's/^/+ /' >>"$scratch/differ"
if [ ! -s "$scratch/differ" ]; then
    echo "all packages are as packages.lock pins them"
    exit
fi
echo "PACKAGES ARE OTHER THAN packages.lock PINS THEM: - is pinned, + is there"
cat "$scratch/differ"
[ "$LOCK" != hold ]

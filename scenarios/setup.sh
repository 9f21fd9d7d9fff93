#!/bin/sh
# Gets this machine ready for `make demo` and `make test`.
#
#   setup.sh engine     makes sure that a docker engine answers; starts or, on
#                       Debian and Ubuntu as root, installs one where none is
#   setup.sh base       prints the name of the Debian base image to build on;
#                       makes one with debootstrap where none can be pulled
#   setup.sh sources    prints the apt sources that such a base image gets, from
#                       this machine's own; changes nothing
#   setup.sh toolchain  makes sure that Go and a C compiler, which the race
#                       detector needs, are there
#   setup.sh browser    makes sure that a Chromium is there, in which HTML reports
#                       are tried; installs one on Debian as root, and elsewhere
#                       only says what is missing, as tests do without
#
# A second run finds everything there. Only what is printed as said above goes
# to stdout; all else goes to stderr.
set -eu

official=debian:bookworm-slim
homemade=mlbench/base:bookworm
suite=bookworm
start_limit=90 # seconds until a started engine must answer
pull_limit=60  # seconds that a pull of the official image may take
engine_log=${MLBENCH_ENGINE_LOG:-/var/log/mlbench-dockerd.log}
apt_log=/var/log/mlbench-apt.log
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }
is_debian() { have apt-get && [ -r /etc/os-release ] && grep -Eq '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

# one_at_a_time keeps two runs of this script from starting two engines or
# making the base image twice.
one_at_a_time() {
    is_root && have flock || return 0
    exec 9>/run/mlbench-setup.lock
    flock -w 900 9 || fail "another setup.sh has held /run/mlbench-setup.lock for 15 minutes; end it first"
}

# apt_install installs packages, with the noise in a log that is shown on failure.
apt_install() {
    say "installing $* with apt-get"
    if ! { DEBIAN_FRONTEND=noninteractive apt-get update &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
            -o DPkg::Lock::Timeout=300 "$@"; } \
        </dev/null >"$apt_log" 2>&1 9>&-; then
        tail -n 20 "$apt_log" >&2
        fail "apt-get could not install $* (full log: $apt_log)"
    fi
}

# ---- toolchain -------------------------------------------------------------

toolchain() {
    have go || fail "no go command on the PATH: install Go, the version that go.mod names or newer"
    cc=$(go env CC)
    have "${cc%% *}" && return 0
    if ! is_root || ! is_debian; then
        fail "no C compiler ($cc): install gcc and the C library's headers"
    fi
    one_at_a_time
    apt_install gcc libc6-dev
}

# ---- browser ---------------------------------------------------------------

# browser: the names are those that the tests look for. Only Debian has Chromium
# as a package of its own; Ubuntu's leads to a snap, which runs in no container.
browser() {
    for name in chromium chromium-browser google-chrome chromium-headless-shell; do
        ! have "$name" || return 0
    done
    # shellcheck source=/dev/null
    if ! is_root || ! have apt-get || [ "$(. /etc/os-release && echo "$ID")" != debian ]; then
        [ -z "${MLBENCH_REQUIRE_BROWSER:-}" ] ||
            fail "no chromium on the PATH: install Chromium with this system's package manager, or run this as root on Debian"
        say "no chromium on the PATH: tests of HTML reports will skip; install Chromium to run them"
        return 0
    fi
    one_at_a_time
    ! have chromium || return 0
    apt_install chromium fonts-dejavu-core
}

# ---- engine ----------------------------------------------------------------

answers() {
    if have docker && [ -n "$(timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null)" ]; then
        return 0
    fi
    have curl || return 1
    case ${DOCKER_HOST:-unix:///var/run/docker.sock} in
    unix://*)
        socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
        curl -fs -o /dev/null --max-time 5 --unix-socket "${socket#unix://}" http://localhost/_ping ;;
    *) return 1 ;;
    esac
}

# alive FILE NAME: the pid in FILE is a live process of that name. A zombie,
# or another process that was given the number since, is not.
alive() {
    [ -r "$1" ] || return 1
    pid=$(tr -cd 0-9 <"$1")
    [ -n "$pid" ] && [ -r "/proc/$pid/status" ] || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] || return 1
    ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status"
}

# remove_stale_pids: an engine killed outright leaves its pid files, and the
# next one refuses to start, or waits for a containerd that is gone, when the
# number belongs to another process by then.
remove_stale_pids() {
    for entry in /var/run/docker.pid:dockerd /var/run/docker/containerd/containerd.pid:containerd; do
        file=${entry%:*}
        if [ -e "$file" ] && ! alive "$file" "${entry##*:}"; then
            say "removing $file of an engine that is gone"
            rm -f "$file"
        fi
    done
}

wait_for_answer() {
    begin=$(date +%s)
    until answers; do
        # The engine we started has ended: there is nothing to wait for, unless
        # another one (an init script's, say) came first and is on its way.
        if [ -n "${1:-}" ] && ! kill -0 "$1" 2>/dev/null && ! alive /var/run/docker.pid dockerd; then
            return 1
        fi
        [ $(($(date +%s) - begin)) -lt "$start_limit" ] || return 1
        sleep 0.5
    done
}

start_engine() {
    if [ -d /run/systemd/system ] && have systemctl && systemctl cat docker.service >/dev/null 2>&1; then
        say "starting docker with systemctl"
        systemctl start docker.service </dev/null >&2 9>&- ||
            fail "systemctl could not start docker; see: journalctl -u docker"
        wait_for_answer || fail "docker does not answer $start_limit s after systemctl start; see: journalctl -u docker"
        return
    fi
    if alive /var/run/docker.pid dockerd; then
        say "waiting for the dockerd that is running (pid $(cat /var/run/docker.pid))"
        wait_for_answer || fail "dockerd (pid $(cat /var/run/docker.pid)) runs but does not answer; end it and run this again"
        return
    fi
    remove_stale_pids
    say "starting $(command -v dockerd), log in $engine_log"
    : >>"$engine_log"
    from=$(wc -c <"$engine_log")
    setsid dockerd </dev/null >>"$engine_log" 2>&1 9>&- &
    started=$!
    if ! wait_for_answer "$started"; then
        tail -c "+$((from + 1))" "$engine_log" | tail -n 30 >&2
        fail "dockerd does not answer after $(($(date +%s) - begin)) s; its last words are above, all of them in $engine_log"
    fi
}

# other_engine names an installed engine package that docker.io would displace.
other_engine() {
    have dpkg-query || return 1
    for name in docker-ce moby-engine docker-engine docker.io; do
        if dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^.i'; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

engine() {
    answers && return 0
    case ${DOCKER_HOST:-unix:///var/run/docker.sock} in
    unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
    *) fail "DOCKER_HOST=$DOCKER_HOST does not answer; start that engine, or unset DOCKER_HOST" ;;
    esac
    if ! is_root; then
        if alive /var/run/docker.pid dockerd && [ ! -w /var/run/docker.sock ]; then
            fail "no permission on /var/run/docker.sock: join the group that owns it (usermod -aG docker $(id -un)), or run this as root"
        fi
        fail "no docker engine answers: install and start Docker Engine (on Debian and Ubuntu: apt-get install docker.io), or run this as root"
    fi
    one_at_a_time
    answers && return 0 # while waiting for our turn
    if ! have dockerd; then
        is_debian || fail "no docker engine answers: install Docker Engine with this system's package manager and start it"
        if name=$(other_engine); then
            fail "the package $name is installed but there is no dockerd on the PATH: repair it (apt-get install --reinstall $name)"
        fi
        apt_install docker.io iptables debootstrap
        have docker || ! candidate docker-cli || apt_install docker-cli
        answers && return 0 # the package's own scripts may have started it
    fi
    start_engine
    say "the docker engine answers"
}

candidate() { apt-cache policy "$1" 2>/dev/null | grep -Eq '^ +Candidate: [^(]'; }

# ---- base ------------------------------------------------------------------

image_there() { docker image inspect "$1" >/dev/null 2>&1; }

base() {
    engine
    if ! have docker; then
        if ! is_root || ! is_debian || ! candidate docker-cli; then
            fail "no docker command on the PATH: install the docker client (docker-cli)"
        fi
        apt_install docker-cli
    fi
    for image in "$official" "$homemade"; do
        if image_there "$image"; then
            echo "$image"
            return
        fi
    done
    say "pulling $official"
    if timeout "$pull_limit" docker pull -q "$official" </dev/null >/dev/null 2>&1; then
        echo "$official"
        return
    fi
    say "it cannot be pulled here: making $homemade with debootstrap"
    is_root || fail "making $homemade needs root: run this as root once, or docker pull $official"
    one_at_a_time
    if ! image_there "$homemade"; then
        make_base
    fi
    echo "$homemade"
}

# archive KIND prints the URI of the Debian archive that this machine's apt is
# configured with: '' is the release itself, -updates and -security the suites
# beside it. apt reads its own configuration, in either of its two formats.
# Nothing is printed where there is none that a build could use too.
archive() {
    # shellcheck source=/dev/null
    [ "$(. /etc/os-release && echo "$ID")" = debian ] && have apt-get || return 0
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-$suite}")
    # shellcheck disable=SC2016 # the $(…) are apt's
    uri=$(apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk -v a="$suite$1" -v b="$codename$1" '($2 == a || $2 == b) && $3 == "main" { print $1; exit }')
    case $uri in
    mirror+file:*) # a file of mirrors, as on cloud images
        list=${uri#mirror+file:}
        uri=$(awk '/^https?:/ { print $1; exit }' "${list%/}" 2>/dev/null) ;;
    esac
    case $uri in
    http:* | https:*) echo "${uri%/}" ;;
    esac
}

# sources prints the sources.list of the base image; nothing where this machine
# has no Debian archive of its own.
sources() {
    [ -n "$(archive '')" ] || return 0
    for kind in '' -updates -security; do
        uri=$(archive "$kind")
        [ -z "$uri" ] || echo "deb $uri $suite$kind main"
    done
}

# finish_base makes the root folder what the official slim image is: no lists,
# caches, manuals or translations, and an apt that works within builds.
finish_base() {
    mkdir -p "$root/etc/apt/apt.conf.d" "$root/etc/dpkg/dpkg.cfg.d"
    if [ -n "$mirror" ]; then
        sources >"$root/etc/apt/sources.list"
    fi
    # What reaching this machine's mirror needs: a proxy, a snapshot's old dates.
    apt-config dump 2>/dev/null |
        grep -Ei '^Acquire::((https?::)?Proxy|https?::Proxy::[^ ]+|Check-Valid-Until|Check-Date) ' \
            >"$root/etc/apt/apt.conf.d/10machine" || rm -f "$root/etc/apt/apt.conf.d/10machine"
    cat >"$root/etc/apt/apt.conf.d/20image" <<'END'
// As in Debian's own images: packages are not kept, indexes stay compressed,
// descriptions are not translated.
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
Apt::AutoRemove::SuggestsImportant "false";
END
    cat >"$root/etc/dpkg/dpkg.cfg.d/image" <<'END'
force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
path-exclude /usr/share/man/*
END
    find "$root/usr/share/doc" -type f ! -name copyright -delete
    find "$root/usr/share/doc" -type l -delete
    find "$root/usr/share/locale" -type f ! -name locale.alias -delete
    rm -rf "$root"/usr/share/info/* "$root"/usr/share/lintian/* "$root"/usr/share/man/* \
        "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
        "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root/var/cache/ldconfig/aux-cache" \
        "$root"/var/log/*.log "$root"/var/log/apt/* "$root"/tmp/* "$root/etc/hostname" "$root/etc/resolv.conf"
    find "$root/usr/share/doc" "$root/usr/share/locale" -depth -mindepth 1 -type d -empty -delete
    mkdir -p "$root/var/lib/apt/lists/partial"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # packages start no services within a build
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

# clean_up removes the work folder; what an interrupted debootstrap left
# mounted in it is unmounted first, so that nothing of the machine is removed.
clean_up() {
    for mounted in sys proc dev/pts dev; do
        umount "$root/$mounted" 2>/dev/null || :
    done
    rm -rf --one-file-system "$work"
}

make_base() {
    if ! have debootstrap; then
        is_debian || fail "no debootstrap: install it with this system's package manager, or docker pull $official"
        apt_install debootstrap debian-archive-keyring
    fi
    work=$(mktemp -d /var/tmp/mlbench-base.XXXXXX)
    trap 'clean_up' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    root=$work/root
    log=$work/log
    mkdir "$root"
    chmod 755 "$work" "$root"

    mirror=$(archive '')
    set -- --variant=minbase
    case $mirror in https:*) set -- "$@" --include=ca-certificates ;; esac
    if ! debootstrap "$@" "$suite" "$root" ${mirror:+"$mirror"} </dev/null >"$log" 2>&1 9>&-; then
        tail -n 20 "$log" >&2
        [ ! -r "$root/debootstrap/debootstrap.log" ] || tail -n 20 "$root/debootstrap/debootstrap.log" >&2
        fail "debootstrap could not make a $suite from ${mirror:-its own default mirror}"
    fi
    finish_base
    tar -C "$root" --numeric-owner --one-file-system -cf "$work/base.tar" .
    docker import --change 'CMD ["bash"]' --message "debootstrap $suite" "$work/base.tar" "$homemade" >/dev/null
    clean_up
    trap - EXIT INT TERM
    say "$homemade is there"
}

case ${1:-} in
engine) engine ;;
toolchain) toolchain ;;
browser) browser ;;
base) base ;;
sources) sources ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

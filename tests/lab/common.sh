# shellcheck shell=bash
# What every script of the lab shares. Sourced, never run.

# Script names in messages: "lab/boot: ..." tells which step of a long run spoke.
note() { printf 'lab/%s: %s\n' "${0##*/}" "$*" >&2; }
die() { note "$*"; exit 1; }

# The newest kernel is not always the best test: an operator's director runs an old one.
lab_releases="bookworm bullseye trixie sid"

lab_src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this file
lab_root=$(cd "$lab_src/../.." && pwd)
# Downloads and built images live outside git. One folder, so that removing it starts afresh.
lab_dir=${IPVS_TUI_LAB_DIR:-$lab_root/target/lab}

# check_release RELEASE - refuses a word that names no kernel of the lab.
check_release() {
    case " $lab_releases " in
        *" $1 "*) ;;
        *) die "unknown release '$1'; choose one of: $lab_releases" ;;
    esac
}

# want_commands PROGRAM... - refuses to start half way without the host's tools.
want_commands() {
    local name
    for name; do
        command -v "$name" >/dev/null || die "'$name' is missing; run tests/lab/host first"
    done
}

# lock NAME - two runs at once must not build the same cached thing. Held until the script ends.
lock() {
    mkdir -p "$lab_dir"
    exec {lab_lock}>"$lab_dir/$1.lock"
    flock "$lab_lock"
}

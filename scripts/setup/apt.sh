# shellcheck shell=bash disable=SC2034,SC2154
# Part of scripts/setup.sh: packages from apt.

as_root() (
    # File 9 is closed here. Otherwise a service that a package starts would hold the lock.
    exec 9<&-
    # What a package makes is for every user, whatever the umask of this one.
    umask 022
    if ((EUID)); then exec sudo -n "$@"; else exec "$@"; fi
)

# Runs apt-get. Waits up to five minutes while another program holds its lock, and completes what an
# interrupted apt has left. Its temporary files are on the card, because /tmp may be memory.
apt_get() {
    local output repaired='' waits=0
    until output=$(as_root env DEBIAN_FRONTEND=noninteractive TMPDIR=/var/tmp apt-get -qq "$@" 2>&1); do
        if [[ $output == *"Could not get lock"* || $output == *"Unable to lock"* ]] && ((waits < 100)); then
            if ((waits++ == 0)); then say "Waiting for another program to finish with apt"; fi
            sleep 3
        elif [[ $output == *"dpkg was interrupted"* || $output == *"fix-broken"* ]] && [[ -z $repaired ]]; then
            repaired=yes
            say "Completing an interrupted installation of apt"
            complete_apt || say "That failed" >&2
        else
            printf '%s\n' "$output" >&2
            return 1
        fi
    done
}

complete_apt() {
    as_root env DEBIAN_FRONTEND=noninteractive TMPDIR=/var/tmp dpkg --configure -a &&
        as_root env DEBIAN_FRONTEND=noninteractive TMPDIR=/var/tmp apt-get -qq install -y --fix-broken
} >/dev/null 2>&1

is_in_apt() {
    local package
    for package; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            return 1
    done
}

# Installs packages. The list of packages is updated only if that fails with the present list.
apt_install() {
    command -v apt-get >/dev/null || return 1
    is_in_apt "$@" && return
    as_root true 2>/dev/null || return 1
    say "apt: installing $*"
    apt_get install -y --no-install-recommends "$@" 2>/dev/null && return
    [[ -z $wheels ]] || return 1
    apt_get update || say "apt-get update had errors; going on" >&2
    apt_get install -y --no-install-recommends "$@"
}

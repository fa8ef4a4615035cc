#!/usr/bin/env bash
# Has systemd start the suite at boot, as the user to whom this folder belongs. Run again, it takes over other options.
#
#   sudo scripts/install-service.sh [--config DIR] [--profile NAME]
#   sudo scripts/install-service.sh --uninstall
#   scripts/install-service.sh --print [--config DIR] [--profile NAME]     shows the unit, and changes nothing
set -euo pipefail
# The unit knows nothing of what is exported here, and so the check of the settings must not either.
unset CDPATH WHOS_THERE_CONFIG WHOS_THERE_PROFILE
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=$root/.venv/bin/python
units=${WHOS_THERE_UNITS:-/etc/systemd/system}
name=whos-there.service
owner=$(stat --format=%U "$root")

main() {
    local task=install options=()
    again=$(printf '%q ' sudo "$root/scripts/install-service.sh" "$@")
    while (($#)); do
        case $1 in
            --print | --uninstall) task=${1#--} ;;
            --config | --profile)
                (($# > 1)) || die "$1: which?"
                [[ -n $2 || $1 == --profile ]] || die "--config: which folder?"
                if [[ $1 == --config ]]; then options+=("$1" "$(realpath --canonicalize-missing -- "$2")"); else options+=("$1" "$2"); fi
                shift
                ;;
            *) die "$1: what is that? There are --config DIR, --profile NAME, --print and --uninstall" ;;
        esac
        shift
    done
    "$task" "${options[@]}"
}

say() { printf '%s\n' "$*"; }

die() {
    printf 'install-service.sh: %s\n' "$*" >&2
    exit 1
}

print() {
    local word unit words=''
    [[ -x $python ]] || die "not set up yet: scripts/setup.sh does that"
    if [[ $owner == UNKNOWN ]]; then
        die "user $(stat --format=%u "$root"), to whom $root belongs, has no name here: sudo chown -R YOU $(printf %q "$root"), and again"
    fi
    for word in "$root" "$@"; do
        if [[ $word == *[\"\\\$%[:cntrl:]]* ]]; then die "systemd takes no \", \\, \$, % or line break here: $word"; fi
    done
    for word in "$@"; do words+=" \"$word\""; done
    unit=$(<"$root/scripts/systemd/$name")
    unit=${unit//@USER@/"$owner"}
    unit=${unit//@ROOT@/"$root"}
    say "${unit//@OPTIONS@/"$words"}"
}

install() {
    local unit
    unit=$(print "$@")
    need_systemd "give cron this line instead (crontab -e): @reboot $(printf '%q ' "$root/scripts/start.sh" "$@")"
    need_root
    cd -- "$root"
    runuser --user "$owner" -- "$python" -m app check-config "$@" || die "nothing was installed, for these settings start nothing"
    if [[ $owner == root ]]; then say "This folder is root's, and so all programs will be. Safer: sudo chown -R YOU $(printf %q "$root"), and again"; fi
    if [[ -e $units/$name && $unit == "$(<"$units/$name")" ]] && systemctl --quiet is-enabled $name && systemctl --quiet is-active $name; then
        say "$name is installed and runs already"
        return
    fi
    say "$unit" >"$units/.$name.new"
    sync "$units/.$name.new"
    mv -- "$units/.$name.new" "$units/$name"
    systemctl daemon-reload
    systemctl --quiet enable $name
    systemctl restart $name
    say "$name is installed: the suite starts now, and at every boot. How it goes: scripts/status.sh, and journalctl -u ${name%.service}"
}

uninstall() {
    need_systemd "there is nothing to undo"
    need_root
    if [[ ! -e $units/$name ]]; then
        say "$name is not installed"
        return
    fi
    systemctl --quiet disable --now $name
    rm --force -- "$units/$name"
    systemctl daemon-reload
    say "$name is gone, and the suite has ended. scripts/start.sh starts it by hand."
}

need_systemd() {
    case $(systemctl is-system-running 2>/dev/null || true) in
        '' | offline | unknown) die "systemd does not run this machine; $1" ;;
    esac
}

need_root() { ((EUID == 0)) || die "only root may do this: $again"; }

main "$@"

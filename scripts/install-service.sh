#!/usr/bin/env bash
# Installs a systemd service that starts the suite at boot, as the user who owns this folder, and
# restarts it when it hangs. Switches on the watchdog that reboots a machine that hangs, if there is
# one. To change the options, run it again.
#
#   sudo scripts/install-service.sh [--config DIR] [--profile NAME]
#   sudo scripts/install-service.sh --uninstall
#   scripts/install-service.sh --print [--config DIR] [--profile NAME]
#
# --print shows the unit and changes nothing.
set -euo pipefail
# The unit does not get the variables that are exported here. The check of the settings must not see
# them either.
unset CDPATH WHOS_THERE_CONFIG WHOS_THERE_PROFILE
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=$root/.venv/bin/python
units=${WHOS_THERE_UNITS:-/etc/systemd/system}
name=whos-there.service
system_conf=${WHOS_THERE_SYSTEM_CONF:-/etc/systemd/system.conf.d}
watchdog=whos-there-watchdog.conf
watchdog_device=${WHOS_THERE_WATCHDOG:-/dev/watchdog}
owner=$(stat --format=%U "$root")

main() {
    local task=install options=()
    again=$(printf '%q ' sudo "$root/scripts/install-service.sh" "$@")
    while (($#)); do
        case $1 in
            --print | --uninstall) task=${1#--} ;;
            --config | --profile)
                (($# > 1)) || die "$1: a value is missing"
                [[ -n $2 || $1 == --profile ]] || die "--config: the folder is missing"
                if [[ $1 == --config ]]; then
                    options+=("$1" "$(realpath --canonicalize-missing -- "$2")")
                else
                    options+=("$1" "$2")
                fi
                shift
                ;;
            --help) sed -n '2,/^set /s/^# \?//p' "$root/scripts/install-service.sh" && exit ;;
            *) die "$1: unknown. There are --config DIR, --profile NAME, --print and --uninstall" ;;
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
    [[ -x $python ]] || die "not set up yet: run scripts/setup.sh"
    if [[ $owner == UNKNOWN ]]; then
        die "$root belongs to user $(stat --format=%u "$root"), who has no name here:" \
            "sudo chown -R YOU $(printf %q "$root"), then run this again"
    fi
    for word in "$root" "$@"; do
        if [[ $word == *[\"\\\$%[:cntrl:]]* ]]; then
            die "systemd allows no \", \\, \$, % or line break here: $word"
        fi
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
    need_systemd "give cron this line instead (crontab -e):" \
        "@reboot $(printf '%q ' "$root/scripts/start.sh" "$@")"
    need_root
    cd -- "$root"
    runuser --user "$owner" -- "$python" -m app check-config "$@" ||
        die "nothing was installed, because the suite cannot start with these settings"
    if [[ $owner == root ]]; then
        say "root owns this folder, so all programs will run as root." \
            "Safer: sudo chown -R YOU $(printf %q "$root"), then run this again"
    fi
    switch_on_watchdog
    if runs_as "$unit"; then
        say "$name is installed and runs already"
        return
    fi
    say "$unit" | put "$units/$name"
    systemctl daemon-reload
    systemctl --quiet enable $name
    systemctl restart $name
    say "$name is installed: the suite starts now, and at every boot." \
        "To see how it runs: scripts/status.sh, and journalctl -u ${name%.service}"
}

# Writes standard input to the file $1, whole or not at all.
put() {
    cat >"${1%/*}/.${1##*/}.new"
    sync "${1%/*}/.${1##*/}.new"
    mv -- "${1%/*}/.${1##*/}.new" "$1"
}

# Lets the machine reboot when it hangs, unless that is switched on already or it has no watchdog.
switch_on_watchdog() {
    [[ -e $watchdog_device ]] || return 0
    [[ $(systemctl show --property=RuntimeWatchdogUSec --value 2>/dev/null) == 0 ]] || return 0
    mkdir --parents "$system_conf"
    put "$system_conf/$watchdog" <"$root/scripts/systemd/$watchdog"
    systemctl daemon-reexec
    say "The watchdog is on: this machine reboots when it hangs for 14 s"
}

switch_off_watchdog() {
    [[ -e $system_conf/$watchdog ]] || return 0
    rm -- "$system_conf/$watchdog"
    systemctl daemon-reexec
}

# Succeeds if the service is installed with this unit, enabled and active.
runs_as() {
    [[ -e $units/$name && $1 == "$(<"$units/$name")" ]] &&
        systemctl --quiet is-enabled $name && systemctl --quiet is-active $name
}

uninstall() {
    need_systemd "there is nothing to uninstall"
    need_root
    if [[ ! -e $units/$name ]]; then
        say "$name is not installed"
        return
    fi
    systemctl --quiet disable --now $name
    rm --force -- "$units/$name"
    systemctl daemon-reload
    switch_off_watchdog
    say "$name is removed, and the suite has ended. To start it by hand: scripts/start.sh"
}

need_systemd() {
    case $(systemctl is-system-running 2>/dev/null || true) in
        '' | offline | unknown) die "systemd does not run this machine;" "$@" ;;
    esac
}

need_root() { ((EUID == 0)) || die "only root may do this: $again"; }

main "$@"

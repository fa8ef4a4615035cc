#!/usr/bin/env bash
# Sets up if needed, starts every program, waits until each works, and prints where to look.
#
#   scripts/start.sh [--source PATH|URL|demo] [--config DIR] [--profile NAME] [--only PROGRAM]...
#                    [--wheels DIR] [--foreground]
#
# --wheels DIR   sets up without a network, from the wheels in DIR (scripts/wheelhouse.sh)
# --foreground   for systemd: becomes supervisord, also with the packages of before if no others can
#                be installed now
set -euo pipefail
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
options=() foreground=''
while (($#)); do
    case $1 in
        --wheels)
            [[ -n ${2:-} ]] || { echo "start.sh: --wheels: the folder is missing" >&2 && exit 1; }
            WHOS_THERE_WHEELS=$(realpath -- "$2")
            export WHOS_THERE_WHEELS
            shift
            ;;
        --help) sed -n '2,/^set /s/^# \?//p' "$root/scripts/start.sh" && exit ;;
        --foreground) foreground=yes options+=("$1") ;;
        *) options+=("$1") ;;
    esac
    shift
done
bash "$root/scripts/setup.sh" || [[ -n $foreground && -x $root/.venv/bin/python ]]
# With this environment supervisord is forked, and not started again: READY in app/launcher/launch.py.
printf -v room '%1000s' ''
export PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=1 WHOS_THERE_ROOM=${room// /.}
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m app start "${options[@]}"

#!/usr/bin/env bash
# Scores the detector on labelled scenes, which it draws, and prints a table.
#
#   scripts/yardstick.sh [--seed N] [--method NAME] [--without PART] [--jobs N] [--keep DIR]
#                        [--variant NAME]
set -euo pipefail
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [[ ! -x $root/.venv/bin/python ]]; then
    echo "yardstick.sh: not set up yet: run scripts/setup.sh" >&2
    exit 1
fi
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m app yardstick "$@"

#!/usr/bin/env bash
# Ends every program that scripts/start.sh started, gently and within 10 s.
#
#   scripts/stop.sh [--config DIR] [--profile NAME]
set -euo pipefail
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [[ ! -x $root/.venv/bin/python ]]; then
    echo "stop.sh: not set up yet: run scripts/setup.sh" >&2
    exit 1
fi
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m app stop "$@"

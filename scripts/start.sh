#!/usr/bin/env bash
# Sets up if needed, starts every program, waits until each works, and prints where to look.
#
#   scripts/start.sh [--source PATH|URL|demo] [--config DIR] [--profile NAME] [--only PROGRAM]...
set -euo pipefail
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/setup.sh"
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m app start "$@"

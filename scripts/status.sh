#!/usr/bin/env bash
# Shows the state of every program. The exit code is 0 only if all is well.
#
#   scripts/status.sh [--json] [--config DIR] [--profile NAME]
set -euo pipefail
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [[ ! -x $root/.venv/bin/python ]]; then
    remark="status.sh: not set up yet: run scripts/setup.sh"
    if [[ " $* " == *" --json "* ]]; then
        printf '{"healthy": false, "programs": [], "remarks": ["%s"]}\n' "$remark"
    fi
    echo "$remark" >&2
    exit 1
fi
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m app status "$@"

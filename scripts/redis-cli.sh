#!/usr/bin/env bash
# Runs redis-cli with the address and the password of this house's Redis.
#
#   scripts/redis-cli.sh [--config DIR] [--profile NAME] [COMMAND...]
set -euo pipefail
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [[ ! -x $root/.venv/bin/python ]]; then
    echo "redis-cli.sh: not set up yet: run scripts/setup.sh" >&2
    exit 1
fi
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m app redis-cli "$@"

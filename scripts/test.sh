#!/usr/bin/env bash
# Sets up and runs all tests. Arguments go to pytest, as in: scripts/test.sh tests/motion -k lamp
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --tests
exec .venv/bin/python -m pytest "$@"

#!/usr/bin/env bash
# Sets up and runs all tests, four at a time, since most of them wait. Arguments go to pytest, as in:
#
#   scripts/test.sh tests/motion -k lamp
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --tests
exec .venv/bin/python -m pytest --numprocesses 4 --dist loadgroup "$@"

#!/usr/bin/env bash
# Sets up and runs all tests, six at a time, because most of them wait. Arguments go to pytest:
#
#   scripts/test.sh tests/motion -k lamp
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --tests

# Some tests mount a small disk and fill it. A user who is not root may do that in a namespace.
in_namespace=()
namespace=(unshare --user --map-root-user --mount)
if ((EUID != 0)) && "${namespace[@]}" mount -t tmpfs tmpfs /tmp 2>/dev/null; then
    in_namespace=("${namespace[@]}")
fi
exec "${in_namespace[@]}" .venv/bin/python -m pytest --numprocesses 6 --dist loadfile "$@"

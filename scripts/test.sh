#!/usr/bin/env bash
# Sets up and runs all tests, four at a time, since most of them wait. Arguments go to pytest, as in:
#
#   scripts/test.sh tests/motion -k lamp
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --tests

# Some tests mount a small disk and fill it, which those who are not root may do in namespaces of their own.
apart=()
own=(unshare --user --map-root-user --mount)
if ((EUID != 0)) && "${own[@]}" mount -t tmpfs tmpfs /tmp 2>/dev/null; then apart=("${own[@]}"); fi
exec "${apart[@]}" .venv/bin/python -m pytest --numprocesses 4 --dist loadgroup "$@"

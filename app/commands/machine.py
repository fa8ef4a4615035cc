"""The machine that this runs on: how warm it is, whether it is throttled, its disk, and what keeps
it busy.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.files import GB, free_bytes

if TYPE_CHECKING:
    import psutil

THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
KEPT_S = 10.0
SAMPLE_S = 0.3
BUSIEST = 5
_VCGENCMD_S = 0.5
#: The bits of `vcgencmd get_throttled`; the same 16 further up say that it was so since the start.
_THROTTLED = (
    (0, "under-voltage"),
    (1, "frequency capped"),
    (2, "throttled"),
    (3, "soft temperature limit"),
)
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the machine is; None for what it does not tell.

    *throttled* is in words, "" when nothing is wrong; *free_gb* is what the disk has left, in GB of
    10⁹ bytes.
    """

    temperature_c: float | None
    throttled: str | None
    free_gb: float


class Machine:
    """What is measured of it is kept for some seconds, so that asking often costs little."""

    def __init__(self) -> None:
        self._measured: tuple[float, Vitals] | None = None

    def vitals(self, folder: Path) -> Vitals:
        """How it, and the disk with *folder*, is now or was up to `KEPT_S` ago."""
        now_s = time.monotonic()
        if self._measured is None or now_s - self._measured[0] > KEPT_S:
            self._measured = now_s, Vitals(_temperature_c(), _throttled(), free_bytes(folder) / GB)
        return self._measured[1]


def busy() -> str:
    """The load, the memory, and the busiest programs, in lines of equal columns; takes
    `SAMPLE_S`.
    """
    import psutil

    load = " ".join(f"{one:.2f}" for one in psutil.getloadavg())
    memory = psutil.virtual_memory()
    lines = [
        f"load   {load} on {psutil.cpu_count()} cores",
        f"memory {(memory.total - memory.available) / _MB:.0f} of {memory.total / _MB:.0f} MB",
        "cpu %  MB    program",
    ]
    return "\n".join(
        [*lines, *(f"{cpu:5.1f}  {size / _MB:4.0f}  {name}" for cpu, size, name in _busiest())]
    )


def _busiest() -> list[tuple[float, int, str]]:
    import psutil

    processes = list(psutil.process_iter())
    for last in (False, True):
        shares = [(_cpu_percent(process), process) for process in processes]
        if not last:
            time.sleep(SAMPLE_S)
    shares.sort(key=lambda share: share[0], reverse=True)
    found = []
    for cpu, process in shares[:BUSIEST]:
        try:
            found.append(
                (cpu, process.memory_info().rss, program_name(process.name(), process.cmdline()))
            )
        except psutil.Error:  # it has ended meanwhile
            continue
    return found


def _cpu_percent(process: "psutil.Process") -> float:
    import psutil

    try:
        return process.cpu_percent()
    except psutil.Error:
        return 0.0


def program_name(name: str, command: Sequence[str]) -> str:
    """What a process is called, *name* and *command* being what the system says; arguments, which
    may hold secrets, are left out.
    """
    if "-m" not in command[:-1]:
        return name[:24]
    module = command[command.index("-m") + 1].rpartition(".")[2]
    camera = command[command.index("--camera") + 1] if "--camera" in command[:-1] else ""
    return f"{module} {camera}".strip()[:24]


def _temperature_c() -> float | None:
    said = _vcgencmd("measure_temp")
    if said and (found := re.search(r"temp=(\d+(?:\.\d+)?)", said)):
        return float(found[1])
    try:
        return int(THERMAL.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):  # no such sensor, or one that does not tell
        return None


def _throttled() -> str | None:
    said = _vcgencmd("get_throttled")
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", said) if said else None
    return throttled_words(int(found[1], 16)) if found else None


def throttled_words(bits: int) -> str:
    """What `vcgencmd get_throttled` means by *bits*; "" for nothing."""
    now = [word for bit, word in _THROTTLED if bits >> bit & 1]
    before = [word for bit, word in _THROTTLED if bits >> (bit + 16) & 1 and not bits >> bit & 1]
    return "; ".join([*now, *(f"{word} since the start, not now" for word in before)])


def _vcgencmd(what: str) -> str | None:
    """What the Raspberry Pi's own tool says; None where there is none, or it may not."""
    tool = shutil.which("vcgencmd")
    if tool is None:
        return None
    try:
        return subprocess.run(  # noqa: S603
            [tool, what], capture_output=True, text=True, timeout=_VCGENCMD_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None

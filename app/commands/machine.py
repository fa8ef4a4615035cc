"""The state of this machine: its temperature, throttling, disk, load and busiest programs."""

import contextlib
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
#: The bits of `vcgencmd get_throttled`. The same bits 16 places higher mean "since the start".
_THROTTLED = (
    (0, "under-voltage"),
    (1, "frequency capped"),
    (2, "throttled"),
    (3, "soft temperature limit"),
)
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Vitals:
    """The state of the machine; None for a value that it does not report.

    *throttled* is in words, "" when the machine is not throttled; *free_gb* is the free space of
    the disk in GB of 10⁹ bytes.
    """

    temperature_c: float | None
    throttled: str | None
    free_gb: float


class Machine:
    """Measures the machine, and keeps each result for `KEPT_S`, so asking often costs little."""

    def __init__(self) -> None:
        self._measured: tuple[float, Vitals] | None = None

    def vitals(self, folder: Path) -> Vitals:
        """Return the state of the machine and of the disk with *folder*, at most `KEPT_S` old."""
        now_s = time.monotonic()
        if self._measured is None or now_s - self._measured[0] > KEPT_S:
            self._measured = now_s, Vitals(_temperature_c(), _throttled(), free_bytes(folder) / GB)
        return self._measured[1]


def busy() -> str:
    """Return the load, the memory and the busiest programs, as lines in columns.

    Takes `SAMPLE_S`.
    """
    import psutil

    load = " ".join(f"{one:.2f}" for one in psutil.getloadavg())
    memory = psutil.virtual_memory()
    lines = [
        f"load   {load} on {psutil.cpu_count()} cores",
        f"memory {(memory.total - memory.available) / _MB:.0f} of {memory.total / _MB:.0f} MB",
        "cpu %  MB    program",
    ]
    lines += [f"{cpu:5.1f}  {size / _MB:4.0f}  {name}" for cpu, size, name in _busiest()]
    return "\n".join(lines)


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
        # A process may have ended meanwhile.
        with contextlib.suppress(psutil.Error):
            name = program_name(process.name(), process.cmdline())
            found.append((cpu, process.memory_info().rss, name))
    return found


def _cpu_percent(process: "psutil.Process") -> float:
    import psutil

    try:
        return process.cpu_percent()
    except psutil.Error:
        return 0.0


def program_name(name: str, command: Sequence[str]) -> str:
    """Return a short name for a process with this *name* and *command* line.

    The arguments are left out: they may hold secrets.
    """
    if "-m" not in command[:-1]:
        return name[:24]
    module = command[command.index("-m") + 1].rpartition(".")[2]
    camera = command[command.index("--camera") + 1] if "--camera" in command[:-1] else ""
    return f"{module} {camera}".strip()[:24]


def _temperature_c() -> float | None:
    output = _vcgencmd("measure_temp")
    if output and (found := re.search(r"temp=(\d+(?:\.\d+)?)", output)):
        return float(found[1])
    try:
        return int(THERMAL.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None


def _throttled() -> str | None:
    output = _vcgencmd("get_throttled")
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", output) if output else None
    return throttled_words(int(found[1], 16)) if found else None


def throttled_words(bits: int) -> str:
    """Return the meaning of *bits*, from `vcgencmd get_throttled`; "" when none is set."""
    now = [word for bit, word in _THROTTLED if bits >> bit & 1]
    before = [word for bit, word in _THROTTLED if bits >> (bit + 16) & 1 and not bits >> bit & 1]
    return "; ".join([*now, *(f"{word} since the start, not now" for word in before)])


def _vcgencmd(command: str) -> str | None:
    """Return the output of the Raspberry Pi's own tool; None when it is missing or fails."""
    tool = shutil.which("vcgencmd")
    if tool is None:
        return None
    try:
        return subprocess.run(  # noqa: S603
            [tool, command], capture_output=True, text=True, timeout=_VCGENCMD_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None

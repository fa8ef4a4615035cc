"""This machine as Linux's /proc shows it: load, memory, and the memory of single processes."""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_MB = 1e6


@dataclass(frozen=True, slots=True)
class MachineLoad:
    """The load of the last 1, 5 and 15 minutes, and the memory in MB of 10⁶ bytes."""

    load: tuple[float, float, float]
    cores: int
    memory_mb: float
    memory_used_mb: float
    swap_mb: float
    swap_used_mb: float
    up_s: float


def machine_load() -> MachineLoad:
    """Return the load and the memory of this machine now."""
    kb = _kilobytes((_PROC / "meminfo").read_text(encoding="ascii"))
    mb = {name: number * 1024 / _MB for name, number in kb.items()}
    up_s = float((_PROC / "uptime").read_text(encoding="ascii").split()[0])
    return MachineLoad(
        os.getloadavg(),
        os.cpu_count() or 1,
        mb["MemTotal"],
        mb["MemTotal"] - mb["MemAvailable"],
        mb.get("SwapTotal", 0.0),
        mb.get("SwapTotal", 0.0) - mb.get("SwapFree", 0.0),
        up_s,
    )


def memory_mb(pid: int) -> float | None:
    """Return the memory of this user's process *pid* in MB, None when it is not known.

    It is the proportional share (PSS): memory that several processes share is divided by their
    number. Where Linux does not count that, it is all that the process has in memory (RSS).
    """
    folder = _PROC / str(pid)
    try:
        if folder.stat().st_uid != os.getuid():
            return None
        for name, field in (("smaps_rollup", "Pss"), ("status", "VmRSS")):
            if (folder / name).exists():
                found = _kilobytes((folder / name).read_text(encoding="utf-8", errors="replace"))
                return found[field] * 1024 / _MB if field in found else None
    except OSError:  # it has just ended
        return None
    return None


def _kilobytes(text: str) -> dict[str, int]:
    """Return the figures of the lines `Name:  123 kB` in *text*."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        number, _, unit = value.strip().partition(" ")
        if unit == "kB" and number.isdecimal():
            found[name] = int(number)
    return found

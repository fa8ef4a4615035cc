"""Watches this machine, and alerts when it has been short of something for minutes.

These are the limits at which Glances colours a figure red. Glances may be off while nobody views
it, and nobody views it at night. The uploader watches the disk of the recordings, and
`HeartbeatMonitor` watches the programs.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.state import State
from app.state.steadiness import Pace
from app.state.trouble_alerts import TroubleAlerts, TroubleKind

CHECK_EVERY_S = 60.0
#: The time for which a trouble, and then its end, must last: one burst of work is no trouble.
HELD_S = 600.0
#: The shares and the temperature from which on Glances shows a figure in red.
CPU_BUSY, MEMORY_USED, DISK_USED = 0.85, 0.9, 0.9
HOT_C = 80.0
#: In `/proc/stat`: the columns in which a processor has nothing to do, or waits for a disk.
_IDLE, _IOWAIT = 3, 4
_COLUMNS = 8


def _kind(name: str, over_text: str, comes_and_goes: str) -> TroubleKind:
    mark = f"machine {name}"
    return TroubleKind(mark, "machine_strained", "machine_relieved", over_text, comes_and_goes)


CPU = _kind("cpu", "The processor has time again.", "The processor is busy again and again")
MEMORY = _kind("memory", "There is free memory again.", "The memory runs short again and again")
DISK = _kind("disk", "The system's disk has room again.", "The system's disk fills again and again")
HEAT = _kind("heat", "The processor is no longer hot.", "The processor gets hot again and again")


class MachineMonitor:
    """Checks this machine every `CHECK_EVERY_S`; *data_dir* has the recordings.

    *proc*, *thermal* and *system* are where Linux shows its figures, the temperature, and the
    system's disk. `step` may be called at any time, and may raise `StateUnavailable`.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        data_dir: Path,
        *,
        proc: Path = Path("/proc"),
        thermal: Path = Path("/sys/class/thermal/thermal_zone0/temp"),
        system: Path = Path("/"),
    ) -> None:
        self._clock = clock
        self._data_dir = data_dir
        self._proc = proc
        self._thermal = thermal
        self._system = system
        pace = Pace(down_after_s=HELD_S, up_after_s=HELD_S)
        self._alerts = TroubleAlerts("notifier", state, clock, pace)
        self._next_check_s = 0.0
        self._cpu_times: tuple[int, int] | None = None

    def wait_s(self) -> float:
        """Return the seconds until the next check."""
        return max(self._next_check_s - self._clock.monotonic(), 0.0)

    def step(self) -> None:
        """Check if it is time."""
        if self.wait_s():
            return
        self._next_check_s = self._clock.monotonic() + CHECK_EVERY_S
        for kind, trouble in self._troubles():
            self._alerts.set(kind, trouble)
        self._alerts.step()

    def _troubles(self) -> Iterator[tuple[TroubleKind, str | None]]:
        """Yield each trouble that this machine can have, with a sentence if it has it now.

        A figure that this machine does not show is left out.
        """
        with suppress(OSError, ValueError):
            yield CPU, self._busy()
        with suppress(OSError, ValueError, KeyError):
            yield MEMORY, self._memory()
        with suppress(OSError):
            if self._system.stat().st_dev != self._data_dir.stat().st_dev:
                yield DISK, self._disk()
        with suppress(OSError, ValueError):
            yield HEAT, self._heat()

    def _busy(self) -> str | None:
        words = (self._proc / "stat").read_text(encoding="ascii").split()[1 : _COLUMNS + 1]
        times = [int(word) for word in words]
        total, idle = sum(times), times[_IDLE] + times[_IOWAIT]
        before, self._cpu_times = self._cpu_times, (total, idle)
        if before is None or total <= before[0]:
            return None
        share = 1 - (idle - before[1]) / (total - before[0])
        if share < CPU_BUSY:
            return None
        return (
            f"The processor of {protocol.host_name()} has been {share:.0%} busy for "
            f"{HELD_S / 60:.0f} minutes. Pictures and alerts may come late. /top shows what it "
            "does: fewer cameras, a lower resolution or fewer frames a second help."
        )

    def _memory(self) -> str | None:
        lines = (self._proc / "meminfo").read_text(encoding="ascii").splitlines()
        found = dict(line.split(":", 1) for line in lines)
        total_kb, free_kb = (int(found[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        if 1 - free_kb / total_kb < MEMORY_USED:
            return None
        free_mb = free_kb / 1000
        return (
            f"Only {free_mb:.0f} MB of memory have been free on {protocol.host_name()} for "
            f"{HELD_S / 60:.0f} minutes. Without memory, Linux ends programs. /top shows which "
            "takes most."
        )

    def _disk(self) -> str | None:
        disk = os.statvfs(self._system)
        used = disk.f_blocks - disk.f_bfree
        share = used / (used + disk.f_bavail)
        if share < DISK_USED:
            return None
        return (
            f"The system's disk of {protocol.host_name()} is {share:.0%} full. When it is quite "
            "full, programs and updates fail. “sudo apt clean” and “sudo journalctl "
            "--vacuum-size=50M” make room."
        )

    def _heat(self) -> str | None:
        temperature_c = int(self._thermal.read_text(encoding="ascii")) / 1000
        if temperature_c < HOT_C:
            return None
        return (
            f"The processor of {protocol.host_name()} has been hot for {HELD_S / 60:.0f} minutes, "
            f"now {temperature_c:.0f} °C. A Pi slows down at 80 °C. Give it air or a heat sink."
        )

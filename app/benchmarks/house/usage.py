"""The CPU time, wakes, bytes and memory of processes, as Linux counts them."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

#: With the number of a process it makes the number of its CPU clock (clock_getcpuclockid(3)).
_CPU_CLOCK = 2
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
#: The fields of /proc/PID/stat after the name: the times of children that have ended.
_ENDED = slice(13, 15)


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that processes have used: *wakes* counts waits, *written* is in bytes.

    The bytes are those of whole pages, as they go to a disk; a folder in memory gets none. Context
    switches of threads that would have continued are not counted: they are due to other work.
    """

    cpu_s: float = 0.0
    wakes: int = 0
    written: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(*(one - less for one, less in zip(astuple(self), astuple(other), strict=True)))


def usage_of(pids: Iterable[int]) -> Usage:
    """Return what the processes *pids* have used since they began; nothing for one that is gone."""
    used = Usage()
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            process = Path("/proc", str(pid))
            cpu_s = cpu_s_of(pid) + ended_cpu_s((process / "stat").read_text(encoding="utf-8"))
            written = field(process / "io", "write_bytes")
            wakes = sum(_waits(task / "status") for task in (process / "task").iterdir())
            used += Usage(cpu_s, wakes, written)
    return used


def pss_mb(pids: Iterable[int]) -> float:
    """Return the memory of *pids* together in MB (PSS): shared memory counts once."""
    return _memory_mb(pids, "Pss")


def private_mb(pids: Iterable[int]) -> float:
    """Return the memory in MB that *pids* share with no other process: what they add."""
    return _memory_mb(pids, "Private_Clean", "Private_Dirty")


def available_mb() -> float:
    """Return the memory of this machine that programs may still take."""
    return field(Path("/proc/meminfo"), "MemAvailable") * 1024 / 1e6


def counts_writes(folder: Path) -> bool:
    """Return whether writes to *folder* go to a disk, so that they are counted."""
    io, path = Path("/proc/self/io"), folder / "written"
    before = field(io, "write_bytes")
    with path.open("wb") as file:
        file.write(bytes(65_536))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    return field(io, "write_bytes") > before


def _memory_mb(pids: Iterable[int], *kinds: str) -> float:
    kb = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            rollup = Path("/proc", str(pid), "smaps_rollup")
            kb += sum(field(rollup, kind) for kind in kinds)
    return kb * 1024 / 1e6


def cpu_s_of(pid: int) -> float:
    """Return the CPU time of the process *pid* to the nanosecond, without that of its children."""
    try:
        return time.clock_gettime(~pid << 3 | _CPU_CLOCK)
    except OSError as error:
        raise ProcessLookupError(f"there is no process {pid}") from error


def ended_cpu_s(stat: str) -> float:
    """Return the CPU time of children that have ended, from the text of a file /proc/PID/stat."""
    # The name of a program may contain blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[_ENDED])) / _TICKS_PER_S


def field(path: Path, name: str) -> int:
    """Return the number after *name* in a file of lines like `name: 12 kB`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise ValueError(f"{path} has no line {name}")


def _waits(status: Path) -> int:
    try:
        return field(status, "voluntary_ctxt_switches")
    except (FileNotFoundError, ProcessLookupError):  # The thread has just ended.
        return 0

"""The command line and the environment of this process, as `/proc` shows them.

The kernel shows the memory in which it put both when it started the program. A forked process has
the words of its parent there, until it writes its own over them.

Objective: a forked process looks like one that was executed: Glances, `ps` and `scripts/stop.sh`
find it by its command line and its environment.

Alternative: the package setproctitle writes a title too, but deletes the environment from `/proc`,
and gunicorn then changes its title.
"""

import os
from collections.abc import Mapping, Sequence

#: Start and end of the command line, and of the environment, among the fields of /proc/self/stat
#: behind the name of the program (proc(5)).
_ADDRESSES = slice(45, 49)


def become(argv: Sequence[str], environment: Mapping[str, str]) -> None:
    """Make *environment* that of this process, and show it with the command *argv*.

    The words of *argv* are shown with one space between them. The last entries of *environment* are
    the first to be shown, as far as there is room.
    """
    entries = dict(environment)
    # From now on each entry is in memory of its own, and nothing points to the old one.
    os.environ.clear()
    os.environ.update(entries)
    addresses = _addresses()
    if len(addresses) < 4:  # an emulator shows fewer
        return
    start, words_end, entries_start, end = addresses
    if not start < words_end <= entries_start < end:
        return
    title = os.fsencode(" ".join(argv))
    if len(title) == entries_start - start:
        # The byte behind it would be the first of the environment, which none would then read.
        title += b" "
    title = title[: end - start - 1] + b"\0"
    # The kernel shows one text up to its end, instead of this area, when its last byte is not 0.
    shown = bytearray(title.ljust(words_end - start, b"-").ljust(entries_start - start, b"\0"))
    for name, value in reversed(entries.items()):
        entry = os.fsencode(f"{name}={value}") + b"\0"
        if len(shown) + len(entry) <= end - start:
            shown += entry
    memory = os.open("/proc/self/mem", os.O_RDWR)
    os.pwrite(memory, shown.ljust(end - start, b"\0"), start)
    os.close(memory)


def _addresses() -> list[int]:
    """Return where the command line starts and ends, and where the environment does."""
    stat = os.open("/proc/self/stat", os.O_RDONLY)
    fields = os.read(stat, 4096).rpartition(b")")[2].split()
    os.close(stat)
    return [int(field) for field in fields[_ADDRESSES]]

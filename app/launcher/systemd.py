"""Notes from supervisord to systemd: it runs, it works, it ends (`Type=notify`, sd_notify(3)).

systemd restarts a service whose notes stay away for longer than its `WatchdogSec`. So they come
from supervisord's own loop: a loop that hangs sends none.
"""

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

#: The share of `WatchdogSec` after which the next note is due.
_SHARE = 1 / 3


class Systemd:
    """The connection to systemd; it does nothing where no systemd has started this process.

    It takes the variables for it out of *environment*, so that no program inherits them. When
    systemd does not receive a note, the only effect is a restart by its watchdog.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")
        limit_us = int(environment.pop("WATCHDOG_USEC", "0"))
        is_ours = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._due_every_s = limit_us / 1e6 * _SHARE if limit_us and is_ours else float("inf")
        self._due_s = float("-inf")
        self._is_ready = False
        self._is_stopping = False

    @property
    def longest_wait_s(self) -> float:
        """The longest wait of supervisord's loop that keeps the watchdog content."""
        return self._due_every_s

    def report(self, *, is_stopping: bool) -> None:
        """Report that the loop has come round; call it at least each `longest_wait_s` seconds."""
        now_s = time.monotonic()
        if is_stopping and not self._is_stopping:
            self._is_stopping = True
            self._send("STOPPING=1")
        if now_s < self._due_s:
            return
        self._send("WATCHDOG=1" if self._is_ready else "READY=1\nWATCHDOG=1")
        self._is_ready = True
        # Half of a wait early is better than a moment late.
        self._due_s = now_s + self._due_every_s / 2

    def _send(self, note: str) -> None:
        if not self._address:
            return
        name = self._address
        address = f"\0{name[1:]}" if name.startswith("@") else name
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        ):
            sender.sendto(note.encode(), address)

"""supervisord's wait for its pipes and sockets, which a signal ends."""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress

from supervisor.options import ServerOptions
from supervisor.poller import PollPoller

#: The longest wait while nothing changes.
_LONG_WAIT_S = 60
_MANY_SIGNALS = 1024


class PatientPoller(PollPoller):  # type: ignore[misc]
    """Waits until something happens while *may_wait* returns true, otherwise as long as asked.

    No wait is longer than *longest_wait_s*.

    A signal only sets a flag, at which supervisord looks after its wait. Here each signal also
    writes a byte into a pipe, which ends the wait.
    """

    def __init__(self, options: ServerOptions) -> None:
        super().__init__(options)
        self.may_wait: Callable[[], bool] | None = None
        self.longest_wait_s: float = _LONG_WAIT_S
        self._pipe: tuple[int, int] | None = None

    def close(self) -> None:
        if self._pipe:
            signal.set_wakeup_fd(-1)
            for end in self._pipe:
                os.close(end)
        self._pipe = None

    def _poll_fds(self, timeout: float) -> list[tuple[int, int]]:
        """Return the file descriptors for which something has happened, with what it is."""
        reader = self._signal_pipe()
        found = super()._poll_fds(
            self.longest_wait_s if self.may_wait and self.may_wait() else timeout
        )
        with suppress(BlockingIOError):
            os.read(reader, _MANY_SIGNALS)
        return [one for one in found if one[0] != reader]

    def _signal_pipe(self) -> int:
        """Return the end of the pipe from which the signals are read."""
        if self._pipe is None:
            reader, writer = self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            self._poller.register(reader, select.POLLIN)
        return self._pipe[0]

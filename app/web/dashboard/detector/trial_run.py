"""One try of settings on an event, in a child process whose lines are passed on as they come.

The child is `app.evaluation.try_event`. It has OpenCV and the video in it, so that this process
stays small, and it ends when its output is closed. One runs at a time for a suite: the lock belongs
to this process and to the child, so that it ends with both.
"""

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import Any, BinaryIO, cast

from app.config import PROJECT, Config
from app.errors import Refused
from app.web.dashboard.detector.knobs import Changes, lines_of

#: The longest time of a try, in seconds, and the most bytes that it may print.
MOST_S, MOST_BYTES = 60.0, 8 * 2**20
_LONGEST_LINE = 2**20
_LOOK_MS = 500
_READ_BYTES = 65_536
Message = dict[str, Any]
#: What the child may print.
_KINDS = ("settings", "progress", "trace", "event", "picture", "end", "error")
_BUSY = "Another try is running on this machine, here or on another page. Try again in a minute."


class TrialRun:
    """A try of *changes* to the settings of *config* on *event*, while *goes_on* returns True.

    *shown* returns what the page gets for a message; a `ValueError` means that it is no result.
    Raises `Refused` while another one runs. Iterate over its lines once; `close` ends it.
    """

    def __init__(
        self,
        config: Config,
        event: str,
        changes: Changes,
        goes_on: Callable[[], bool],
        shown: Callable[[Message], Message],
    ) -> None:
        self._changes = changes
        self._goes_on = goes_on
        self._shown = shown
        self._lock = _locked(config)
        command = (sys.executable, "-m", "app.evaluation.try_event", event)
        try:
            self._child = subprocess.Popen(  # noqa: S603 (a fixed list, and an id that was checked)
                [*command, "--config", str(config.folder)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(self._lock.fileno(),),
            )
        except OSError as error:
            self._lock.close()
            raise Refused(f"The try cannot start: {error.strerror}.") from None
        self._until_s = time.monotonic() + MOST_S
        self._output = cast(BinaryIO, self._child.stdout)
        with contextlib.suppress(BrokenPipeError), cast(BinaryIO, self._child.stdin) as given:
            given.write(json.dumps(changes).encode())

    def __iter__(self) -> Iterator[bytes]:
        """Yield JSON a line: the lines for the configuration, and what the child prints."""
        last = ""
        try:
            yield _line({"kind": "lines", "text": lines_of(self._changes)})
            for message in self._messages():
                last = message["kind"]
                yield _line(message)
        except _Trouble as trouble:
            yield _line({"kind": "error", "problems": [str(trouble)]})
        else:
            if last not in ("end", "error") and self._goes_on():
                why = "The try ended without a result. The log of web_server says why."
                yield _line({"kind": "error", "problems": [why]})
        finally:
            self.close()

    def close(self) -> None:
        """End the child, if it still runs; the next one may start."""
        self._child.kill()
        self._child.wait()
        self._output.close()
        self._lock.close()

    def _messages(self) -> Iterator[Message]:
        count, rest = 0, b""
        for part in self._parts():
            count += len(part)
            *lines, rest = (rest + part).split(b"\n")
            if count > MOST_BYTES or len(rest) > _LONGEST_LINE:
                raise _Trouble("The try printed too much, so it was stopped.")
            for line in lines:
                yield self._checked(line)

    def _parts(self) -> Iterator[bytes]:
        """Yield what the child prints, until it ends, or nobody wants it any more."""
        number = self._output.fileno()
        poller = select.poll()
        poller.register(number, select.POLLIN)
        while self._goes_on():
            if time.monotonic() > self._until_s:
                raise _Trouble(f"The try took longer than {MOST_S:.0f} s, so it was stopped.")
            if poller.poll(_LOOK_MS):
                part = os.read(number, _READ_BYTES)
                if not part:
                    return
                yield part

    def _checked(self, line: bytes) -> Message:
        """Return the message in *line*, a mapping of a known kind, as it is shown."""
        try:
            message = json.loads(line, parse_constant=_refuse)
            if isinstance(message, dict) and message.get("kind") in _KINDS:
                return self._shown(message)
        except (ValueError, RecursionError):
            pass
        raise _Trouble("The try printed something that is no result. See the log of web_server.")


class _Trouble(Exception):
    """The child does not do what it should; the text is for the person who waits."""


def _locked(config: Config) -> TextIOWrapper:
    config.run_dir.mkdir(parents=True, exist_ok=True)
    lock = (config.run_dir / "try-event.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Refused(_BUSY) from None
    return lock


def _refuse(constant: str) -> None:
    raise ValueError(f"no browser reads {constant}")


def _line(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"

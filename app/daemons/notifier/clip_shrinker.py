"""Smaller renditions of clips, made in a process of its own, of low priority."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

#: The longest time for a rendition, in seconds.
SHRINK_S = 900.0

_log = logging.getLogger(__name__)


class ClipShrinker:
    """Makes renditions, one at a time."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()

    def shrink(self, clip: Path, limit_bytes: int, rendition: Path) -> bool:
        """Make *rendition* of *clip*, with at most *limit_bytes*; returns whether that worked.

        A failure is logged with its reason. `InterruptedError` when `close` comes first.
        """
        with self._one_at_a_time:
            self._require_open()
            try:
                failure = self._run(clip, limit_bytes, rendition)
            except OSError as error:
                failure = str(error)
            if rendition.is_file():
                return True
            self._require_open()
            _log.warning("%s could not be made smaller: %s", clip, failure or "no reason was given")
            return False

    def close(self) -> None:
        """End the rendition that is being made, and make no more."""
        self._closed.set()
        if self._process:
            self._process.kill()

    def _run(self, clip: Path, limit_bytes: int, rendition: Path) -> str:
        """Run the process to its end; returns the reason of its failure, empty on success."""
        module = [sys.executable, "-m", "app.recording.shrink"]
        rendition.parent.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(  # noqa: S603
            ["nice", "-n", "19", *module, str(clip), str(limit_bytes), str(rendition)],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            self._process = process
            # `close` may have come before there was a process to kill.
            if self._closed.is_set():
                process.kill()
            return _failure_of(process)

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise InterruptedError("no more renditions are made")


def _failure_of(process: subprocess.Popen[bytes]) -> str:
    """Wait for the end of *process*; returns the last line of its error, empty on success."""
    try:
        _, written = process.communicate(timeout=SHRINK_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"it takes more than {SHRINK_S:.0f} s"
    if not process.returncode:
        return ""
    return written.decode(errors="replace").strip().rpartition("\n")[2]

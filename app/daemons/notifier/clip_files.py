"""The films that facts are about: on this machine's disk, in S3, or on the disk of another
machine.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.errors import StoreError
from app.recording.event_folder import EventFolders
from app.state import State

#: How long after it was made a film is waited for that is to come to S3: twice as long as uploads
#: take, and not less than this.
PATIENCE_MIN = timedelta(minutes=10)
#: How long it is waited for when that holds up what is urgent, or when nothing goes up to S3 just
#: now.
HURRIED_PATIENCE = timedelta(seconds=20)
#: How many seconds a link to S3 holds.
LINK_LIFE_S = 3600
#: A smaller rendition that has not been made after this will not be.
SHRINK_S = 900.0

#: What makes of a key in S3 an address that anybody can read from, for `LINK_LIFE_S`.
Links = Callable[[str], str]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Film:
    """Where a film is: at *path* here, at *link* for everybody, or else where *remark* says."""

    path: Path | None = None
    link: str | None = None
    remark: str | None = None


class Films:
    """The films under *data_dir* and, where there are *links*, those in S3, to which they go every
    *upload_every_s*.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        data_dir: Path,
        links: Links | None,
        shrinker: "Shrinker",
        *,
        upload_every_s: float,
    ) -> None:
        self.patience = max(PATIENCE_MIN, timedelta(seconds=2 * upload_every_s))
        self._state = state
        self._clock = clock
        self._folders = EventFolders(data_dir)
        self._smaller = data_dir / "smaller"
        self._links = links
        self._shrinker = shrinker
        self._said: str | None = None

    def find(
        self,
        event: str,
        file: str,
        made_at: datetime,
        host: str | None,
        *,
        by_link: bool = False,
        urgent: bool = False,
    ) -> Film | None:
        """The film *file* of *event*, which *host* made at *made_at*. None: it is worth looking
        again.

        *by_link* says that a path alone is no use, and that nothing is told before; *urgent* that
        it cannot wait.
        """
        path = self._folders.folder(event, protocol.event_started_at(event)) / file
        here = path if os.access(path, os.R_OK) else None
        if here and not by_link:
            return Film(here)
        link = self.link(event, file)
        if link:
            return Film(here, link)
        if self._links and self._is_awaited(self._clock.now() - made_at, host, by_link, urgent):
            return None
        return Film(here, None, _whereabouts(path, host) if here is None else None)

    def _is_awaited(self, age: timedelta, host: str | None, by_link: bool, urgent: bool) -> bool:
        """Whether a film of that *age* is waited for still."""
        if urgent or (
            by_link and age >= HURRIED_PATIENCE and not self._goes_up(host or protocol.host_name())
        ):
            return age < HURRIED_PATIENCE
        return age < self.patience

    def _goes_up(self, host: str) -> bool:
        """Whether what is on *host* goes up to S3 just now, as far as its uploader says."""
        beat = self._state.heartbeats().get(protocol.heartbeat_key("uploader", host))
        return (
            beat is not None
            and beat.counters.get(protocol.trouble_counter("s3"), "there is no S3") is None
        )

    def link(self, event: str, file: str) -> str | None:
        """An address from which anybody can read *file* of *event* for an hour; None when it is not
        in S3, or not yet.
        """
        key = self._state.event_fields(event).get(f"s3:{file}") if self._links else None
        if key is None or self._links is None:
            return None
        try:
            return self._links(key)
        except StoreError as error:
            if self._said != str(error):
                _log.warning("what is in S3 cannot be shown: %s", error)
            self._said = str(error)
            return None

    @property
    def has_links(self) -> bool:
        """Whether what comes to S3 can be shown from there."""
        return self._links is not None

    def fitting(self, film: Path, limit_bytes: int | None, way: str | None) -> Path | None:
        """*film*, or a rendition of it for *way*, if there is to be one, that is no larger than
        *limit_bytes*; None when there is none.

        `InterruptedError` when the program ends before that is known.
        """
        if limit_bytes is None or film.stat().st_size <= limit_bytes:
            return film
        if way is None:
            return None
        smaller = (
            self._smaller / f"{os.getpid()}-{way}-{film.parent.name}-{film.name}"
        )  # a killed run's process may still write its own
        if smaller.is_file() or self._shrinker.shrink(film, limit_bytes, smaller):
            return smaller
        return None

    def let_go(self, film: Path) -> None:
        """*film* is needed no more; deletes it if it is a rendition."""
        if film.parent == self._smaller:
            film.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Delete the renditions that a killed program has left."""
        for left in self._smaller.glob("*"):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        """Make no further renditions."""
        self._shrinker.close()


class Shrinker:
    """Makes smaller renditions of films, one at a time, in a process of its own and of low
    priority.
    """

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()

    def shrink(self, film: Path, limit_bytes: int, smaller: Path) -> bool:
        """Make *smaller* of *film*, with at most *limit_bytes*; returns whether that worked. Why
        not is logged.

        `InterruptedError` when this is closed before that is known.
        """
        with self._one_at_a_time:
            self._go_on()
            command = [
                sys.executable,
                "-m",
                "app.recording.shrink",
                str(film),
                str(limit_bytes),
                str(smaller),
            ]
            try:
                smaller.parent.mkdir(parents=True, exist_ok=True)
                with subprocess.Popen(  # noqa: S603
                    ["nice", "-n", "19", *command],  # noqa: S607
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                ) as process:
                    self._process = process
                    if self._closed.is_set():  # it was, before it could be known whom to kill
                        process.kill()
                    said = _last_words(process)
            except OSError as error:
                said = str(error)
            if smaller.is_file():
                return True
            self._go_on()
            _log.warning("%s could not be made smaller: %s", film, said or "nobody says why")
            return False

    def close(self) -> None:
        """Stop, and make no more."""
        self._closed.set()
        if self._process:
            self._process.kill()

    def _go_on(self) -> None:
        if self._closed.is_set():
            raise InterruptedError("no rendition is made any more")


def _last_words(process: subprocess.Popen[bytes]) -> str:
    """Wait for the end of *process*; returns what it says of its failure, empty when it has not
    failed.
    """
    try:
        _, said = process.communicate(timeout=SHRINK_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"that takes more than {SHRINK_S:.0f} s"
    return said.decode(errors="replace").strip().rpartition("\n")[2] if process.returncode else ""


def _whereabouts(path: Path, host: str | None) -> str:
    """Where a film is that is neither here nor in S3."""
    where = "/".join(path.parts[-4:])
    if host is None:
        return f"The film is on another machine: {where}"
    if host == protocol.host_name():
        return "The film is deleted already."
    return f"The film is on the machine {host}: {where}"

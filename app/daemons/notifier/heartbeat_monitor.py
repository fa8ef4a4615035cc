"""Watches the heartbeats of the other programs: one that falls silent is told of once, and once
when it beats again.

What is known of each is kept in Redis, so that a restart neither forgets nor repeats. A change is
noted there first ("to tell"), then published as a fact whose id follows from the note, then noted
as told: a kill in between repeats the same fact, which is on the stream once.
"""

import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from app import protocol
from app.clock import Clock
from app.programs import Program, program_of
from app.protocol import HEARTBEAT_LIFE_S, Fact
from app.state import State

LOOK_EVERY_S = 10.0
BEATS = "beats"
_SILENT = "silent since "
_TELL_SILENT = "to tell: silent since "
_TELL_BACK = "to tell: back at "

_log = logging.getLogger(__name__)


class Hearts:
    """Looks, as often as `step` is called but not oftener than needed, at all hearts but *own*, the
    notifier's.
    """

    def __init__(self, state: State, clock: Clock, own: str, expected: Iterable[Program]) -> None:
        self._state = state
        self._clock = clock
        self._own = own
        self._expected = set(expected)
        self._seen_at: dict[str, datetime] = {}
        self._looked_at: datetime | None = None
        self._next_look_s = 0.0
        self._conclude_from_s = 0.0

    def step(self) -> None:
        """Look if it is time."""
        now_s = self._clock.monotonic()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_EVERY_S
            self._look(self._clock.now())

    def interrupted(self) -> None:
        """Redis was away, so that hearts may have beaten without trace."""
        self._looked_at = None

    def _look(self, now: datetime) -> None:
        """Compare what beats with what is known.

        After a pause (of this program, of Redis or of the whole machine, and at the start) hearts
        are given the time of a heartbeat's life to beat again.
        """
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < timedelta(
            seconds=HEARTBEAT_LIFE_S
        ):
            self._conclude_from_s = self._clock.monotonic() + HEARTBEAT_LIFE_S
        beats = {key: beat for key, beat in self._state.heartbeats().items() if key != self._own}
        known = self._state.heartbeat_marks()
        self._looked_at = now
        for key in sorted(beats.keys() | known.keys()):
            self._judge(key, key in beats, known.get(key), now)
        self._seen_at.update({key: beat.step_at for key, beat in beats.items()})

    def _judge(self, key: str, beats: bool, noted: str | None, now: datetime) -> None:
        if noted is None:
            self._state.mark_heartbeat(key, BEATS)
        elif noted.startswith((_TELL_SILENT, _TELL_BACK)):
            self._tell(key, noted)
        elif beats and noted.startswith(_SILENT):
            self._tell(key, self._noted(key, f"{_TELL_BACK}{now.isoformat()}"))
        elif (
            not beats
            and noted == BEATS
            and self._clock.monotonic() >= self._conclude_from_s
            and self._is_expected(key)
        ):
            since = self._seen_at.get(key, now - timedelta(seconds=HEARTBEAT_LIFE_S))
            self._tell(key, self._noted(key, f"{_TELL_SILENT}{since.isoformat()}"))

    def _is_expected(self, key: str) -> bool:
        """Whether anybody misses it: what this machine's configuration has no more is not
        missed.
        """
        program, host = program_of(key)
        return host != protocol.host_name() or program in self._expected

    def _noted(self, key: str, noted: str) -> str:
        self._state.mark_heartbeat(key, noted)
        return noted

    def _tell(self, key: str, noted: str) -> None:
        """Publish what is *noted* of *key*, and note that it is told."""
        silent = noted.startswith(_TELL_SILENT)
        at = datetime.fromisoformat(noted.removeprefix(_TELL_SILENT if silent else _TELL_BACK))
        program, host = program_of(key)
        where = "" if host == protocol.host_name() else f" on {host}"
        what = f"is silent since {at.astimezone():%H:%M:%S}" if silent else "beats again"
        text = f"The program {program.name}{where} {what}."
        digest = hashlib.sha256(f"{key} {noted}".encode()).hexdigest()[:16]
        kind: protocol.FactKind = "process_silent" if silent else "process_back"
        _log.warning("%s", text)
        self._state.publish(
            Fact(f"{protocol.event_id(at, 'house')}-{digest}", kind, at, text, program.camera)
        )
        self._state.mark_heartbeat(key, f"{_SILENT}{at.isoformat()}" if silent else BEATS)

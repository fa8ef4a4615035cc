"""Watches the heartbeats of the other programs, and alerts when one stops, hangs or comes back.

The state of each heartbeat is recorded in Redis, so that a restart neither forgets nor repeats an
alert.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app import protocol
from app.clock import Clock
from app.programs import Program, program_of, why_stuck
from app.protocol import HEARTBEAT_LIFE_S, FactKind, Heartbeat, SteadinessRecord
from app.state import State
from app.state.announcer import Announcement
from app.state.steadiness import Notice, Pace
from app.state.steady_announcer import OldMarks, SteadyAnnouncer
from app.times import format_time, format_time_s

CHECK_EVERY_S = 10.0
#: A program without a heartbeat is silent for 30 s already. A return must last two checks.
PACE = Pace(down_after_s=0.0, up_after_s=2 * CHECK_EVERY_S)
#: What earlier versions stored for each heartbeat: this word, or the time since which it is silent.
#: Running houses have both in Redis.
ALIVE = "beats"
_SILENT = "silent since "
_BACK = "back at "


class HeartbeatMonitor:
    """Checks all heartbeats but *own*, the notifier's, and alerts about those that are silent.

    *expected* are the programs of this machine's configuration. `step` may be called at any time,
    and checks every `CHECK_EVERY_S`. It may raise `StateUnavailable`.
    """

    def __init__(self, state: State, clock: Clock, own: str, expected: Iterable[Program]) -> None:
        self._state = state
        self._clock = clock
        self._own = own
        self._expected = set(expected)
        self._announcer = SteadyAnnouncer(
            state,
            clock,
            state.mark_heartbeat,
            self._describe,
            old=OldMarks(_old_record, _describe_old),
        )
        self._seen_at: dict[str, datetime] = {}
        self._stuck: dict[str, str] = {}
        self._checked_at: datetime | None = None
        self._next_check_s = 0.0
        self._judge_from_s = 0.0

    def step(self) -> None:
        """Check if it is time."""
        now_s = self._clock.monotonic()
        if now_s >= self._next_check_s:
            self._next_check_s = now_s + CHECK_EVERY_S
            self._check(self._clock.now())

    def wait_s(self) -> float:
        """Return the seconds until the next check."""
        return max(self._next_check_s - self._clock.monotonic(), 0.0)

    def interrupted(self) -> None:
        """Take into account that Redis was away, and may have lost heartbeats; check soon again."""
        self._checked_at = None
        self._next_check_s = 0.0

    def _check(self, now: datetime) -> None:
        """Compare the present heartbeats with the stored states.

        After a pause (of this program, of Redis or of the whole machine, and at the start) all
        programs have the lifetime of a heartbeat to send one. Redis keeps none when it restarts.
        """
        survey = self._state.survey("home", events=1)
        if not (self._is_continuous(now) and survey.has_all_heartbeats):
            self._judge_from_s = self._clock.monotonic() + HEARTBEAT_LIFE_S
            self._announcer.pause()
        heartbeats = {
            key: heartbeat
            for key, heartbeat in survey.heartbeats().items()
            if key != self._own and not _is_from_clock_ahead(key, heartbeat, now)
        }
        stuck = {key: why for key, one in heartbeats.items() if (why := why_stuck(one, now))}
        # The reason of a program that works again is kept for the announcement of that.
        self._stuck = {key: why for key, why in self._stuck.items() if key in heartbeats} | stuck
        stored = self._state.heartbeat_marks()
        self._checked_at = now
        for key in sorted(heartbeats.keys() | stored.keys()):
            self._judge(key, key in heartbeats and key not in stuck, stored.get(key), now)
        self._seen_at.update({key: heartbeat.step_at for key, heartbeat in heartbeats.items()})

    def _is_continuous(self, now: datetime) -> bool:
        """Return whether the last check was so recent that no heartbeat can have been missed."""
        if self._checked_at is None:
            return False
        return timedelta(0) <= now - self._checked_at < timedelta(seconds=HEARTBEAT_LIFE_S)

    def _judge(self, key: str, is_alive: bool, stored: str | None, now: datetime) -> None:
        if not self._announcer.knows(key):
            self._announcer.restore(key, stored, PACE)
        if stored is None:
            self._announcer.renew(key)
        if is_alive:
            self._announcer.observe(key, is_down=False)
        elif self._is_missed(key):
            since = self._seen_at.get(key, now - timedelta(seconds=HEARTBEAT_LIFE_S))
            self._announcer.observe(key, is_down=True, since=since)

    def _is_missed(self, key: str) -> bool:
        """Return whether the missing heartbeat *key* matters now.

        A program that this machine's configuration no longer has is not missed.
        """
        program, host = program_of(key)
        is_expected = host != protocol.host_name() or program in self._expected
        return is_expected and self._clock.monotonic() >= self._judge_from_s

    def _describe(self, key: str, notice: Notice) -> Announcement:
        program, _ = program_of(key)
        kind: FactKind = "process_silent" if notice.is_bad else "process_back"
        text = _text(_subject(key), notice)
        if notice.kind in ("down", "up") and (why := self._stuck.get(key)):
            text = f"{_subject(key)} makes no progress: {why}. Its file in logs/ may say why."
            if notice.kind == "up":
                text = f"{_subject(key)} makes progress again."
                del self._stuck[key]
        return Announcement(kind, notice.at, text, camera=program.camera)


def _is_from_clock_ahead(key: str, heartbeat: Heartbeat, now: datetime) -> bool:
    """Return whether *heartbeat* was sent before this machine's clock was set back.

    Redis then keeps it for as long as that clock was ahead.
    """
    _, host = program_of(key)
    ahead_s = (heartbeat.step_at - now).total_seconds()
    return host == protocol.host_name() and ahead_s > HEARTBEAT_LIFE_S


def _subject(key: str) -> str:
    program, host = program_of(key)
    subject = f"The program {program.name}"
    return subject if host == protocol.host_name() else f"{subject} on {host}"


def _text(subject: str, notice: Notice) -> str:
    match notice.kind:
        case "down":
            return f"{subject} has been silent since {format_time_s(notice.since, notice.at)}."
        case "up":
            return f"{subject} sends heartbeats again."
        case "unsteady":
            present = "" if notice.is_down else " It is there now."
            return (
                f"{subject} comes and goes: {notice.frequency('silent')}.{present} Its file in "
                "logs/ says why. You get a summary now and then, not every change."
            )
        case "steady":
            since = format_time(notice.since, notice.at)
            return f"{subject} works steadily again, since {since}."


def _old_record(stored: str) -> SteadinessRecord:
    if not stored.startswith(_SILENT):
        return SteadinessRecord()
    since = datetime.fromisoformat(stored.removeprefix(_SILENT))
    return SteadinessRecord("down", True, since, losses=1, began=since)


def _describe_old(key: str, change: str) -> Announcement:
    program, _ = program_of(key)
    if change.startswith(_SILENT):
        at = datetime.fromisoformat(change.removeprefix(_SILENT))
        text = f"{_subject(key)} has been silent since {at.astimezone():%H:%M:%S}."
        return Announcement("process_silent", at, text, change, program.camera)
    at = datetime.fromisoformat(change.removeprefix(_BACK))
    text = f"{_subject(key)} sends heartbeats again."
    return Announcement("process_back", at, text, ALIVE, program.camera)

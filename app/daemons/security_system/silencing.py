"""Lets the silencer learn from a camera's events and tags, and asks it about alerts.

It learns in a thread: at the start, when a tag comes, and once an hour. When it has learned enough,
it only watches for seven days: it records for each alert whether it would silence it
(`EventRecord.would_silence`). Then it reports the result to the owner. It silences only while the
owner has switched it on (`/silencer on`, `python -m app silencer on`), and one "Occupied" on a
silenced event switches it off.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from app import protocol
from app.clock import Clock
from app.daemon import Counters
from app.daemons.security_system.findings import Findings
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.errors import ProtocolError
from app.protocol import EventRecord, Evidence, Fact, FactKind, Request
from app.recording.event_folder import EventFolders
from app.silencer.memory import Memory, is_on, read_memory, switch_off, switch_on, write_memory
from app.silencer.numbers import Example, example
from app.silencer.silencer import AlarmVerdict, Day, Silencer
from app.times import format_time
from app.worker import Worker

#: For so long it only says what it would silence.
SHADOW = timedelta(days=7)
#: With so many tags of his own, the owner wants to be asked for more.
_TAGS_TO_ASK = 5
_LEARN_EVERY_S = 3600.0
#: The longest wait until a fact is on disk.
_ON_DISK_S = 4.0
#: The newest days whose events are read again each time.
_NEWEST_DAYS = 2
#: Alerts that were sent, or would have been.
_ALERTS = (None, "sent", "silenced")

_log = logging.getLogger(__name__)


class Known(NamedTuple):
    """An event on the disk."""

    event: str
    record: EventRecord


class Silencing:
    """The silencer of *camera*, whose files are in *folder*.

    *aspect* is the width of its pictures divided by their height, until `see` knows it: a network
    camera has a size of its own. The loop calls `judge` and `see`; all else happens in a thread.
    """

    def __init__(  # noqa: PLR0917
        self,
        camera: str,
        folder: Path,
        folders: EventFolders,
        publisher: Publisher,
        clock: Clock,
        aspect: float,
    ) -> None:
        self._camera = camera
        self._folder = folder
        self._folders = folders
        self._publisher = publisher
        self._clock = clock
        self._aspect = aspect
        #: The examples that the silencer knows; `forget` may have emptied the file meanwhile.
        self._learned: tuple[Example, ...] = ()
        self._silencer = Silencer(())
        self._day = Day()
        self._found = self._silenced = 0
        self._watching_since: datetime | None = None
        #: Whoever reads the switch and changes it must hold this.
        self._switching = threading.Lock()
        #: Whether it was switched since somebody has reset this; any thread sets it.
        self.was_switched = False
        #: Called in that thread when it was switched.
        self.on_switch: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._days: set[str] | None = None
        self._refusal: str | None = None
        self._switch_refusal: str | None = None
        self._worker = Worker("silencer", self._step)

    def open(self) -> None:
        """Begin to learn."""
        self._publisher.controls.on_labels = self.labels_changed
        self._publisher.controls.on_silencer_wish = self.obey
        self._worker.start()

    @property
    def trouble(self) -> str | None:
        """The reason why nothing is silenced, when a mistake has ended the thread.

        The camera goes on, since a program that started again would learn the same again.
        """
        try:
            self._worker.check()
        except RuntimeError as error:
            return f"{error}, as the log says, so all alerts are sent"
        return None

    def close(self) -> None:
        """End the thread."""
        self._worker.ask_to_stop()

    def labels_changed(self, events: Iterable[str]) -> None:
        """Learn again, because the labels of *events* have changed."""
        with self._lock:
            if self._days is not None:
                self._days |= {f"{protocol.event_started_at(one):%Y-%m-%d}" for one in events}
        self._worker.wake()

    def armed(self) -> None:
        """The camera opens: the next event is the first since arming."""
        self._day.armed()

    def see(self, columns: int, rows: int) -> None:
        """Learn all events again if pictures of *columns* and *rows* have another shape."""
        aspect = columns / rows
        if aspect == self._aspect:
            return
        with self._lock:
            self._aspect, self._days = aspect, None
        self._worker.wake()

    def judge(
        self, started_at: datetime, evidence: Evidence | None, findings: Findings
    ) -> AlarmVerdict | None:
        """Return whether the alert of an event is a false one; None while nothing is known.

        Each alert is judged once, by the *findings* until then.
        """
        may = self._day.opened(started_at.astimezone().date())
        if self.trouble or not self._silencer.is_ready:
            return None
        verdict = self._verdict(started_at, evidence, findings) if may else AlarmVerdict(False)
        if verdict.is_false_alarm:
            self._found += 1
            self._day.was_silenced()
        return verdict

    def is_still_false(
        self, started_at: datetime, evidence: Evidence | None, findings: Findings
    ) -> bool:
        """Return whether an alert that was judged as false is so by the newest *findings* too.

        What is learned, and promised, is about the findings of whole events.
        """
        return self._verdict(started_at, evidence, findings).is_false_alarm

    def _verdict(
        self, started_at: datetime, evidence: Evidence | None, findings: Findings
    ) -> AlarmVerdict:
        record = EventRecord(
            self._camera,
            started_at,
            evidence=evidence,
            score=findings.score,
            seen=findings.seen,
            seen_score=findings.seen_score,
        )
        one = example("", record, self._aspect)
        return self._silencer.judge(one) if one else AlarmVerdict(False)

    def silences(self, verdict: AlarmVerdict | None) -> bool:
        """Return whether the owner lets it hold back an alert with this *verdict*, and count it."""
        silences = verdict is not None and verdict.is_false_alarm and self.is_on
        self._silenced += silences
        return silences

    def obey(self, wish: Request) -> bool:
        """Switch it on or off, as *wish* says; returns False when the disk refuses.

        It is on from the time of the wish, so an "Occupied" of a later time switches it off again,
        whichever of the two comes first.
        """
        try:
            with self._switching:
                self._switch(wish)
        except OSError as error:
            if self._switch_refusal != str(error):
                _log.error("the silencer cannot be switched as %s wants: %s", wish.by, error)
            self._switch_refusal = str(error)
            return False
        self._switch_refusal = None
        _log.info("%s of camera %s by %s", wish.kind, self._camera, wish.by)
        self._worker.wake()
        self._note_switch()
        return True

    def _note_switch(self) -> None:
        self.was_switched = True
        self.on_switch()

    def _switch(self, wish: Request) -> None:
        if wish.kind == "silencer_off":
            switch_off(self._folder, self._camera)
            return
        # A clock ahead must not hide the tags that come until then, nor a repeated wish count older
        # tags again.
        at, since = min(wish.at, self._clock.now()), is_on(self._folder, self._camera)
        if since is None or since < at:
            switch_on(self._folder, self._camera, at)

    @property
    def is_on(self) -> bool:
        """Return whether the owner lets it silence alerts."""
        return is_on(self._folder, self._camera) is not None

    def counters(self) -> Counters:
        """Return the figures for the heartbeat."""
        silencer, since = self._silencer, is_on(self._folder, self._camera)
        promise = silencer.promise if silencer.is_ready else None
        mode, since = ("on", since) if since else ("watching", self._watching_since)
        return {
            "silencer": mode if since else "off",
            "silencer_since": since.isoformat() if since else None,
            "silencer_tags": silencer.people + silencer.empties,
            "silencer_lacks": silencer.lacks,
            "silencer_bound": round(promise.bound, 4) if promise else None,
            "silencer_false": self._found,
            "silencer_silenced": self._silenced,
        }

    def _step(self) -> float:
        with self._lock:
            days, self._days = self._days, set()
        known = list(self._known(days))
        before = read_memory(self._folder, self._camera)
        memory = before.with_examples(self._examples(known))
        if memory.examples != self._learned:
            self._learned = memory.examples
            self._silencer = Silencer(memory.examples)
        memory = self._ask(self._report(memory), known)
        self._watching_since = None if memory.reported_at else memory.watching_since
        self._stop_if_wrong(known)
        if memory != before:
            self._write(before, memory)
        return _LEARN_EVERY_S

    def _known(self, days: set[str] | None) -> Iterable[Known]:
        """Yield the alerts of *days* and of the newest days; None: of all days."""
        for fields, label in self._folders.records(self._camera, days, _NEWEST_DAYS):
            named = {"camera": self._camera, **fields}
            named |= {"label": None, "label_at": None, **_label(label)}
            try:
                record = protocol.event_from_plain(named)
            except ProtocolError as error:
                _log.warning("the silencer skips event %s: %s", fields["id"], error)
                continue
            if record.ended_at and record.decision in _ALERTS:
                yield Known(str(fields["id"]), record)

    def _examples(self, known: Sequence[Known]) -> list[Example]:
        found = (example(one.event, one.record, self._aspect) for one in known)
        return [one for one in found if one]

    def _report(self, memory: Memory) -> Memory:
        """Publish once, after seven days, what would have been silenced."""
        now = self._clock.now()
        if not self._silencer.is_ready or memory.reported_at:
            return memory
        if memory.watching_since is None:
            _log.info("the silencer of camera %s begins to watch", self._camera)
            return replace(memory, watching_since=now)
        if now - memory.watching_since < SHADOW:
            return memory
        alerts = [
            one.record
            for one in self._known(None)
            if one.record.started_at >= memory.watching_since
            and one.record.would_silence is not None
        ]
        if not is_on(self._folder, self._camera):
            text = _report_text(self._camera, alerts)
            self._publish("silencer_report", memory.watching_since, text)
        return replace(memory, reported_at=now)

    def _ask(self, memory: Memory, known: Sequence[Known]) -> Memory:
        """Publish once a day which events the owner should tag."""
        now, tags = self._clock.now().astimezone(), self._silencer.people + self._silencer.empties
        if tags < _TAGS_TO_ASK or now.hour < 18 or memory.asked_on == now.date():
            return memory
        today = [one for one in known if one.record.started_at.astimezone().date() == now.date()]
        questions = self._silencer.questions(self._examples(today), memory.asked)
        if not questions:
            return memory
        times = [format_time(protocol.event_started_at(one), now) for one in questions]
        text = (
            f"Camera {self._camera}: please tag the events of {', '.join(times)} as occupied or "
            f"unoccupied. From these the silencer learns most. /tag {self._camera} {times[0]} "
            "unoccupied does it where there are no buttons."
        )
        self._publish("silencer_asks", now.replace(hour=0, minute=0, second=0, microsecond=0), text)
        asked = (*memory.asked, *questions)[-1000:]
        return replace(memory, asked=asked, asked_on=now.date())

    def _stop_if_wrong(self, known: Sequence[Known]) -> None:
        """Switch the silencer off when, since it is on, somebody said that it was wrong."""
        wrong = [
            one.record
            for one in known
            if one.record.decision == "silenced" and one.record.label == "occupied"
        ]
        with self._switching:
            since = is_on(self._folder, self._camera)
            late = [one for one in wrong if since and _said_at(one) >= since]
            if not late:
                return
            self._publish_stop(late[-1])
            # A kill between the two repeats both, and the fact has the same id then.
            self._publisher.flush(_ON_DISK_S)
            switch_off(self._folder, self._camera)
        self._note_switch()

    def _publish_stop(self, wrong: EventRecord) -> None:
        when = format_time(wrong.started_at, self._clock.now())
        self._publish(
            "silencer_stopped",
            _said_at(wrong),
            f"Camera {self._camera}: the silencer is off, because somebody was in the event of "
            f"{when}, which it had silenced. All alerts are sent again. "
            f"`/silencer {self._camera} on` switches it on.",
        )

    def _publish(self, kind: FactKind, at: datetime, text: str) -> None:
        """Publish a fact; it is the same for the same *at*, so that a kill repeats nothing."""
        _log.info("%s", text)
        fact_id = protocol.derived_fact_id(at, f"{self._camera} {kind}")
        self._publisher.publish(
            Publication(Fact(fact_id, kind, self._clock.now(), text, self._camera))
        )

    def _write(self, before: Memory, memory: Memory) -> None:
        if read_memory(self._folder, self._camera).begins != before.begins:
            return  # `forget` was called meanwhile
        try:
            write_memory(self._folder, memory)
            self._refusal = None
        except OSError as error:
            if self._refusal != str(error):
                _log.warning("what the silencer has learned is not kept: %s", error)
            self._refusal = str(error)


def _label(label: dict[str, object] | None) -> dict[str, object]:
    return {"label": label.get("label"), "label_at": label.get("time")} if label else {}


def _said_at(tagged: EventRecord) -> datetime:
    """Return when the label of *tagged* was given; the event's time where that is not known."""
    return max(tagged.label_at or tagged.started_at, tagged.started_at)


def _report_text(camera: str, alerts: Sequence[EventRecord]) -> str:
    silent = [one for one in alerts if one.would_silence]
    tagged = [one.label for one in silent if one.label]
    return (
        f"Camera {camera}: in {SHADOW.days} days the silencer would have held back {len(silent)} "
        f"of {len(alerts)} alerts as false. {tagged.count('unoccupied')} of these were tagged as "
        f"unoccupied, and {tagged.count('occupied')} as occupied. `/silencer {camera} on` lets it "
        "hold back such alerts."
    )

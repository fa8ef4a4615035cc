"""Who is home: asks the router whose phone is connected, and arms and disarms.

    python -m app.daemons.who_is_home

A step asks once, when it is time, and doesn't wait for a router that takes long. What follows is
for `app.presence.household` to say; here it is carried out, on changes only. What Redis did not
take is kept and carried out when it is back.
"""

import logging
import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemon import BEAT_S, Counters, Daemon
from app.errors import ProtocolError, RouterError, StateUnavailable
from app.presence import make_router
from app.presence.arming import BY, Coming, coming, deed
from app.presence.base import Device, PresenceSettings, Router
from app.presence.habits import longest_wait
from app.presence.household import Household
from app.presence.router_health import RouterWatch
from app.presence.router_poll import Poll
from app.protocol import AnyRecord, ArmedBy, Fact, Habits, Presence, Record, RouterHealth
from app.state.switches import Switches

#: How much longer or shorter than planned a wait may be, so that two houses' polls drift apart.
JITTER = 0.1
#: How old what Redis knows of somebody at home may become: each write wakes the disk.
SAVE_EVERY_S = 900.0
#: Somebody unseen for so long may be leaving, and when that began is written down.
UNSEEN_S = 150.0
#: How long a step waits for the router, shorter than a heartbeat may be late, and how soon a signal
#: ends that.
PATIENCE_S, SLICE_S = 10.0, 0.2
#: Every backend gives up sooner; a thread that hangs is as dead as one that has ended.
LONGEST_POLL_S = 300.0
_SWITCHES = ("auto_detect_status", "camera_status", "home")

_log = logging.getLogger(__name__)


class WhoIsHome(Daemon):
    """Watches the router."""

    name = "who_is_home"
    hang_s = 120.0
    backoff_max_s = 10.0

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._switches = Switches()
        self._settings = PresenceSettings()
        self._router: Router | None = None
        self._household: Household | None = None
        self._watch = RouterWatch(self._settings.router_silent_alert_s, None)
        self._poll: Poll | None = None
        self._ask_at_s = self._asked_at_s = 0.0
        self._silence: str | None = None
        self._to_do: deque[Coming | Fact] = deque()
        self._stored: dict[str, Record] = {}
        self._emptied = False
        self._saved_at_s = 0.0
        self._habits: dict[str, Habits] = {}
        self._longest: dict[str, tuple[int, float]] = {}
        self._polls = self._devices = 0

    def open(self) -> None:
        self._settings = self.config.presence
        why = _idle(self._settings)
        if why:
            _log.info(
                "%s: nobody's coming and going is noticed, and nothing is armed or disarmed for it",
                why,
            )
            return
        self._recall()
        self._router = make_router(self._settings.router, self.clock)
        _log.info(
            "%s is asked who of %s is home",
            self._router.name if self._router else "nobody",
            ", ".join(self._settings.people),
        )

    def step(self) -> float:
        if self._router is None or self._household is None:
            return BEAT_S
        hangs = self.clock.monotonic() >= self._ask_at_s and not self._asked(
            self._router, self._household
        )
        if not hangs or self._to_do:
            self._carry_out(self._household)
        if hangs:
            return 0.0
        self.report_trouble(self._silence)
        return max(self._ask_at_s - self.clock.monotonic(), 0.0)

    def configure(self) -> None:
        """Take over other people and another router; what is known of those who stay is kept."""
        if self.config.presence == self._settings:
            return
        self._let_go()
        self._router = self._poll = self._silence = None
        self.report_trouble(None)
        self._ask_at_s = 0.0
        self._settings = self.config.presence
        self._watch = RouterWatch(self._settings.router_silent_alert_s, self._watch.health)
        self._habits.clear()
        self._opened = False

    def close(self) -> None:
        self._let_go()
        if self._household is None:
            return
        self._saved_at_s = -math.inf
        try:
            self._save(self._records(self._household))
        except StateUnavailable as error:
            _log.warning("what was learned since it was last stored is lost: %s", error)

    def _let_go(self) -> None:
        if self._router:
            self._router.close()

    def counters(self) -> Counters:
        if self._router is None or self._household is None:
            return {}
        counters: Counters = {
            "polls": self._polls,
            "missed": self._watch.misses,
            "devices": self._devices,
        }
        counters |= {"home": self._household.home if self._household.known else None}
        now = self.clock.now()
        for person in self._settings.people:
            seen = self._household.presence(person).last_seen
            counters[protocol.unseen_counter(person)] = (
                round((now - seen).total_seconds()) if seen else None
            )
        return counters

    def _recall(self) -> None:
        """What an earlier run knew of those who are not watched yet; nothing is concluded from it
        until the router has answered.
        """
        people = self._settings.people
        known = _found(
            {
                person: self._stored_record(protocol.presence_key(person), Presence)
                for person in people
            }
        )
        habits = _found(
            {person: self._stored_record(protocol.habits_key(person), Habits) for person in people}
        )
        if self._household:
            self._household.configure(self._settings, known, habits)
            return
        self._watch = RouterWatch(
            self._settings.router_silent_alert_s, self._stored_record("router", RouterHealth)
        )
        self._household = Household(self._settings, known, habits, self._read_switches()["home"])

    def _stored_record(self, key: str, kind: type[AnyRecord]) -> AnyRecord | None:
        try:
            return self.state.get(key, kind)
        except ProtocolError as error:
            _log.warning("%s is forgotten: %s", key, error)
            return None

    def _read_switches(self) -> dict[str, bool]:
        found = dict(zip(_SWITCHES, self.state.read_strings(*_SWITCHES), strict=True))
        emptied_before, self._emptied = self._emptied, found["home"] is None
        if self._emptied and not emptied_before:
            self._stored.clear()
        return {name: self._switches.read(name, value) for name, value in found.items()}

    def _asked(self, router: Router, household: Household) -> bool:
        """Ask the router, and take in what follows; False while it has not answered."""
        if self._poll is None:
            self._poll, self._asked_at_s = Poll(router), self.clock.monotonic()
        answer = self._awaited(self._poll)
        if answer is None:
            if self.clock.monotonic() - self._asked_at_s > LONGEST_POLL_S:
                raise RuntimeError(
                    f"{router.name} has been asked for more than {LONGEST_POLL_S:.0f} s"
                )
            return False
        self._poll, self._silence = None, str(answer) if isinstance(answer, RouterError) else None
        self._polls += 1
        if isinstance(answer, RouterError):
            household.missed()
            self._to_tell(self._watch.missed(answer, self.clock.now(), self.clock.monotonic()))
        else:
            self._take_in(household, answer)
            self._to_tell(self._watch.answered(self.clock.now()))
        poll_s = household.poll_s() * random.uniform(1 - JITTER, 1 + JITTER)
        self._ask_at_s = self.clock.monotonic() + self._watch.wait_s(poll_s, household.home)
        return True

    def _awaited(self, poll: Poll) -> list[Device] | RouterError | None:
        """What the router answers, None when that takes long or a signal comes first."""
        for _ in range(round(PATIENCE_S / SLICE_S)):
            answer = poll.answer(SLICE_S)
            if answer is not None or not self.signals.empty():
                return answer
        return None

    def _take_in(self, household: Household, devices: list[Device]) -> None:
        self._devices = len(devices)
        now = self.clock.now()
        changes = household.seen(devices, now, self.clock.monotonic())
        changes.sort(key=lambda change: change.kind != "occupied")
        home = tuple(person for person in self._settings.people if household.presence(person).home)
        first = {change.person for change in changes if change.kind == "occupied"}
        for change in changes:
            # Of the first who comes the house's own change tells enough.
            if not (change.kind == "came" and change.person in first):
                self._to_do.append(coming(change, now, home))

    def _to_tell(self, fact: Fact | None) -> None:
        if fact:
            self._to_do.append(fact)

    def _carry_out(self, household: Household) -> None:
        switches = self._read_switches()
        while self._to_do:
            self._do(self._to_do[0], household, switches)
            self._to_do.popleft()
        self._correct_home(household, switches)
        self._save(self._records(household))

    def _do(self, what: Coming | Fact, household: Household, switches: dict[str, bool]) -> None:
        """Carry out and tell *what* in one step, so that it is done wholly, and once, whenever this
        program is killed.
        """
        records = self._records(household)
        if isinstance(what, Fact):
            self.state.commit(records, fact=what)
        else:
            done = deed(what, switches)
            self.state.commit(records, done.switches, done.changed, done.fact)
            switches |= done.switches
            self._emptied = self._emptied and "home" not in done.switches
            _log.info("%s", done.fact.text)
        self._stored |= records

    def _correct_home(self, household: Household, switches: Mapping[str, bool]) -> None:
        """Keep `home` true to life when something else has set it, or Redis was emptied; that is no
        coming and no going.
        """
        if household.known and (self._emptied or switches["home"] != household.home):
            changed = ArmedBy(BY, self.clock.now(), "what the router says")
            self.state.set_switch("home", household.home, changed)
            self._emptied = False

    def _records(self, household: Household) -> dict[str, Record]:
        records: dict[str, Record] = {"router": self._watch.health} if self._watch.health else {}
        for person in household.people:
            habits = household.habits(person)
            if habits is not self._habits.get(person):
                self._habits[person] = habits
                self._longest[person] = longest_wait(habits, self._settings)
            records[protocol.habits_key(person)] = habits
            records[protocol.presence_key(person)] = replace(
                household.presence(person), longest_wait=self._longest[person]
            )
        return records

    def _save(self, records: dict[str, Record]) -> None:
        """Store what has changed since it was stored last, if that is worth waking the disk for."""
        is_due = self.clock.monotonic() - self._saved_at_s >= SAVE_EVERY_S
        news = {
            key: record
            for key, record in records.items()
            if record != self._stored.get(key) and (is_due or self._matters(key, record))
        }
        if news:
            self.state.commit(news)
            self._stored |= news
        if is_due:
            self._saved_at_s = self.clock.monotonic()

    def _matters(self, key: str, record: Record) -> bool:
        before = self._stored.get(key)
        if isinstance(record, Habits):
            return False
        if not (isinstance(record, Presence) and isinstance(before, Presence) and record.last_seen):
            return True
        unseen_s = (self.clock.now() - record.last_seen).total_seconds()
        # Which of somebody's devices was seen last changes with each that sleeps.
        return (
            replace(record, last_seen=before.last_seen, device=before.device) != before
            or unseen_s >= UNSEEN_S
        )


def _idle(settings: PresenceSettings) -> str | None:
    """Why there is nothing to do; None when there is something."""
    if settings.router.backend == "none":
        return "no router is configured (presence.router)"
    return None if settings.people else "nobody is named (presence.people)"


def _found(records: Mapping[str, AnyRecord | None]) -> dict[str, AnyRecord]:
    return {person: record for person, record in records.items() if record is not None}

"""The program who is home: asks the router whose phone is connected, and arms and disarms.

    python -m app.daemons.who_is_home

A step asks once, when it is time, and does not wait for a router that takes long.
`app.presence.household` decides what follows, and this program carries it out, only on changes.
Changes that Redis did not accept are kept, and carried out when Redis is back.
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
from app.daemons.who_is_home.announcements import (
    HOME_CHANGES,
    HouseAnnouncements,
    RouterAnnouncements,
    announced,
    house_fact,
)
from app.errors import ProtocolError, RouterError, StateUnavailable
from app.presence import make_router
from app.presence.arming import BY, Transition, action_for, transition
from app.presence.base import Device, PresenceSettings, Router
from app.presence.habits import longest_wait
from app.presence.household import HOUSE_CHANGES, Household
from app.presence.router_health import RouterMonitor
from app.presence.router_poll import Poll
from app.protocol import (
    AnyRecord,
    ArmedBy,
    Fact,
    Figure,
    Habits,
    Presence,
    Record,
    RouterHealth,
    SteadinessRecord,
)
from app.state.switches import Switches

#: The fraction by which a wait varies at random: the polls of two houses must drift apart.
JITTER = 0.1
#: The seconds between two records of a person at home: each write wakes the disk.
SAVE_EVERY_S = 900.0
#: A person who is unseen for this long, in s, may be leaving, and is recorded then.
UNSEEN_S = 150.0
#: The seconds that a step waits for the router, so that no heartbeat is late; and the seconds until
#: a signal ends that wait.
PATIENCE_S, SLICE_S = 10.0, 0.2
#: The longest poll in s. Every backend gives up earlier, so a longer poll is a thread that hangs.
LONGEST_POLL_S = 300.0
_SWITCHES = ("auto_detect_status", "camera_status", "home")

_log = logging.getLogger(__name__)


class WhoIsHome(Daemon):
    """The program that asks the router, and arms and disarms the house."""

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
        self._monitor = RouterMonitor(None)
        self._router_announcements = RouterAnnouncements(self._settings.router_silent_alert_s, None)
        self._house_announcements = HouseAnnouncements(None, is_home=False)
        self._poll: Poll | None = None
        self._ask_at_s = self._asked_at_s = 0.0
        self._router_error: str | None = None
        self._pending: deque[Transition | Fact] = deque()
        self._stored: dict[str, Record] = {}
        self._emptied = False
        self._saved_at_s = 0.0
        self._habits: dict[str, Habits] = {}
        self._longest: dict[str, tuple[int, float]] = {}
        self._polls = self._devices = 0

    def open(self) -> None:
        self._settings = self.config.presence
        why = _reason_to_idle(self._settings)
        if why:
            _log.info(
                "%s: arrivals and departures are not noticed, and nothing is armed or disarmed",
                why,
            )
            return
        self._restore()
        self._router = make_router(self._settings.router, self.clock)
        name = self._router.name if self._router else "nobody"
        _log.info("%s is asked which of %s are home", name, ", ".join(self._settings.people))

    def step(self) -> float:
        if self._router is None or self._household is None:
            return BEAT_S
        is_due = self.clock.monotonic() >= self._ask_at_s
        hangs = is_due and not self._has_answered(self._router, self._household)
        if not hangs or self._pending:
            self._carry_out(self._household)
        if hangs:
            return 0.0
        self.report_trouble(self._router_error)
        return max(self._ask_at_s - self.clock.monotonic(), 0.0)

    def configure(self) -> None:
        """Change to other people and another router; the records of people who stay are kept."""
        if self.config.presence == self._settings:
            return
        self._close_router()
        self._router = self._poll = self._router_error = None
        self.report_trouble(None)
        self._ask_at_s = 0.0
        self._settings = self.config.presence
        self._monitor = RouterMonitor(self._monitor.health)
        self._router_announcements = RouterAnnouncements(
            self._settings.router_silent_alert_s, self._monitor.health
        )
        self._habits.clear()
        self._opened = False

    def close(self) -> None:
        self._close_router()
        if self._household is None:
            return
        self._saved_at_s = -math.inf
        try:
            self._save(self._records(self._household))
        except StateUnavailable as error:
            _log.warning("what was learned since the last save is lost: %s", error)

    def _close_router(self) -> None:
        if self._router:
            self._router.close()

    def counters(self) -> Counters:
        if self._router is None or self._household is None:
            return {}
        counters: Counters = {
            "polls": self._polls,
            "missed": self._monitor.misses,
            "devices": self._devices,
        }
        counters["home"] = self._household.home if self._household.known else None
        now = self.clock.now()
        unseen_s: dict[str, Figure] = {}
        for person in self._settings.people:
            seen = self._household.presence(person).last_seen
            unseen_s[person] = round((now - seen).total_seconds()) if seen else None
        counters["person_unseen_s"] = unseen_s
        return counters

    def _restore(self) -> None:
        """Read the records of an earlier run; they have no effect until the router has answered."""
        known: dict[str, Presence] = {}
        habits: dict[str, Habits] = {}
        for person in self._settings.people:
            if presence := self._stored_record(protocol.presence_key(person), Presence):
                known[person] = presence
            if learned := self._stored_record(protocol.habits_key(person), Habits):
                habits[person] = learned
        if self._household:
            self._household.configure(self._settings, known, habits)
            return
        health = self._stored_record("router", RouterHealth)
        self._monitor = RouterMonitor(health)
        self._router_announcements = RouterAnnouncements(
            self._settings.router_silent_alert_s, health
        )
        is_home = self._read_switches()["home"]
        self._house_announcements = HouseAnnouncements(
            self._stored_record(HOME_CHANGES, SteadinessRecord), is_home=is_home
        )
        self._household = Household(self._settings, known, habits, is_home)

    def _stored_record(self, key: str, kind: type[AnyRecord]) -> AnyRecord | None:
        try:
            return self.state.get(key, kind)
        except ProtocolError as error:
            _log.warning("%s is ignored: %s", key, error)
            return None

    def _read_switches(self) -> dict[str, bool]:
        found = dict(zip(_SWITCHES, self.state.read_strings(*_SWITCHES), strict=True))
        emptied_before, self._emptied = self._emptied, found["home"] is None
        if self._emptied and not emptied_before:
            self._stored.clear()
        return {name: self._switches.read(name, value) for name, value in found.items()}

    def _has_answered(self, router: Router, household: Household) -> bool:
        """Ask the router, and record its answer; returns False while it has not answered."""
        if self._poll is None:
            self._poll, self._asked_at_s = Poll(router), self.clock.monotonic()
        answer = self._await_answer(self._poll)
        if answer is None:
            if self.clock.monotonic() - self._asked_at_s > LONGEST_POLL_S:
                raise RuntimeError(
                    f"{router.name} has been asked for more than {LONGEST_POLL_S:.0f} s"
                )
            return False
        self._poll = self._router_error = None
        self._polls += 1
        if isinstance(answer, RouterError):
            self._router_error = str(answer)
            household.missed()
            self._house_announcements.pause()
            self._monitor.missed(answer, self.clock.now())
        else:
            self._record_devices(household, answer)
            self._monitor.answered(self.clock.now())
        self._monitor.health, fact = self._router_announcements.observe(
            self._monitor.health, self.clock.now(), self.clock.monotonic()
        )
        if fact:
            self._pending.append(fact)
        poll_s = household.poll_s() * random.uniform(1 - JITTER, 1 + JITTER)
        self._ask_at_s = self.clock.monotonic() + self._monitor.wait_s(poll_s, household.home)
        return True

    def _await_answer(self, poll: Poll) -> list[Device] | RouterError | None:
        """Return the router's answer; None when it takes long, or a signal arrives first."""
        for _ in range(round(PATIENCE_S / SLICE_S)):
            answer = poll.answer(SLICE_S)
            if answer is not None or not self.signals.empty():
                return answer
        return None

    def _record_devices(self, household: Household, devices: list[Device]) -> None:
        self._devices = len(devices)
        now = self.clock.now()
        changes = household.seen(devices, now, self.clock.monotonic())
        changes.sort(key=lambda change: change.kind != "occupied")
        home = tuple(person for person in self._settings.people if household.presence(person).home)
        first = {change.person for change in changes if change.kind == "occupied"}
        notice = self._house_announcements.observe(household.home, now, self.clock.monotonic())
        if notice and not any(change.kind in HOUSE_CHANGES for change in changes):
            self._pending.append(house_fact(notice))
        for change in changes:
            moved = transition(change, now, home)
            if change.kind in HOUSE_CHANGES:
                moved = announced(moved, notice)
            # The first person who comes is announced by the change of the house itself.
            if not (change.kind == "came" and change.person in first):
                self._pending.append(moved)

    def _carry_out(self, household: Household) -> None:
        switches = self._read_switches()
        while self._pending:
            self._commit(self._pending[0], household, switches)
            self._pending.popleft()
        self._correct_home(household, switches)
        self._save(self._records(household))

    def _commit(
        self, pending: Transition | Fact, household: Household, switches: dict[str, bool]
    ) -> None:
        """Carry out and publish *pending* in one step of Redis.

        It is done completely and exactly once, even if this program is killed.
        """
        records = self._records(household)
        if isinstance(pending, Fact):
            self.state.commit(records, fact=pending)
        else:
            action = action_for(pending, switches)
            self.state.commit(records, action.switches, action.changed, action.fact)
            switches |= action.switches
            self._emptied = self._emptied and "home" not in action.switches
            _log.info("%s", action.fact.text)
        self._stored |= records

    def _correct_home(self, household: Household, switches: Mapping[str, bool]) -> None:
        """Correct `home` when another program has set it, or Redis was emptied.

        That is no arrival and no departure.
        """
        if household.known and (self._emptied or switches["home"] != household.home):
            changed = ArmedBy(BY, self.clock.now(), "what the router says")
            self.state.set_switch("home", household.home, changed)
            self._emptied = False

    def _records(self, household: Household) -> dict[str, Record]:
        records: dict[str, Record] = {}
        if self._monitor.health:
            records["router"] = self._monitor.health
        if self._house_announcements.record:
            records[HOME_CHANGES] = self._house_announcements.record
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
        """Store the *records* that have changed, if that is worth waking the disk."""
        is_due = self.clock.monotonic() - self._saved_at_s >= SAVE_EVERY_S
        changed = {
            key: record
            for key, record in records.items()
            if record != self._stored.get(key) and (is_due or self._matters(key, record))
        }
        if changed:
            self.state.commit(changed)
            self._stored |= changed
        if is_due:
            self._saved_at_s = self.clock.monotonic()

    def _matters(self, key: str, record: Record) -> bool:
        before = self._stored.get(key)
        if isinstance(record, Habits):
            return False
        if not (isinstance(record, Presence) and isinstance(before, Presence) and record.last_seen):
            return True
        unseen_s = (self.clock.now() - record.last_seen).total_seconds()
        # A person's devices sleep at different times, so the device that was seen last changes
        # often.
        same_seen = replace(record, last_seen=before.last_seen, device=before.device)
        return same_seen != before or unseen_s >= UNSEEN_S


def _reason_to_idle(settings: PresenceSettings) -> str | None:
    """Return the reason why there is nothing to do; None when there is something to do."""
    if settings.router.backend == "none":
        return "no router is configured (presence.router)"
    return None if settings.people else "nobody is named (presence.people)"

"""Who is home, on a real Redis: step by step on a clock of the test's own, and as a process."""

import contextlib
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.daemons.who_is_home import WhoIsHome
from app.protocol import ArmedBy, Fact, Habits, Presence, RouterHealth
from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import ALERTS, BOT_TOKEN, OWNER, SlackServer
from tests.waiting import until

ANNA, BEN = "aa:aa:aa:aa:aa:aa", "ba:ba:ba:ba:ba:ba"
#: By day, so that nothing learned yet waits for as long as by night.
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PHRASE = "hunter2-hunter2"


class Home:
    """A house with two people, a scripted router, and a Redis; its program is stepped on a clock that a test advances."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.folder = folder
        self.server = server
        self.clock = FakeClock(NOON)
        self.router = folder / "router.json"
        self.config = write_config(folder, server.url)
        self.configure()
        self.state = State(server.url, 0.5)
        self.state.initialise_switches()
        self.sees()
        self.program = self.new_program()

    def configure(self, more: str = "") -> None:
        people = f"{{anna: {{macs: ['{ANNA}']}}, ben: {{macs: ['{BEN}']}}}}"
        router = f"{{backend: scripted, password: {PHRASE}, scripted: {{file: {str(self.router)!r}}}}}"
        write_config(self.folder, self.server.url, f"presence: {{people: {people}, router: {router}}}\n{more}")

    def new_program(self) -> WhoIsHome:
        return WhoIsHome(self.config, clock=self.clock)

    def sees(self, *macs: str, also: str = "02:00:00:00:00:01") -> None:
        """Let these be connected, beside a television."""
        self.router.write_text(json.dumps([{"mac": mac} for mac in (also, *macs)]))

    def fails(self, why: str = "no route to host") -> None:
        self.router.write_text(json.dumps({"fails": why}))

    def poll(self) -> float:
        wait_s = self.program.attempt()
        self.clock.advance(wait_s)
        return wait_s

    def live(self, seconds: float) -> None:
        """Let *seconds* pass, polling as the program wants to."""
        until_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until_s:
            self.poll()

    def restart(self) -> None:
        self.program.close()
        self.program.state.close()
        self.program = self.new_program()

    def switches(self) -> dict[str, str | None]:
        names = ("home", "camera_status")
        return dict(zip(names, self.state.read_strings(*names), strict=True))

    def facts(self, *kinds: str) -> list[str]:
        """What the stream tells that an owner is to hear."""
        with redis.Redis.from_url(self.server.url) as raw:
            entries: Any = raw.xrange("events")
        facts = [protocol.decode(Fact, stored[b"fact"]) for _, stored in entries]
        return [fact.text for fact in facts if fact.alert and (not kinds or fact.kind in kinds)]

    def armed_by(self) -> ArmedBy | None:
        return self.state.get("armed_by", ArmedBy)


def trouble(home: Home) -> str:
    """What the heartbeat says is wrong."""
    return home.program.trouble.what if home.program.trouble else ""


def everything_in(server: RedisServer) -> str:
    """All that a Redis holds."""
    with redis.Redis.from_url(server.url, decode_responses=True) as raw:
        read: dict[str, Any] = {"string": raw.get, "hash": raw.hgetall, "set": raw.smembers, "stream": raw.xrange}
        keys: Any = raw.keys("*")
        return str({key: read[raw.type(key)](key) for key in keys})


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def home(tmp_path: Path, redis_server: RedisServer) -> Iterator[Home]:
    made = Home(tmp_path, redis_server)
    yield made
    made.program.close()
    made.state.close()


HOME = {"home": "True", "camera_status": "False"}
AWAY = {"home": "False", "camera_status": "True"}


def test_the_first_disarms_and_the_last_arms(home: Home) -> None:
    home.sees(ANNA)
    home.poll()
    assert home.switches() == HOME
    home.sees(ANNA, BEN)
    home.poll()
    home.sees(BEN)
    home.live(600)
    assert home.switches() == HOME
    home.sees()
    left_s = home.clock.monotonic()
    while home.switches() == HOME:
        home.poll()
    assert home.switches() == AWAY
    assert 225 <= home.clock.monotonic() - left_s <= 300
    assert home.facts() == ["Anna is home: disarmed.", "Everyone has left: armed."]
    armed_by = home.armed_by()
    assert armed_by
    assert (armed_by.by, armed_by.why) == ("who is home", "everyone has left")


def test_what_a_person_says_holds_until_the_house_empties_or_fills(home: Home) -> None:
    home.sees(ANNA)
    home.poll()
    by_hand = ArmedBy("anna", home.clock.now(), "by command")
    home.state.set_switch("camera_status", True, by_hand)
    home.live(600)
    assert home.switches() == {"home": "True", "camera_status": "True"}
    home.sees(ANNA, BEN)
    home.live(60)
    assert home.switches()["camera_status"] == "True"
    home.sees()
    home.live(600)
    assert home.facts()[-1] == "Everyone has left. The house was armed already."
    assert home.armed_by() == by_hand


def test_with_auto_detect_off_home_stays_true_to_life_and_nothing_is_armed(home: Home) -> None:
    home.state.set_switch("auto_detect_status", False)
    home.sees(ANNA)
    home.poll()
    assert home.switches() == {"home": "True", "camera_status": "True"}
    home.sees()
    home.live(600)
    assert home.switches() == {"home": "False", "camera_status": "True"}
    assert home.armed_by() is None


def test_nothing_is_concluded_until_the_router_has_answered(home: Home) -> None:
    home.fails()
    home.live(1800)
    assert home.switches() == {"home": "False", "camera_status": "True"}
    assert home.armed_by() is None
    home.sees(ANNA)
    home.poll()
    assert home.switches() == HOME


@pytest.mark.parametrize("emptied", [False, True])
def test_a_restart_is_neither_a_departure_nor_an_arrival(home: Home, emptied: bool) -> None:
    home.sees(ANNA)
    home.live(60)
    told = home.facts()
    home.restart()
    if emptied:
        with redis.Redis.from_url(home.server.url) as raw:
            raw.delete("presence:anna", "presence:ben", "router")
    home.live(60)
    assert home.switches() == HOME
    assert home.facts() == told
    home.sees()
    home.live(60)
    home.restart()
    home.live(150)
    assert home.switches() == HOME
    home.live(240)
    assert home.switches() == AWAY


def test_an_emptied_redis_is_told_again_who_is_home_and_turns_nothing(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    with redis.Redis.from_url(home.server.url) as raw:
        raw.flushall()
    home.live(30)
    assert home.switches() == {"home": "True", "camera_status": None}
    anna = home.state.get(protocol.presence_key("anna"), Presence)
    assert anna
    assert anna.home


def test_last_seen_and_habits_are_kept_over_a_restart(home: Home) -> None:
    home.sees(ANNA)
    home.live(3600)
    seen_at = home.clock.now()
    home.sees()
    home.live(200)
    home.restart()
    home.live(30)
    anna = home.state.get(protocol.presence_key("anna"), Presence)
    assert anna
    assert anna.last_seen
    assert abs((seen_at - anna.last_seen).total_seconds()) < 20
    habits = home.state.get(protocol.habits_key("anna"), Habits)
    assert habits
    assert set(habits.gaps_s) == {ANNA}


def test_a_silent_router_changes_nothing_is_logged_once_and_told_after_a_while(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails("no route to host")
    with caplog.at_level(logging.INFO):
        home.live(840)
        assert home.facts("router_silent") == []
        home.live(3600)
    assert home.switches() == HOME
    assert (
        len([record for record in caplog.records if "no route to host" in record.getMessage() and record.levelno == logging.WARNING]) == 1
    )
    assert len(home.facts("router_silent")) == 1
    assert "no route to host" in home.facts("router_silent")[0]
    health = home.state.get("router", RouterHealth)
    assert health
    assert not health.answering
    assert trouble(home)
    home.sees(ANNA)
    home.live(30)
    assert len(home.facts("router_back")) == 1
    assert not trouble(home)
    assert home.switches() == HOME


def test_an_outage_does_not_make_people_leave(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails()
    home.live(7200)
    home.sees()
    home.live(120)
    assert home.switches() == HOME
    home.live(240)
    assert home.switches() == AWAY


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
def test_a_clock_that_jumps_is_not_a_departure(home: Home, jump_s: float) -> None:
    home.sees(ANNA)
    home.live(60)
    home.sees()
    home.poll()
    home.clock.jump(jump_s)
    home.live(120)
    assert home.switches() == HOME


def test_home_is_put_right_when_something_else_has_set_it(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.state.set_switches({"home": False, "camera_status": True}, ArmedBy("ben", home.clock.now(), "/initialize"))
    told = home.facts()
    home.live(30)
    assert home.switches() == {"home": "True", "camera_status": "True"}
    assert home.facts() == told


def test_what_happened_while_redis_was_away_is_carried_out_when_it_is_back(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.server.stop()
    home.sees()
    home.live(600)
    home.server.start()
    home.state.set_switches({"home": True, "camera_status": False})
    home.live(30)
    assert home.switches() == AWAY
    assert home.facts() == ["Everyone has left: armed."]


def test_other_people_and_another_router_are_taken_over_without_a_restart(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    other = home.folder / "other.json"
    other.write_text(json.dumps([{"mac": "cc:cc:cc:cc:cc:cc"}]))
    people = f"{{anna: {{macs: ['{ANNA}']}}, cleo: {{macs: ['cc:cc:cc:cc:cc:cc']}}}}"
    router = f"{{backend: scripted, scripted: {{file: {str(other)!r}}}}}"
    write_config(home.folder, home.server.url, f"presence: {{people: {people}, router: {router}}}\n")
    home.program.reload()
    home.live(30)
    cleo = home.state.get(protocol.presence_key("cleo"), Presence)
    assert cleo
    assert cleo.home
    assert home.switches() == HOME


def test_an_hour_at_home_writes_little(home: Home) -> None:
    home.sees(ANNA, BEN)
    home.live(60)
    with redis.Redis.from_url(home.server.url) as raw:
        before: Any = raw.info("commandstats")
        home.live(3600)
        after: Any = raw.info("commandstats")
    sets = after["cmdstat_set"]["calls"] - before["cmdstat_set"]["calls"]
    assert 0 < sets <= 24


def test_its_events_reach_slack_as_short_sentences(home: Home) -> None:
    with SlackServer() as slack:
        access = f"slack: {{api_url: {slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: [{OWNER}], alerts_channel: {ALERTS}}}\n"
        home.configure(access)
        with Program("app.daemons.notifier", home.config) as notifier:
            notifier.wait_until_beating(home.server.url)
            home.clock.jump((datetime.now(UTC) - home.clock.now()).total_seconds())
            home.sees(ANNA)
            home.poll()
            until(lambda: [message.words for message in slack.seen()], "Slack is told")
            assert "Anna is home: disarmed." in slack.seen()[0].words
            assert not slack.seen()[0].buttons


def test_without_a_router_it_says_so_once_and_idles(tmp_path: Path, redis_server: RedisServer) -> None:
    with Program("app.daemons.who_is_home", write_config(tmp_path, redis_server.url)) as program:
        program.wait_until_beating(redis_server.url)
        assert program.log.count("no router is configured") == 1
        assert program.stop() == 0


def test_as_a_process_it_disarms_survives_a_kill_and_keeps_its_secrets(home: Home) -> None:
    home.sees(ANNA)
    program = Program("app.daemons.who_is_home", home.config)
    with contextlib.closing(State(home.server.url)) as state, program:
        until(lambda: home.switches() == HOME, "the house is disarmed")
        program.kill()
        state.set_switch("camera_status", True, ArmedBy("anna", datetime.now(UTC), "by command"))
        program.start()
        beat = until(lambda: program.heartbeat(home.server.url), "it beats again")
        polls = until(lambda: (found := program.heartbeat(home.server.url)) and found.counters["polls"], "it has polled", 30.0)
        assert polls
        assert home.switches() == {"home": "True", "camera_status": "True"}
        assert beat.last_error is None
        assert program.stop() == 0
        assert PHRASE not in program.log
    assert PHRASE not in everything_in(home.server)

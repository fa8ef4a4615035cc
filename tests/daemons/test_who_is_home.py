"""Who is home, on a real Redis: step by step on a clock of the test's own, and as a process."""

import contextlib
import json
import logging
import os
import random
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import redis
import yaml

from app import protocol
from app.clock import FakeClock
from app.daemons.who_is_home import WhoIsHome
from app.protocol import ArmedBy, Fact, Habits, Presence, RouterHealth
from app.state import State
from tests.presence.stages import LIST
from tests.servers.programs import REPO, Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.router import MOODS, Phone
from tests.servers.router_classic import PASSWORD, USER, ClassicRouter
from tests.servers.slack import ALERTS, BOT_TOKEN, OWNER, SlackServer
from tests.waiting import until

ANNA, BEN = "aa:aa:aa:aa:aa:aa", "ba:ba:ba:ba:ba:ba"
#: By day, so that nothing learned yet waits for as long as by night.
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


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

    def configure(self, more: str = "", anna: tuple[str, ...] = (ANNA,), ben: tuple[str, ...] = (BEN,)) -> None:
        people = {"anna": {"macs": list(anna)}, "ben": {"macs": list(ben)}}
        presence = {"people": people, "router": {"backend": "scripted", "scripted": {"file": str(self.router)}}}
        write_config(self.folder, self.server.url, yaml.safe_dump({"presence": presence}) + more)

    def new_program(self) -> WhoIsHome:
        return WhoIsHome(self.config, clock=self.clock)

    def sees(self, *macs: str, also: str = "02:00:00:00:00:01") -> None:
        """Let these be connected, beside a television."""
        self.router.write_text(json.dumps([{"mac": mac} for mac in (also, *macs)]))

    def fails(self, why: str = "no route to host", how: Literal["fails", "refuses"] = "fails") -> None:
        self.router.write_text(json.dumps({how: why}))

    def hangs(self) -> None:
        """Let the router say nothing until the next of what it `sees`."""
        self.router.unlink()
        os.mkfifo(self.router)

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


def sets(home: Home, seconds: float) -> int:
    """How often Redis is written to while *seconds* pass."""
    with redis.Redis.from_url(home.server.url) as raw:
        before: Any = raw.info("commandstats")
        home.live(seconds)
        after: Any = raw.info("commandstats")
    return int(after["cmdstat_set"]["calls"] - before["cmdstat_set"]["calls"])


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


def test_when_two_come_at_once_the_house_is_disarmed_before_the_second_is_told_of(home: Home) -> None:
    home.sees(ANNA, BEN)
    home.poll()
    with redis.Redis.from_url(home.server.url) as raw:
        entries: Any = raw.xrange("events")
    texts = [protocol.decode(Fact, stored[b"fact"]).text for _, stored in entries]
    assert texts == ["Anna is home: disarmed.", "Ben is home too."]


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
    for _ in range(2):
        with redis.Redis.from_url(home.server.url) as raw:
            raw.flushall()
        home.poll()
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
    assert 0 < sets(home, 3600) <= 24


def test_phones_and_watches_that_sleep_in_turn_write_little(home: Home) -> None:
    watches = "aa:aa:aa:aa:aa:ab", "ba:ba:ba:ba:ba:bb"
    home.configure(anna=(ANNA, watches[0]), ben=(BEN, watches[1]))
    home.restart()
    home.sees(*watches)
    home.live(60)
    written = 0
    for _ in range(20):
        home.sees(*watches)
        written += sets(home, 90)
        home.sees(ANNA, BEN)
        written += sets(home, 90)
    assert home.switches() == HOME
    assert 0 < written <= 24


def test_an_emptied_redis_is_not_written_to_at_every_poll_while_the_router_is_silent(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails()
    home.live(60)
    with redis.Redis.from_url(home.server.url) as raw:
        raw.flushall()
    assert 0 < sets(home, 3600) <= 12


def test_who_turned_the_house_is_noted_in_an_emptied_redis_too(home: Home) -> None:
    with redis.Redis.from_url(home.server.url) as raw:
        raw.flushall()
    home.sees(ANNA)
    home.poll()
    assert home.switches() == HOME
    for name in ("armed_by", "home_by"):
        noted = home.state.get(name, ArmedBy)
        assert noted
        assert noted.why == "Anna came home"


@pytest.mark.parametrize("how", ["fails", "refuses"])
def test_a_router_that_fails_is_asked_at_least_every_five_minutes_and_no_oftener_for_a_redis_that_is_away(
    home: Home, how: Literal["fails", "refuses"]
) -> None:
    home.sees(ANNA)
    home.poll()
    home.fails("the password is wrong", how)
    waits_s = [home.poll() for _ in range(12)]
    assert round(max(waits_s), 3) == 300
    home.server.stop()
    before = home.program.counters()["polls"]
    home.live(3600)
    after = home.program.counters()["polls"]
    assert isinstance(before, int) and isinstance(after, int)
    assert 10 <= after - before <= 13


def test_what_is_wrong_with_the_router_is_told_though_redis_was_away(home: Home) -> None:
    home.poll()
    home.server.stop()
    home.fails("no route to host")
    home.live(60)
    assert "Redis" in trouble(home)
    home.server.start()
    home.poll()
    assert "no route to host" in trouble(home)


def test_a_router_that_is_put_right_is_asked_at_once_and_what_is_wrong_is_told_anew(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.fails("the password is wrong", "refuses")
    home.live(1800)
    home.configure(anna=("cc:cc:cc:cc:cc:cc",))
    home.program.reload()
    home.live(1800)
    assert capsys.readouterr().err.count("the password is wrong; who is home is unknown") == 1
    home.configure()
    home.program.reload()
    home.sees(ANNA)
    home.poll()
    assert home.switches() == HOME


def test_without_a_router_any_more_it_idles_and_nothing_is_wrong(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails()
    home.live(60)
    write_config(home.folder, home.server.url)
    home.program.reload()
    home.live(60)
    assert (trouble(home), home.program.counters(), home.switches()) == ("", {}, HOME)


def test_a_poll_that_hangs_is_not_waited_for_when_a_signal_comes_and_is_taken_in_later(home: Home) -> None:
    home.hangs()
    home.program.signals.put(signal.SIGTERM)
    assert home.program.attempt() == 0
    assert home.program.attempt() == 0
    home.program.signals.get()
    assert home.program.counters()["polls"] == 0
    home.sees(ANNA)
    home.poll()
    assert home.program.counters()["polls"] == 1
    assert home.switches() == HOME


def test_a_poll_that_hangs_for_ever_ends_the_program(home: Home) -> None:
    home.hangs()
    home.program.signals.put(signal.SIGTERM)
    assert home.program.attempt() == 0
    home.clock.advance(301)
    with pytest.raises(RuntimeError, match=r"the script .* has been asked for more than 300 s"):
        home.program.attempt()
    home.sees()


class Killed(BaseException):
    """Ends a program in the middle."""


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_at_any_write_it_tells_and_does_everything_once(home: Home, done: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    kills = 0

    def mortal(program: WhoIsHome) -> WhoIsHome:
        keep = program.state.keep

        def keep_or_die(*args: Any, **kwargs: Any) -> None:
            nonlocal kills
            dies = chance.random() < 0.4
            kills += dies
            if done or not dies:
                keep(*args, **kwargs)
            if dies:
                raise Killed

        monkeypatch.setattr(program.state, "keep", keep_or_die)
        return program

    def live(seconds: float) -> None:
        until_s = home.clock.monotonic() + seconds
        while home.clock.monotonic() < until_s:
            with contextlib.suppress(Killed):
                home.live(until_s - home.clock.monotonic())
                continue
            home.restart()
            mortal(home.program)

    mortal(home.program)
    for macs in ((ANNA,), (ANNA, BEN), (), (BEN,)):
        home.sees(*macs)
        live(3600)
    assert kills > 8
    assert home.facts() == ["Anna is home: disarmed.", "Everyone has left: armed.", "Ben is home: disarmed."]
    assert home.switches() == HOME


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


def test_as_a_process_it_disarms_and_survives_a_kill(home: Home) -> None:
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


def test_as_a_process_it_stops_in_time_though_the_router_hangs_and_tells_no_secret(tmp_path: Path, redis_server: RedisServer) -> None:
    with ClassicRouter() as server, contextlib.closing(State(redis_server.url)) as state:
        server.phones = [Phone(ANNA, "annas-iphone", "192.168.1.11")]
        calls = {"devices": LIST.devices, "login_page": LIST.login_page, "login": LIST.login, "form": LIST.form}
        places = {"list": LIST.list, "mac": LIST.mac, "hostname": LIST.hostname, "active": LIST.active}
        router = {"backend": "http_json", "url": server.url, "username": USER, "password": PASSWORD, "timeout_s": 15}
        presence = {"people": {"anna": {"macs": [ANNA]}}, "router": {**router, "http_json": {**calls, **places}}}
        config = write_config(tmp_path, redis_server.url, yaml.safe_dump({"presence": presence}))
        (config / "logging.yml").write_text((REPO / "config" / "logging.yml").read_text().replace("level: INFO", "level: DEBUG"))
        server.mood = MOODS["slow"]
        with Program("app.daemons.who_is_home", config) as program:
            until(lambda: server.asked, "the router hangs")
            # As long as supervisord waits until it kills.
            assert program.stop(within_s=5) == 0
            server.mood = MOODS["half of JSON"]
            program.start()
            until(lambda: (beat := program.heartbeat(redis_server.url)) and beat.last_error, "it says what is wrong")
            assert program.stop() == 0
            server.mood = None
            program.start()
            until(lambda: state.read_strings("home") == ["True"], "Anna is home")
            assert program.stop() == 0
            assert "geheim" in PASSWORD and server.session
            assert "geheim" not in program.log
            assert "geheim" not in everything_in(redis_server)

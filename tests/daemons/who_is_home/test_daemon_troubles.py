"""Covers several modules: who is home while router, Redis or program fail, and its writes."""

import contextlib
import logging
import random
import signal
from pathlib import Path
from typing import Any, Literal

import pytest
import redis
import yaml

from app import protocol
from app.daemons.who_is_home.daemon import WhoIsHome
from app.protocol import ArmedBy, Habits, Presence, RouterHealth
from app.state import State
from tests.daemons.home import ANNA, AWAY, BEN, HOME, Home, everything_in, sets, trouble
from tests.presence.backends import LIST
from tests.servers.programs import REPO, Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.router import FAULTS, Phone
from tests.servers.router_classic import PASSWORD, USER, ClassicRouter


def test_an_emptied_redis_gets_home_again_and_no_other_switch(home: Home) -> None:
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


def test_a_silent_router_is_logged_once_and_later_published(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails("no route to host")
    with caplog.at_level(logging.INFO):
        home.live(840)
        assert home.facts("router_silent") == []
        home.live(3600)
    assert home.switches() == HOME
    assert (
        len(
            [
                record
                for record in caplog.records
                if "no route to host" in record.getMessage() and record.levelno == logging.WARNING
            ]
        )
        == 1
    )
    assert len(home.facts("router_silent")) == 1
    assert "no route to host" in home.facts("router_silent")[0]
    health = home.state.get("router", RouterHealth)
    assert health
    assert not health.answering
    assert trouble(home)
    home.sees(ANNA)
    home.live(120)
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


def test_changes_while_redis_was_away_are_carried_out_later(home: Home) -> None:
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


def test_an_emptied_redis_gets_few_writes_in_a_silence(
    home: Home,
) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails()
    home.live(60)
    with redis.Redis.from_url(home.server.url) as raw:
        raw.flushall()
    assert 0 < sets(home, 3600) <= 12


def test_who_armed_is_recorded_in_an_emptied_redis_too(home: Home) -> None:
    with redis.Redis.from_url(home.server.url) as raw:
        raw.flushall()
    home.sees(ANNA)
    home.poll()
    assert home.switches() == HOME
    for name in ("armed_by", "home_by"):
        record = home.state.get(name, ArmedBy)
        assert record
        assert record.why == "Anna came home"


@pytest.mark.parametrize("how", ["fails", "refuses"])
def test_a_failing_router_is_asked_every_five_minutes(
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


def test_a_router_trouble_is_reported_after_redis_was_away(home: Home) -> None:
    home.poll()
    home.server.stop()
    home.fails("no route to host")
    home.live(60)
    assert "Redis" in trouble(home)
    home.server.start()
    home.poll()
    assert "no route to host" in trouble(home)


def test_after_a_new_configuration_the_router_is_asked_at_once(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.fails("the password is wrong", "refuses")
    home.live(1800)
    home.configure(anna=("cc:cc:cc:cc:cc:cc",))
    home.program.reload()
    home.live(1800)
    assert capsys.readouterr().err.count("the password is wrong; until the router answers") == 1
    home.configure()
    home.program.reload()
    home.sees(ANNA)
    home.poll()
    assert home.switches() == HOME


def test_without_a_router_any_more_it_idles(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.fails()
    home.live(60)
    write_config(home.folder, home.server.url)
    home.program.reload()
    home.live(60)
    assert (trouble(home), home.program.counters(), home.switches()) == ("", {}, HOME)


def test_a_signal_ends_the_wait_for_a_poll_but_not_the_poll(
    home: Home,
) -> None:
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


def test_a_poll_that_hangs_does_not_delay_pending_changes(home: Home) -> None:
    home.live(60)
    home.server.stop()
    home.sees(ANNA)
    home.live(30)
    home.hangs()
    home.server.start()
    home.state.set_switches({"home": False, "camera_status": True})
    home.clock.advance(20)
    home.program.signals.put(signal.SIGTERM)
    assert home.program.attempt() == 0
    assert home.switches() == HOME
    home.sees()


def test_what_was_learned_is_stored_when_it_stops(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.sees()
    home.live(90)
    home.sees(ANNA)
    home.live(60)
    home.program.close()
    habits = home.state.get(protocol.habits_key("anna"), Habits)
    assert habits
    assert max(gap_s for _, gap_s in habits.gaps_s[ANNA][home.clock.now().astimezone().hour]) >= 90


def test_with_redis_away_it_stops_and_logs_the_loss(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    home.sees(ANNA)
    home.live(60)
    home.server.stop()
    home.program.close()
    assert "what was learned since the last save is lost" in caplog.text
    home.server.start()


def test_a_poll_without_end_ends_the_program(home: Home) -> None:
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
def test_killed_at_any_write_it_does_everything_once(
    home: Home, done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    kills = 0

    def mortal(program: WhoIsHome) -> WhoIsHome:
        commit = program.state.commit

        def commit_or_die(*args: Any, **kwargs: Any) -> None:
            nonlocal kills
            dies = chance.random() < 0.4
            kills += dies
            if done or not dies:
                commit(*args, **kwargs)
            if dies:
                raise Killed

        monkeypatch.setattr(program.state, "commit", commit_or_die)
        return program

    def live(seconds: float) -> None:
        until_s = home.clock.monotonic() + seconds
        while home.clock.monotonic() < until_s:
            with contextlib.suppress(Killed):
                home.live(until_s - home.clock.monotonic())
                continue
            home.program.state.close()
            home.program = mortal(home.new_program())

    mortal(home.program)
    for macs in ((ANNA,), (ANNA, BEN), (), (BEN,)):
        home.sees(*macs)
        live(1200)
    assert kills > 3
    assert home.facts() == [
        "Anna is home: disarmed.",
        "Everyone has left: armed.",
        "Ben is home: disarmed.",
    ]
    assert home.switches() == HOME


def write_http_config(folder: Path, redis_url: str, url: str, timeout_s: float) -> Path:
    """Write the configuration of a house whose router is asked by HTTP, with the log at DEBUG."""
    keys = ("devices", "login_page", "login", "form", "list", "mac", "hostname", "active")
    router = {
        "backend": "http_json",
        "url": url,
        "username": USER,
        "password": PASSWORD,
        "timeout_s": timeout_s,
        "http_json": {key: getattr(LIST, key) for key in keys},
    }
    presence = {"people": {"anna": {"macs": [ANNA]}}, "router": router}
    config = write_config(folder, redis_url, yaml.safe_dump({"presence": presence}))
    plain = (REPO / "config" / "logging.yml").read_text()
    (config / "logging.yml").write_text(plain.replace("level: INFO", "level: DEBUG"))
    return config


def test_it_stops_in_time_and_shows_no_secret(tmp_path: Path, redis_server: RedisServer) -> None:
    with ClassicRouter() as server, contextlib.closing(State(redis_server.url)) as state:
        server.phones = [Phone(ANNA, "annas-iphone", "192.168.1.11")]
        config = write_http_config(tmp_path, redis_server.url, server.url, 15)
        server.fault = FAULTS["slow"]
        with Program("app.daemons.who_is_home", config) as program:
            program.obeys(lambda: server.asked, "the router hangs", 20)
            # Sooner than the router's timeout. An idle machine takes less than the 5 s after which
            # supervisord kills.
            assert program.stop(within_s=12) == 0
            server.fault = FAULTS["half of JSON"]
            program.start()
            program.obeys(
                lambda: (beat := program.heartbeat(redis_server.url)) and beat.last_error,
                "the heartbeat shows the trouble",
                20,
            )
            server.fault = None
            write_http_config(tmp_path, redis_server.url, server.url, 14)
            program.signal(signal.SIGHUP)
            program.obeys(lambda: state.read_strings("home") == ["True"], "Anna is home", 20)
            assert program.stop() == 0
            assert "geheim" in PASSWORD and server.session
            assert "geheim" not in program.log
            assert "geheim" not in everything_in(redis_server)

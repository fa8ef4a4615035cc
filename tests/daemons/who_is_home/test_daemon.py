"""Who is home, on a real Redis: arrivals and departures, and what follows."""

import contextlib
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from app import protocol
from app.protocol import ArmedBy, Fact, Habits, Presence
from app.state import State
from tests.daemons.home import ANNA, AWAY, BEN, HOME, Home
from tests.servers.programs import Program, write_config
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER
from tests.waiting import until


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


@pytest.mark.parametrize(("macs", "every_s"), [((ANNA,), 15.0), ((), 10.0)])
def test_the_router_is_asked_more_often_while_nobody_is_home(
    home: Home, macs: tuple[str, ...], every_s: float
) -> None:
    home.sees(*macs)
    waits_s = [home.poll() for _ in range(50)]
    assert 0.9 * every_s <= min(waits_s) < every_s < max(waits_s) <= 1.1 * every_s


def test_when_two_come_at_once_the_house_is_disarmed_first(
    home: Home,
) -> None:
    home.sees(ANNA, BEN)
    home.poll()
    with redis.Redis.from_url(home.server.url) as raw:
        entries: Any = raw.xrange("events")
    texts = [protocol.decode(Fact, stored[b"fact"]).text for _, stored in entries]
    assert texts == ["Anna is home: disarmed.", "Ben is home too."]


def test_a_command_holds_until_the_house_empties_or_fills(home: Home) -> None:
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


def test_with_auto_detect_off_home_is_right_and_nothing_armed(home: Home) -> None:
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
    before = home.facts()
    home.restart()
    if emptied:
        with redis.Redis.from_url(home.server.url) as raw:
            raw.delete("presence:anna", "presence:ben", "router")
    home.live(60)
    assert home.switches() == HOME
    assert home.facts() == before
    home.sees()
    home.live(60)
    home.restart()
    home.live(150)
    assert home.switches() == HOME
    home.live(240)
    assert home.switches() == AWAY


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


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
def test_a_clock_that_jumps_is_not_a_departure(home: Home, jump_s: float) -> None:
    home.sees(ANNA)
    home.live(60)
    home.sees()
    home.poll()
    home.clock.jump(jump_s)
    home.live(120)
    assert home.switches() == HOME


def test_home_is_corrected_when_something_else_has_set_it(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    home.state.set_switches(
        {"home": False, "camera_status": True}, ArmedBy("ben", home.clock.now(), "/initialize")
    )
    before = home.facts()
    home.live(30)
    assert home.switches() == {"home": "True", "camera_status": "True"}
    assert home.facts() == before


def test_other_people_and_another_router_need_no_restart(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    other = home.folder / "other.json"
    other.write_text(json.dumps([{"mac": "cc:cc:cc:cc:cc:cc"}]))
    people = f"{{anna: {{macs: ['{ANNA}']}}, cleo: {{macs: ['cc:cc:cc:cc:cc:cc']}}}}"
    router = f"{{backend: scripted, scripted: {{file: {str(other)!r}}}}}"
    write_config(
        home.folder, home.server.url, f"presence: {{people: {people}, router: {router}}}\n"
    )
    home.program.reload()
    home.live(30)
    cleo = home.state.get(protocol.presence_key("cleo"), Presence)
    assert cleo
    assert cleo.home
    assert home.switches() == HOME


def test_it_stops_while_a_new_person_is_not_watched_yet(home: Home) -> None:
    home.sees(ANNA)
    home.live(60)
    people = f"{{cleo: {{macs: ['{BEN}']}}}}"
    write_config(home.folder, home.server.url, f"presence: {{people: {people}}}\n")
    home.program.reload()
    home.live(60)
    home.program.close()
    anna = home.state.get(protocol.presence_key("anna"), Presence)
    assert anna
    assert anna.home


def test_a_person_named_again_keeps_their_record(home: Home) -> None:
    home.sees(ANNA, BEN)
    home.live(60)
    home.sees(ANNA)
    home.live(60)
    home.sees(ANNA, BEN)
    home.live(1200)
    known = home.state.get(protocol.habits_key("ben"), Habits)
    assert known
    assert [gap_s > 0 for days in known.gaps_s[BEN] for _, gap_s in days] == [True]
    before = home.facts()
    router = f"{{backend: scripted, scripted: {{file: {str(home.router)!r}}}}}"
    write_config(
        home.folder,
        home.server.url,
        f"presence: {{people: {{anna: {{macs: ['{ANNA}']}}}}, router: {router}}}\n",
    )
    home.program.reload()
    home.live(60)
    home.configure()
    home.program.reload()
    home.live(1200)
    assert home.state.get(protocol.habits_key("ben"), Habits) == known
    assert home.facts() == before


def test_its_facts_reach_slack_as_short_sentences(home: Home) -> None:
    with SlackServer() as slack:
        access = (
            f"slack: {{api_url: {slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: "
            f"[{OWNER}], alerts_channel: {ALERTS}}}\n"
        )
        home.configure(access)
        with Program("app.daemons.notifier", home.config) as notifier:
            notifier.wait_until_beating(home.server.url)
            home.clock.jump((datetime.now(UTC) - home.clock.now()).total_seconds())
            home.sees(ANNA)
            home.poll()
            until(lambda: [message.words for message in slack.seen()], "Slack has the alert")
            assert "Anna is home: disarmed." in slack.seen()[0].words
            assert not slack.seen()[0].buttons


def test_without_a_router_it_says_so_once_and_idles(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_config(home.folder, home.server.url)
    home.restart()
    home.live(600)
    assert caplog.text.count("no router is configured") == 1
    assert home.program.counters() == {}
    assert home.switches() == AWAY


def test_as_a_process_it_disarms_and_survives_a_kill(home: Home) -> None:
    home.sees(ANNA)
    program = Program("app.daemons.who_is_home", home.config)
    with contextlib.closing(State(home.server.url)) as state, program:
        program.obeys(lambda: home.switches() == HOME, "the house is disarmed", 20)
        program.kill()
        state.set_switch("camera_status", True, ArmedBy("anna", datetime.now(UTC), "by command"))
        program.start()
        beat = program.obeys(lambda: program.heartbeat(home.server.url), "it beats again", 20)
        polls = program.obeys(
            lambda: (found := program.heartbeat(home.server.url)) and found.counters["polls"],
            "it has polled",
            30,
        )
        assert polls
        assert home.switches() == {"home": "True", "camera_status": "True"}
        assert beat.last_error is None
        assert program.stop() == 0

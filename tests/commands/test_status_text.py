"""The state of the house in Slack's words, on a real Redis."""

from datetime import timedelta

import pytest
import redis

from app import protocol
from app.commands.context import CommandContext
from app.protocol import (
    ArmedBy,
    EventRecord,
    Fact,
    Heartbeat,
    Position,
    Presence,
    Request,
    RouterHealth,
    Trouble,
)
from tests.commands.conftest import NOW, ask

HOST = protocol.host_name()


def happened(context: CommandContext, minute: int, **known: object) -> str:
    at = NOW - timedelta(minutes=minute)
    event = protocol.event_id(at, "front")
    record = EventRecord("front", at, at + timedelta(seconds=42), **known)  # type: ignore[arg-type]
    context.state.publish(
        Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event), record
    )
    context.state.publish(
        Fact(f"{event}-ended", "motion_ended", at, "Over.", "front", event), record
    )
    return event


def test_events_are_the_newest_ten(context: CommandContext) -> None:
    assert ask(context, "/events") == "Nothing has happened yet."
    for minute in range(14, 0, -1):
        happened(context, minute)
    lines = ask(context, "/events").splitlines()
    assert len(lines) == 10
    assert lines[0] == "• 10:14 · front · 42 s"


def test_events_of_one_camera(two_cameras: CommandContext) -> None:
    for minute in range(14, 0, -1):
        happened(two_cameras, minute)
    lines = ask(two_cameras, "/events Front").splitlines()
    assert (len(lines), lines[0]) == (10, "• 10:14 · front · 42 s")
    assert "None of the newest 100" in ask(two_cameras, "/events garden")
    assert "There is no camera attic" in ask(two_cameras, "/events attic")
    assert "Name one camera only" in ask(two_cameras, "/events front garden")


def test_an_event_has_its_score_and_its_label(context: CommandContext) -> None:
    event = happened(context, 1, score=0.37, person=False)
    context.state.tag(Request("tag", NOW, "ben <!here>", event=event, label="occupied"))
    assert (
        ask(context, "/events")
        == "• 10:14 · front · 42 s · person 37% · occupied, said ben &lt;!here&gt;"
    )


def test_events_say_what_was_seen_and_what_was_not_sent(context: CommandContext) -> None:
    happened(context, 5, decision="waiting")
    happened(context, 4, decision="silenced", seen="airplane", score=0.1)
    happened(context, 3, decision="held", score=0.0, person=False)
    happened(context, 2, decision="sent", seen="person", person=True, score=0.87, seen_score=0.87)
    happened(context, 1, decision="held", seen="cat", person=False, score=0.02, seen_score=0.9)
    assert [line.partition(" s · ")[2] for line in ask(context, "/events").splitlines()] == [
        "a cat · not sent",
        "a person",
        "not sent",
        "an airplane · silenced",
        "not sent yet",
    ]


def test_a_silenced_event_names_the_tagged_ones_it_is_like(context: CommandContext) -> None:
    like = tuple(protocol.event_id(NOW - timedelta(days=days), "front") for days in (2, 1, 0))
    happened(context, 2, decision="silenced", like=like)
    happened(context, 1, decision="sent", like=like)
    assert [line.partition(" s")[2] for line in ask(context, "/events").splitlines()] == [
        "",
        " · silenced, like Wed 10:15, Thu 10:15 and 10:15, which were tagged as unoccupied",
    ]


def test_status_counts_what_was_held_back_of_a_day(context: CommandContext) -> None:
    happened(context, 9)
    happened(context, 8, decision="sent")
    assert "Last 24 hours" not in ask(context, "/status")
    for minute in (1, 2):
        happened(context, minute, decision="held")
    line = "*Last 24 hours:* 1 alert sent; 2 held back, because no person was seen"
    assert line in ask(context, "/status").splitlines()
    happened(context, 3, decision="silenced")
    happened(context, 4, decision="sent")
    line = f"{line.replace('1 alert', '2 alerts')}; 1 silenced"
    assert line in ask(context, "/status").splitlines()


def test_without_a_router_presence_is_not_watched(context: CommandContext) -> None:
    assert (
        ask(context, "/who")
        == "No router is configured, so presence is not watched; the house counts as away."
    )


def test_who_shows_every_person(family: CommandContext) -> None:
    state, earlier = family.state, NOW - timedelta(hours=2)
    state.set_switch("home", True, ArmedBy("who is home", NOW, "Anna came home"))
    state.put(
        protocol.presence_key("anna"),
        Presence(True, NOW, "aa:aa:aa:aa:aa:aa", NOW, 180.0, (3, 1020.0)),
    )
    state.put(
        protocol.presence_key("ben"),
        Presence(False, earlier, "bb:bb:bb:bb:bb:bb", earlier - timedelta(minutes=4)),
    )
    unseen = {"person_unseen_s": {"anna": 12, "ben": 7200}}
    state.send_heartbeat(
        protocol.heartbeat_key("who_is_home", HOST), Heartbeat(1, NOW, NOW, dict(unseen))
    )
    assert ask(family, "/who").splitlines() == [
        "Somebody is home, since 10:15, by who is home (Anna came home).",
        "• anna: home since 10:15, seen 12 s ago; counts as gone when not seen for 3 min (up to "
        "17 min at 3:00)",
        "• ben: away since 08:15, last seen 08:11",
        "• cleo: not known yet",
        "Arming by who is home is on.",
    ]


def test_who_says_when_who_is_home_is_silent(family: CommandContext) -> None:
    silent = ":warning: who_is_home is silent, so this is its last report."
    assert silent in ask(family, "/who").splitlines()
    family.state.send_heartbeat(
        protocol.heartbeat_key("who_is_home", HOST), Heartbeat(1, NOW, NOW, {})
    )
    assert silent not in ask(family, "/who").splitlines()


@pytest.mark.parametrize("command", ["/who", "/status"])
def test_a_silent_router_is_shown(family: CommandContext, command: str) -> None:
    family.state.put(
        "router",
        RouterHealth(
            False, NOW - timedelta(minutes=30), why="openwrt at 192.168.1.1 does not answer"
        ),
    )
    assert (
        "not known since 09:45, because the router does not answer: "
        "openwrt at 192.168.1.1 does not "
        "answer" in ask(family, command)
    )
    family.state.put("router", RouterHealth(True, NOW))
    assert "not known since" not in ask(family, command)


@pytest.mark.parametrize("command", ["/who", "/status"])
def test_a_router_that_was_removed_is_not_shown(context: CommandContext, command: str) -> None:
    context.state.put(
        "router",
        RouterHealth(
            False, NOW - timedelta(minutes=30), why="openwrt at 192.168.1.1 does not answer"
        ),
    )
    assert "not known since" not in ask(context, command)


def beat(
    context: CommandContext,
    kind: str,
    camera: str | None = None,
    *,
    age_s: float = 3,
    wrong: str | None = None,
    host: str = HOST,
) -> None:
    at = NOW - timedelta(seconds=age_s)
    trouble = Trouble(at, wrong) if wrong else None
    context.state.send_heartbeat(
        protocol.heartbeat_key(kind, host, camera), Heartbeat(1, at, at, {}, trouble)
    )


def test_status_shows_everything_that_matters(context: CommandContext) -> None:
    context.state.set_switch(
        "camera_status", True, ArmedBy("anna", NOW - timedelta(days=2), "by command")
    )
    context.state.put("camera:front:position", Position(1, 2))
    happened(context, 3)
    beat(context, "security_system", "front")
    beat(context, "notifier", wrong="Slack says channel_not_found: set slack.alerts_channel")
    beat(context, "uploader", age_s=100)
    beat(context, "security_system", "barn", host="otherpi")
    lines = ask(context, "/status").splitlines()
    assert lines[0] == "*Armed*, since Wed 10:15, by anna (by command)"
    assert lines[1] == "*Alerts:* on"
    assert lines[2] == ":warning: Slack says channel_not_found: set slack.alerts_channel"
    assert (
        "*Home:* no router is configured, so presence is not watched; the house counts as away"
        in lines
    )
    assert "*Arming by who is home:* on" in lines
    assert "*Cameras:* front (pan 1°, tilt 2°)" in lines
    assert "*Last event:* 10:12 · front · 42 s" in lines
    assert "• security_system-front: 3 s ago" in lines
    assert "• notifier: 3 s ago; Slack says channel_not_found: set slack.alerts_channel" in lines
    assert "• who_is_home: silent" in lines
    stuck_since = NOW - timedelta(seconds=100)
    assert f"• uploader: stuck, no step since {stuck_since.astimezone():%H:%M:%S}" in lines
    assert "• security_system-barn@otherpi: 3 s ago" in lines
    assert any(line.startswith("*Machine:*") and line.endswith(" GB free") for line in lines)


def test_status_says_which_camera_is_lost_since_when_and_why(
    two_cameras: CommandContext,
) -> None:
    trouble = Trouble(NOW - timedelta(minutes=5), "front gave no answer")
    two_cameras.state.send_heartbeat(
        protocol.heartbeat_key("security_system", HOST, "front"),
        Heartbeat(1, NOW, NOW, {"camera": "lost"}, trouble),
    )
    assert (
        "*Cameras:* front (not turned yet; *lost since 10:10: front gave no answer*), "
        "garden (fixed; *lost: its program is silent*)"
    ) in ask(two_cameras, "/status")


def test_status_says_that_a_camera_is_closed_since_when(two_cameras: CommandContext) -> None:
    by_presence = ArmedBy("who_is_home", NOW - timedelta(minutes=5), "ben came home")
    two_cameras.state.set_switch("camera_status", False, by_presence)
    for camera in ("front", "garden"):
        key = protocol.heartbeat_key("security_system", HOST, camera)
        two_cameras.state.send_heartbeat(key, Heartbeat(1, NOW, NOW, {"camera": "closed"}))
    closed = "closed since 10:10"
    shown = f"*Cameras:* front (not turned yet; {closed}), garden (fixed; {closed})"
    assert shown in ask(two_cameras, "/status")


def test_status_fits_a_phone(context: CommandContext) -> None:
    assert max(map(len, ask(context, "/status").splitlines())) < 120


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/notifications_off", "*Alerts:* off, since 10:15, by anna"),
        ("/pycam_off", "*Disarmed*, since"),
    ],
)
def test_status_shows_a_switch_that_is_off(
    context: CommandContext, line: str, expected: str
) -> None:
    ask(context, line)
    assert expected in ask(context, "/status")


def test_names_of_people_are_harmless(context: CommandContext) -> None:
    ask(context, "/pycam_off", by="<!channel> `x`\n*y*")
    assert "by &lt;!channel&gt; 'x' *y* (by command)" in ask(context, "/pycam_off")


def test_status_shows_what_was_dropped(context: CommandContext, raw: redis.Redis) -> None:
    assert "dropped" not in ask(context, "/status")
    raw.set("dropped", 37)
    assert "37 messages were dropped" in ask(context, "/status")

"""Every command, on a real Redis."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.commands.context import REDIS_AWAY, CommandContext, Invocation
from app.commands.registry import COMMANDS, run_command
from app.config import Config
from app.protocol import (
    ArmedBy,
    EventRecord,
    Fact,
    Heartbeat,
    Position,
    Presence,
    ReplyTo,
    Request,
    RouterHealth,
    Trouble,
)
from app.state import Latest, State
from tests.servers.redis_server import RedisServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
ONE = {"cameras": {"front": {"pantilt": {"backend": "mock", "home": [10, -5]}}}}
TWO = {"cameras": {"front": {"pantilt": {"backend": "mock"}}, "garden": {}}}
REPLY_TO = ReplyTo("https://hooks.slack.com/commands/1", "C1")
HOST = protocol.host_name()


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that what is said of a time does not depend on where the tests run."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def state(redis_server: RedisServer) -> Iterator[State]:
    opened = State(redis_server.url, 0.5)
    opened.initialise_switches()
    yield opened
    opened.close()


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
def house(state: State) -> CommandContext:
    return CommandContext(Config.model_validate(ONE), state, FakeClock(NOW))


@pytest.fixture
def two_cameras(state: State) -> CommandContext:
    return CommandContext(Config.model_validate(TWO), state, FakeClock(NOW))


def say(house: CommandContext, line: str, by: str = "anna") -> str:
    """The answer to *line*, as a person types it."""
    name, _, text = line.partition(" ")
    return run_command(name, Invocation(text, "U1", by, house.clock.now(), REPLY_TO), house).text


def requests(raw: redis.Redis) -> list[Request]:
    entries: list[tuple[str, dict[str, str]]] = raw.xrange("requests")  # type: ignore[assignment]
    return [protocol.decode(Request, stored["request"]) for _, stored in entries]


@pytest.mark.parametrize(
    ("command", "switch", "value"),
    [
        ("pycam_on", "camera_status", "True"),
        ("pycam_off", "camera_status", "False"),
        ("notifications_on", "camera_notifications", "True"),
        ("notifications_off", "camera_notifications", "False"),
        ("auto_detect_on", "auto_detect_status", "True"),
        ("auto_detect_off", "auto_detect_status", "False"),
    ],
)
def test_a_switch_is_turned_once_and_then_it_is_said_since_when_and_by_whom(
    house: CommandContext, raw: redis.Redis, command: str, switch: str, value: str
) -> None:
    raw.set(switch, str(value != "True"))
    assert "already" not in say(house, f"/{command}")
    assert raw.get(switch) == value
    assert house.state.get(protocol.changed_by_key(switch), ArmedBy) == ArmedBy(
        "anna", NOW, "by command"
    )
    again = say(house, f"/{command}", by="ben")
    assert "already, since 10:15, by anna (by command)" in again
    assert house.state.get(protocol.changed_by_key(switch), ArmedBy) == ArmedBy(
        "anna", NOW, "by command"
    )


def test_a_switch_that_somebody_set_by_hand_is_on_already_since_nobody_knows_when(
    house: CommandContext,
) -> None:
    assert say(house, "/pycam_on") == "The house is armed already."


@pytest.mark.parametrize("found", ["perhaps", "true", ""])
def test_a_switch_that_is_neither_true_nor_false_is_set_by_its_command(
    house: CommandContext, raw: redis.Redis, found: str
) -> None:
    raw.set("camera_status", found)
    assert say(house, "/pycam_on").startswith("Armed")
    assert raw.get("camera_status") == "True"


def test_initialize_starts_over(house: CommandContext, raw: redis.Redis) -> None:
    for line in ("/pycam_off", "/notifications_off", "/auto_detect_off", "/snooze 2h"):
        say(house, line)
    raw.set("home", "True")
    said = say(house, "/initialize")
    assert {name: raw.get(name) for name in protocol.SWITCHES} == {
        name: str(value) for name, value in protocol.SWITCHES.items()
    }
    assert house.state.get("camera:front:target", Position) == Position(10, -5)
    assert raw.get("snoozed_until") is None
    assert "front turns to pan 10°, tilt -5°" in said
    assert house.state.get("armed_by", ArmedBy) == ArmedBy("anna", NOW, "/initialize")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("30 -10", (30, -10)),
        ("-90 90", (-90, 90)),
        ("+5 0", (5, 0)),
        ("front 1 2", (1, 2)),
        ("FRONT 1 2", (1, 2)),
        ("  7\t8 ", (7, 8)),
    ],
)
def test_rotate_turns_to_two_whole_numbers(
    house: CommandContext, text: str, target: tuple[int, int]
) -> None:
    assert f"turns to pan {target[0]}°, tilt {target[1]}°" in say(house, f"/rotate {text}")
    assert house.state.get("camera:front:target", Position) == Position(*target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "30 10 5",
        "91 0",
        "0 -91",
        "1.5 2",
        "1e1 2",
        "a b",
        "30,10",
        "٣ ٤",
        "²  1",
        "9" * 5000 + " 1",
        "0x10 1",
        "back 1 2",
        "front",
        "_1 1_0",
    ],
)
def test_rotate_refuses_all_else_and_says_the_range(
    house: CommandContext, raw: redis.Redis, text: str
) -> None:
    assert "from -90 to 90" in say(house, f"/rotate {text}")
    assert raw.get("camera:front:target") is None


def test_a_camera_without_a_mount_says_so(two_cameras: CommandContext, raw: redis.Redis) -> None:
    assert "garden has no pan-tilt mount" in say(two_cameras, "/rotate garden 1 2")
    assert "garden has no pan-tilt mount" in say(two_cameras, "/current_position garden")
    assert raw.get("camera:garden:target") is None


@pytest.mark.parametrize(
    "line",
    ["/rotate 1 2", "/current_position", "/last_image", "/last_image attic", "/rotate attic 1 2"],
)
def test_with_several_cameras_one_must_be_named(
    two_cameras: CommandContext, raw: redis.Redis, line: str
) -> None:
    assert say(two_cameras, line) == "Which camera? Name it first: front, garden."
    assert not raw.exists("requests", "camera:front:target")


def test_the_position_is_what_was_reached_and_what_is_still_to_come(house: CommandContext) -> None:
    assert "not known" in say(house, "/current_position")
    house.state.put("camera:front:position", Position(1, 2))
    assert say(house, "/current_position") == "Camera front points to pan 1°, tilt 2°."
    house.state.put("camera:front:target", Position(3, 4))
    assert "It is to turn to pan 3°, tilt 4°" in say(house, "/current_position")


def test_a_picture_is_asked_for_with_where_to_bring_it(
    house: CommandContext, raw: redis.Redis
) -> None:
    assert say(house, "/last_image") == "Taking a picture with camera front …"
    assert requests(raw) == [Request("last_image", NOW, "anna", "front", "U1", reply_to=REPLY_TO)]


def test_with_the_camera_off_the_last_picture_is_brought_and_its_time_said(
    house: CommandContext, raw: redis.Redis
) -> None:
    say(house, "/pycam_off")
    assert "no picture of the last day" in say(house, "/last_image")
    assert requests(raw) == []
    house.state.set_latest("front", Latest(b"jpeg", NOW - timedelta(hours=3)))
    assert "Camera front is off. The last picture was taken at 07:15, 3 h ago" in say(
        house, "/last_image"
    )
    assert [request.kind for request in requests(raw)] == ["last_image"]


@pytest.mark.parametrize(
    ("text", "until", "said"),
    [
        ("30m", NOW + timedelta(minutes=30), "10:45"),
        ("2h", NOW + timedelta(hours=2), "12:15"),
        ("1h30m", NOW + timedelta(minutes=90), "11:45"),
        ("90 min", NOW + timedelta(minutes=90), "11:45"),
        ("24h", NOW + timedelta(hours=24), "Sat 10:15"),
        ("until 18:00", NOW.replace(hour=18, minute=0), "18:00"),
        ("until 9", NOW.replace(day=21, hour=9, minute=0), "Sat 09:00"),
        ("UNTIL 10:15", NOW.replace(day=21), "Sat 10:15"),
    ],
)
def test_alerts_are_snoozed_for_a_while(
    house: CommandContext, raw: redis.Redis, text: str, until: datetime, said: str
) -> None:
    assert f"snoozed until {said}" in say(house, f"/snooze {text}")
    assert datetime.fromisoformat(str(raw.get("snoozed_until"))) == until
    assert abs(int(str(raw.ttl("snoozed_until"))) - (until - NOW).total_seconds()) < 5
    assert f"snoozed until {said}" in say(house, "/snooze")
    assert f"snoozed until {said}" in say(house, "/status")


@pytest.mark.parametrize(
    "text",
    [
        "30",
        "0m",
        "25h",
        "1441m",
        "9999h",
        "until 24:00",
        "until 10:60",
        "until",
        "-5m",
        "2d",
        "forever",
        "m",
        "1m1h",
        "٣h",
    ],
)
def test_a_snooze_that_is_none_is_explained(
    house: CommandContext, raw: redis.Redis, text: str
) -> None:
    assert "from one minute to 24 hours" in say(house, f"/snooze {text}")
    assert raw.get("snoozed_until") is None


def test_a_snooze_ends_when_told(house: CommandContext, raw: redis.Redis) -> None:
    say(house, "/snooze 2h")
    assert "not snoozed any more" in say(house, "/snooze off")
    assert raw.get("snoozed_until") is None
    assert "Alerts are not snoozed" in say(house, "/snooze")


def happened(house: CommandContext, minute: int, **known: object) -> str:
    at = NOW - timedelta(minutes=minute)
    event = protocol.event_id(at, "front")
    record = EventRecord("front", at, at + timedelta(seconds=42), **known)  # type: ignore[arg-type]
    house.state.publish(
        Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event), record
    )
    house.state.publish(Fact(f"{event}-ended", "motion_ended", at, "Over.", "front", event), record)
    return event


def test_events_are_the_newest_ten(house: CommandContext) -> None:
    assert say(house, "/events") == "Nothing has happened yet."
    for minute in range(14, 0, -1):
        happened(house, minute)
    lines = say(house, "/events").splitlines()
    assert len(lines) == 10
    assert lines[0] == "• 10:14 · front · 42 s"


def test_an_event_is_told_with_what_is_known_of_it(house: CommandContext) -> None:
    event = happened(house, 1, score=0.87, person=True)
    house.state.tag(Request("tag", NOW, "ben <!here>", event=event, label="occupied"))
    assert (
        say(house, "/events")
        == "• 10:14 · front · 42 s · person 87% · occupied, said ben &lt;!here&gt;"
    )


def test_a_clip_is_asked_of_the_camera_that_is_named(
    two_cameras: CommandContext, raw: redis.Redis
) -> None:
    said = say(two_cameras, "/clip garden")
    assert (
        said
        == "Recording a clip with camera garden, from 5 s before now until 5 s after; the clip comes then …"
    )
    assert requests(raw) == [Request("clip", NOW, "anna", "garden", "U1", reply_to=REPLY_TO)]


def test_nothing_is_filmed_while_the_house_is_disarmed_or_when_no_clips_are_wanted(
    house: CommandContext, raw: redis.Redis
) -> None:
    house.state.set_switch("camera_status", False)
    assert (
        say(house, "/clip")
        == "Camera front is off, so there is nothing to record. /pycam_on turns it on."
    )
    without = CommandContext(
        Config.model_validate({"recording": {"clips": False}}), house.state, house.clock
    )
    assert (
        say(without, "/clip")
        == "The settings say that no clips are made (recording.clips). /last_image sends a picture."
    )
    assert requests(raw) == []


def test_without_a_router_nobody_looks_who_is_home(house: CommandContext, raw: redis.Redis) -> None:
    assert (
        say(house, "/who")
        == "No router is configured, so presence is not watched; the house counts as away."
    )


@pytest.fixture
def family(state: State) -> CommandContext:
    """A house with a router, and with three who live there."""
    people = {
        "anna": {"macs": ["aa:aa:aa:aa:aa:aa"]},
        "ben": {"macs": ["bb:bb:bb:bb:bb:bb"]},
        "cleo": {"hosts": ["cleos-phone"]},
    }
    presence = {"people": people, "router": {"backend": "arp"}}
    return CommandContext(Config.model_validate({"presence": presence}), state, FakeClock(NOW))


def test_who_is_home_is_said_of_everybody(family: CommandContext) -> None:
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
    unseen = {"anna_unseen_s": 12, "ben_unseen_s": 7200}
    state.send_heartbeat(
        protocol.heartbeat_key("who_is_home", HOST), Heartbeat(1, NOW, NOW, dict(unseen))
    )
    assert say(family, "/who").splitlines() == [
        "Somebody is home, since 10:15, by who is home (Anna came home).",
        "• anna: home since 10:15, seen 12 s ago; counts as gone when not seen for 3 min (up to "
        "17 min at 3:00)",
        "• ben: away since 08:15, last seen 08:11",
        "• cleo: not known yet",
        "Arming by who is home is on.",
    ]


def test_when_nobody_looks_any_more_who_is_home_that_is_said(family: CommandContext) -> None:
    silent = ":warning: who_is_home is silent, so this is what it saw last."
    assert silent in say(family, "/who").splitlines()
    family.state.send_heartbeat(
        protocol.heartbeat_key("who_is_home", HOST), Heartbeat(1, NOW, NOW, {})
    )
    assert silent not in say(family, "/who").splitlines()


@pytest.mark.parametrize("command", ["/who", "/status"])
def test_a_router_that_is_silent_is_said_to_be(family: CommandContext, command: str) -> None:
    family.state.put(
        "router",
        RouterHealth(
            False, NOW - timedelta(minutes=30), why="openwrt at 192.168.1.1 does not answer"
        ),
    )
    assert (
        "not known since 09:45, because the router does not answer: openwrt at 192.168.1.1 does not "
        "answer" in say(family, command)
    )
    family.state.put("router", RouterHealth(True, NOW))
    assert "not known since" not in say(family, command)


@pytest.mark.parametrize("command", ["/who", "/status"])
def test_the_silence_of_a_router_that_is_configured_no_more_is_not_told(
    house: CommandContext, command: str
) -> None:
    house.state.put(
        "router",
        RouterHealth(
            False, NOW - timedelta(minutes=30), why="openwrt at 192.168.1.1 does not answer"
        ),
    )
    assert "not known since" not in say(house, command)


def test_top_shows_load_memory_and_the_busiest_programs(house: CommandContext) -> None:
    said = say(house, "/top")
    assert said.startswith(f"*{HOST}*\n```\nload ")
    assert said.endswith("\n```")
    assert " MB" in said
    assert len(said.splitlines()) > 6


def beat(
    house: CommandContext,
    kind: str,
    camera: str | None = None,
    *,
    age_s: float = 3,
    wrong: str | None = None,
    host: str = HOST,
) -> None:
    at = NOW - timedelta(seconds=age_s)
    trouble = Trouble(at, wrong) if wrong else None
    house.state.send_heartbeat(
        protocol.heartbeat_key(kind, host, camera), Heartbeat(1, at, at, {}, trouble)
    )


def test_status_says_all_that_matters(house: CommandContext) -> None:
    house.state.set_switch(
        "camera_status", True, ArmedBy("anna", NOW - timedelta(days=2), "by command")
    )
    house.state.put("camera:front:position", Position(1, 2))
    happened(house, 3)
    beat(house, "security_system", "front")
    beat(house, "notifier", wrong="Slack says channel_not_found: set slack.alerts_channel")
    beat(house, "uploader", age_s=100)
    beat(house, "security_system", "barn", host="otherpi")
    lines = say(house, "/status").splitlines()
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
    assert "• uploader: stuck, last step 100 s ago" in lines
    assert "• security_system-barn@otherpi: 3 s ago" in lines
    assert any(line.startswith("*Machine:*") and line.endswith(" GB free") for line in lines)


def test_status_fits_a_phone(house: CommandContext) -> None:
    assert max(map(len, say(house, "/status").splitlines())) < 120


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/notifications_off", "*Alerts:* off, since 10:15, by anna"),
        ("/pycam_off", "*Disarmed*, since"),
    ],
)
def test_status_says_what_is_off(house: CommandContext, line: str, expected: str) -> None:
    say(house, line)
    assert expected in say(house, "/status")


def test_help_lists_every_command_with_its_usage(house: CommandContext) -> None:
    said = say(house, "/help")
    assert "`/rotate [CAMERA] PAN TILT`: turn a camera" in said
    assert "`/house_status`: the state of the house" in said
    assert len(said.splitlines()) == len(COMMANDS) + 1


@pytest.mark.parametrize("name", ["", "/", "nonsense", "/status extra", "__class__", "STATUS"])
def test_an_unknown_command_is_told_of_help(house: CommandContext, name: str) -> None:
    assert (
        run_command(name, Invocation("", "U1", "anna", NOW), house).text
        == "There is no such command. /help lists them all."
    )


def test_what_others_wrote_is_shown_as_it_is(house: CommandContext) -> None:
    say(house, "/pycam_off", by="<!channel> `x`\n*y*")
    assert "by &lt;!channel&gt; 'x' *y* (by command)" in say(house, "/pycam_off")


@pytest.mark.parametrize("name", COMMANDS)
def test_with_redis_away_every_command_says_so_or_needs_none(
    house: CommandContext, redis_server: RedisServer, name: str
) -> None:
    redis_server.kill()
    assert run_command(name, Invocation("1 2", "U1", "anna", NOW), house).text == REDIS_AWAY


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_broken_in_redis_keeps_no_command_from_answering(
    house: CommandContext, raw: redis.Redis, name: str
) -> None:
    for key in (
        "armed_by",
        "camera_notifications_by",
        "home_by",
        "snoozed_until",
        "camera:front:position",
        "camera_status",
    ):
        raw.set(key, "{nonsense")
    raw.xadd("events", {"fact": "{nonsense"})
    raw.xadd("events", {"other": "x"})
    raw.sadd("heartbeats", "heartbeat:x:y", "nonsense")
    raw.set("heartbeat:x:y", "{nonsense")
    raw.set("nonsense", json.dumps({"pid": 1}))
    assert run_command(name, Invocation("1 2", "U1", "anna", NOW), house).text


@pytest.mark.parametrize("name", ["status", "events"])
def test_a_key_of_another_type_is_no_traceback(
    house: CommandContext, raw: redis.Redis, name: str
) -> None:
    raw.lpush("heartbeats", "x")
    assert (
        "not as it should be" in run_command(name, Invocation("1 2", "U1", "anna", NOW), house).text
    )

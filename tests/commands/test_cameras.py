"""The commands about one camera, on a real Redis."""

from datetime import timedelta

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.commands.context import CommandContext
from app.config import Config
from app.protocol import Heartbeat, Position, Request, Trouble
from app.state import Latest, State
from tests.commands.conftest import NOW, REPLY_TO, ask
from tests.servers.redis_server import RedisServer

HOST = protocol.host_name()


def watching(
    context: CommandContext,
    state: str = "open",
    trouble: Trouble | None = None,
    camera: str = "front",
) -> None:
    """Send the heartbeat of *camera*, which is in *state* with *trouble*."""
    heartbeat = Heartbeat(1, NOW, NOW, {"camera": state}, trouble)
    context.state.send_heartbeat(protocol.heartbeat_key("security_system", HOST, camera), heartbeat)


def requests(raw: redis.Redis) -> list[Request]:
    entries: list[tuple[str, dict[str, str]]] = raw.xrange("requests")  # type: ignore[assignment]
    return [protocol.decode(Request, stored["request"]) for _, stored in entries]


@pytest.mark.parametrize("command", ["last_image", "clip", "focus", "events", "current_position"])
def test_a_command_takes_one_camera(two_cameras: CommandContext, command: str) -> None:
    assert "There is no camera attic" in ask(two_cameras, f"/{command} attic")
    assert "Name one camera only" in ask(two_cameras, f"/{command} front garden")


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
    context: CommandContext, text: str, target: tuple[int, int]
) -> None:
    assert f"turns to pan {target[0]}°, tilt {target[1]}°" in ask(context, f"/rotate {text}")
    assert context.state.get("camera:front:target", Position) == Position(*target)


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
        "front",
        "_1 1_0",
    ],
)
def test_rotate_refuses_other_words_and_says_the_range(
    context: CommandContext, raw: redis.Redis, text: str
) -> None:
    assert "from -90 to 90" in ask(context, f"/rotate {text}")
    assert raw.get("camera:front:target") is None


def test_a_camera_that_is_turned_away_turns_back_when_armed(state: State) -> None:
    cameras = {"front": {"pantilt": {"backend": "mock", "park": [0, 90]}}}
    config = Config.model_validate({"cameras": cameras})
    context = CommandContext(config, state, FakeClock(NOW))
    state.set_switch("camera_status", False)
    assert "is turned away while the house is disarmed" in ask(context, "/rotate 10 20")
    assert state.get("camera:front:target", Position) == Position(10, 20)
    state.set_switch("camera_status", True)
    assert ask(context, "/rotate 30 20") == "Camera front turns to pan 30°, tilt 20°."


@pytest.mark.parametrize(
    ("settings", "reply"),
    [
        ({"source": "demo"}, "is not the Pi's own camera"),
        ({"focus": 2}, "The lens of camera front is set to 2 m (cameras.front.focus)"),
        ({"focus": "auto"}, "Camera front looks for the sharpest picture"),
        ({}, "Camera front looks for the sharpest picture"),
    ],
)
def test_a_lens_is_focused_where_that_is_possible(
    state: State, raw: redis.Redis, settings: dict[str, object], reply: str
) -> None:
    config = Config.model_validate({"cameras": {"front": settings}})
    context = CommandContext(config, state, FakeClock(NOW))
    assert reply in ask(context, "/focus")
    asked = [request.kind for request in requests(raw)]
    assert asked == (["focus"] if "looks for" in reply else [])
    state.set_switch("camera_status", False)
    if asked:
        assert "Camera front is off" in ask(context, "/focus")
        assert len(requests(raw)) == 1


def test_a_camera_without_a_mount_says_so(two_cameras: CommandContext, raw: redis.Redis) -> None:
    assert "garden has no pan-tilt mount" in ask(two_cameras, "/rotate garden 1 2")
    assert "garden has no pan-tilt mount" in ask(two_cameras, "/current_position garden")
    assert raw.get("camera:garden:target") is None


@pytest.mark.parametrize(
    "line",
    ["/rotate 1 2", "/current_position", "/last_image", "/clip"],
)
def test_with_several_cameras_one_must_be_named(
    two_cameras: CommandContext, raw: redis.Redis, line: str
) -> None:
    assert ask(two_cameras, line) == "Which camera? Name it first: front, garden."
    assert not raw.exists("requests", "camera:front:target")


@pytest.mark.parametrize(
    "line", ["/clip attic", "/last_image Attic", "/current_position attic now", "/rotate attic 1 2"]
)
def test_an_unknown_camera_is_answered_with_the_known_ones(
    context: CommandContext, two_cameras: CommandContext, raw: redis.Redis, line: str
) -> None:
    for known, house in (("front", context), ("front, garden", two_cameras)):
        reply = ask(house, line)
        assert reply.lower() == f"there is no camera attic; there are: {known}."
    assert "&lt;b&gt;" in ask(context, "/clip <b>")
    assert not raw.exists("requests", "camera:front:target")


@pytest.mark.parametrize("line", ["/last_image", "/clip"])
def test_a_lost_camera_is_said_to_be_lost_since_when_and_why(
    context: CommandContext, raw: redis.Redis, redis_server: RedisServer, line: str
) -> None:
    watching(context, "lost", Trouble(NOW - timedelta(hours=2), "front gave no answer for 10 s"))
    assert "front is lost since 08:15: front gave no answer for 10 s. " in ask(context, line)
    watching(context, "open", Trouble(NOW, "the disk accepts no files"))
    assert "lost" not in ask(context, line)
    raw.flushall()
    assert "lost" not in ask(context, line)
    redis_server.settle()
    assert "front is lost: its program is silent. " in ask(context, line)


def test_the_position_is_the_reached_one_and_the_target(context: CommandContext) -> None:
    assert "not known" in ask(context, "/current_position")
    context.state.put("camera:front:position", Position(1, 2))
    assert ask(context, "/current_position") == "Camera front points to pan 1°, tilt 2°."
    context.state.put("camera:front:target", Position(3, 4))
    assert "It will turn to pan 3°, tilt 4°" in ask(context, "/current_position")


def test_a_picture_is_requested_with_where_to_send_it(
    context: CommandContext, raw: redis.Redis
) -> None:
    watching(context)
    assert ask(context, "/last_image") == "Taking a picture with camera front …"
    assert requests(raw) == [Request("last_image", NOW, "anna", "front", "U1", reply_to=REPLY_TO)]


def test_with_the_camera_off_the_last_picture_is_sent(
    context: CommandContext, raw: redis.Redis
) -> None:
    ask(context, "/pycam_off")
    assert "no picture from the last day" in ask(context, "/last_image")
    assert requests(raw) == []
    context.state.set_latest("front", Latest(b"jpeg", NOW - timedelta(hours=3)))
    assert "Camera front is off. The last picture was taken at 07:15, 3 h ago" in ask(
        context, "/last_image"
    )
    assert [request.kind for request in requests(raw)] == ["last_image"]


def test_a_clip_is_requested_of_the_named_camera(
    two_cameras: CommandContext, raw: redis.Redis
) -> None:
    watching(two_cameras, camera="garden")
    reply = ask(two_cameras, "/clip garden")
    assert (
        reply == "Recording a clip with camera garden, from 5 s before now until 5 s after; "
        "the clip follows then …"
    )
    assert requests(raw) == [Request("clip", NOW, "anna", "garden", "U1", reply_to=REPLY_TO)]


def test_no_clip_while_disarmed_or_when_clips_are_off(
    context: CommandContext, raw: redis.Redis
) -> None:
    context.state.set_switch("camera_status", False)
    assert (
        ask(context, "/clip")
        == "Camera front is off, so there is nothing to record. /pycam_on turns it on."
    )
    without = CommandContext(
        Config.model_validate({"recording": {"clips": False}}), context.state, context.clock
    )
    assert (
        ask(without, "/clip")
        == "The settings say that no clips are made (recording.clips). /last_image sends a picture."
    )
    assert requests(raw) == []

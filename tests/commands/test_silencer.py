"""/silencer asks the camera's program, and says what its heartbeat reports."""

from datetime import timedelta

import pytest
import redis

from app import protocol
from app.commands.context import CommandContext
from app.protocol import Figure, Heartbeat, Request
from tests.commands.conftest import NOW, ask

LEARNING = "it needs 12 more tags, at least 3 as occupied"


def beating(context: CommandContext, **counters: Figure) -> None:
    """Send a heartbeat of the camera front with these counters of its silencer."""
    named = {f"silencer_{name}": value for name, value in counters.items() if name != "mode"}
    heartbeat = Heartbeat(
        1, NOW - timedelta(hours=2), NOW, {"silencer": counters.get("mode", "off"), **named}
    )
    key = protocol.heartbeat_key("security_system", protocol.host_name(), "front")
    context.state.send_heartbeat(key, heartbeat)


def requests(raw: redis.Redis) -> list[Request]:
    entries: list[tuple[str, dict[str, str]]] = raw.xrange("requests")  # type: ignore[assignment]
    return [protocol.decode(Request, stored["request"]) for _, stored in entries]


@pytest.mark.parametrize("text", ["on", "front on", "FRONT  ON"])
def test_it_asks_the_program_to_switch(
    context: CommandContext, raw: redis.Redis, text: str
) -> None:
    beating(context)
    assert "front is on from now on: it holds back alerts" in ask(context, f"/silencer {text}")
    assert requests(raw) == [Request("silencer_on", NOW, "anna", "front", "U1")]


def test_it_is_switched_off(context: CommandContext, raw: redis.Redis) -> None:
    beating(context, mode="on")
    assert "is off from now on: all alerts are sent." in ask(context, "/silencer off")
    assert [request.kind for request in requests(raw)] == ["silencer_off"]


def test_switching_it_on_says_what_it_needs_first(context: CommandContext) -> None:
    beating(context, lacks=LEARNING)
    assert ask(context, "/silencer on").endswith(f" But {LEARNING}.")


def test_the_status_has_mode_tags_and_what_is_missing(
    context: CommandContext, raw: redis.Redis
) -> None:
    beating(context, tags=48, lacks=LEARNING, false=0, silenced=0)
    assert ask(context, "/silencer").splitlines() == [
        "The silencer of camera front is off: all alerts are sent.",
        f"It has learned from 48 tags; {LEARNING}.",
        "Since 08:15, when the program started, it took 0 alerts for false, and silenced 0.",
    ]
    since = (NOW - timedelta(days=1)).isoformat()
    beating(context, mode="on", since=since, tags=90, bound=0.0041, false=1, silenced=1)
    assert ask(context, "/silencer front status").splitlines() == [
        "The silencer of camera front is on since Thu 10:15.",
        "It has learned from 90 tags. At most 0.4% of people are lost (upper 95 % bound).",
        "Since 08:15, when the program started, it took 1 alert for false, and silenced 1.",
    ]
    beating(context, mode="watching", since="nonsense", bound="much", false="many")
    assert "is off, and watches: after seven days it" in ask(context, "/silencer")
    assert requests(raw) == []


def test_a_silent_program_is_named(context: CommandContext, raw: redis.Redis) -> None:
    assert "is silent, so nothing is known about" in ask(context, "/silencer status")
    assert "is switched on as soon as that runs again" in ask(context, "/silencer on")
    assert len(requests(raw)) == 1


def test_an_earlier_version_is_asked_nothing(context: CommandContext, raw: redis.Redis) -> None:
    key = protocol.heartbeat_key("security_system", protocol.host_name(), "front")
    context.state.send_heartbeat(key, Heartbeat(1, NOW, NOW, {"camera": "open"}))
    assert "is of an earlier version" in ask(context, "/silencer on")
    assert requests(raw) == []


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("attic", "There is no camera attic; there are: front, garden."),
        ("attic on", "There is no camera attic; there are: front, garden."),
        ("on", "Which camera? Name it first: front, garden."),
        ("", "Which camera? Name it first: front, garden."),
        ("front perhaps", "One of status, on, off, as in /silencer front on"),
        ("front on off", "One of status, on, off, as in /silencer front on"),
    ],
)
def test_what_is_not_understood_changes_nothing(
    two_cameras: CommandContext, raw: redis.Redis, text: str, reply: str
) -> None:
    assert ask(two_cameras, f"/silencer {text}").endswith(reply)
    assert requests(raw) == []

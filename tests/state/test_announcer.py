"""A change is announced exactly once, whatever ends the program in between."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from app import protocol
from app.errors import StateUnavailable
from app.protocol import Fact
from app.state import State
from app.state.announcer import Announcement, Announcer
from tests.servers.redis_server import RedisServer

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
SUBJECT = "heartbeat:uploader:pi"


def describe(subject: str, change: str) -> Announcement:
    return Announcement("process_silent", AT, f"{subject} is {change}.", f"settled {change}")


class Scene:
    """An announcer, and the Redis that it publishes to."""

    def __init__(self, server: RedisServer) -> None:
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)

    def announcer(self, scope: str = "") -> Announcer:
        return Announcer(self.state, self.state.mark_heartbeat, describe, scope)

    def stored(self) -> str | None:
        return self.state.heartbeat_marks().get(SUBJECT)

    def facts(self) -> list[Fact]:
        entries = self.raw.xrange("events")
        return [protocol.decode(Fact, stored["fact"]) for _, stored in entries]


@pytest.fixture
def scene(redis_server: RedisServer) -> Iterator[Scene]:
    made = Scene(redis_server)
    with closing(made.state), closing(made.raw):
        yield made


def test_a_change_is_published_and_recorded_as_settled(scene: Scene) -> None:
    announcer = scene.announcer()
    announcer.announce(SUBJECT, "silent")
    assert [(fact.kind, fact.text, fact.at) for fact in scene.facts()] == [
        ("process_silent", f"{SUBJECT} is silent.", AT)
    ]
    assert scene.stored() == "settled silent"


def test_a_pending_change_is_published_once(scene: Scene) -> None:
    for _ in range(2):
        assert scene.announcer().finish(SUBJECT, "to tell: silent") == "settled silent"
    assert len(scene.facts()) == 1


def test_a_settled_value_publishes_nothing(scene: Scene) -> None:
    assert scene.announcer().finish(SUBJECT, "beats") == "beats"
    assert (scene.facts(), scene.stored()) == ([], None)


def test_the_same_change_in_two_scopes_is_two_facts(scene: Scene) -> None:
    for scope in ("uploader-pi ", "uploader-garage "):
        scene.announcer(scope).announce(SUBJECT, "silent")
    assert len({fact.id for fact in scene.facts()}) == 2


@pytest.mark.parametrize("call", ["mark_heartbeat", "publish"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_kill_between_two_steps_repeats_no_fact(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(scene.state, call, failing(getattr(scene.state, call), number))
        with suppress(StateUnavailable):
            scene.announcer().announce(SUBJECT, "silent")
    assert scene.announcer().finish(SUBJECT, scene.stored() or "") == "settled silent"
    assert len(scene.facts()) == 1


def failing(do: Callable[..., None], number: int) -> Callable[..., None]:
    """Return *do*, which fails just after its call *number* (from 0), as a kill would end it."""
    calls = iter(range(number))

    def do_or_fail(*args: object) -> None:
        do(*args)
        if next(calls, None) is None:
            raise StateUnavailable("killed")

    return do_or_fail

"""/tag gives an event the label that somebody names, by the time that /events shows."""

from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.commands.context import CommandContext
from app.protocol import EventRecord, Fact, Request
from tests.commands.conftest import NOW, ask


def happened(context: CommandContext, camera: str = "front", ago_s: float = 600.0) -> str:
    """Let an event of *camera* have been held back *ago_s* seconds ago; return its id."""
    at = NOW - timedelta(seconds=ago_s)
    event = protocol.event_id(at, camera)
    fact = Fact(event, "motion_started", at, "Motion.", camera, event, alert=False)
    context.state.publish(fact, EventRecord(camera, at, decision="held"))
    return event


def label(context: CommandContext, event: str) -> str | None:
    record = context.state.event(event)
    assert record
    return record.label


@pytest.mark.parametrize("text", ["10:05 occupied", "front 10:05:00 OCCUPIED"])
def test_an_event_that_was_held_back_is_tagged(
    context: CommandContext, raw: redis.Redis, text: str
) -> None:
    event = happened(context)
    assert ask(context, f"/tag {text}") == "The event of camera front at 10:05 is occupied."
    assert label(context, event) == "occupied"
    entries: list[tuple[str, dict[str, str]]] = raw.xrange("requests")  # type: ignore[assignment]
    (request,) = (protocol.decode(Request, stored["request"]) for _, stored in entries)
    assert (request.kind, request.event, request.by) == ("tag", event, "anna")


def test_an_event_of_another_day_has_its_day(context: CommandContext) -> None:
    event = happened(context, ago_s=2 * 86_400)
    assert "is unoccupied" in ask(context, "/tag wed 10:15 unoccupied")
    assert "is not tagged any more" in ask(context, "/tag Wed 10:15 undo")
    assert label(context, event) is None


@pytest.mark.parametrize(
    ("ago_h", "later_s", "is_meant"), [(11, 0, True), (11, 6_300, False), (36, 0, False)]
)
def test_a_time_read_before_midnight_holds_until_noon(
    context: CommandContext, ago_h: int, later_s: int, is_meant: bool
) -> None:
    event = happened(context, ago_s=ago_h * 3_600)
    later = replace(context, clock=FakeClock(NOW + timedelta(seconds=later_s)))
    at = NOW - timedelta(hours=ago_h)
    assert ("at Thu 23:15 is occupied" in ask(later, f"/tag {at:%H:%M} occupied")) == is_meant
    assert label(context, event) == ("occupied" if is_meant else None)


def test_a_time_without_a_day_is_rather_of_today(context: CommandContext) -> None:
    yesterday, today = (happened(context, ago_s=ago_s) for ago_s in (87_000, 600))
    assert "at 10:05 is occupied" in ask(context, "/tag 10:05 occupied")
    assert (label(context, yesterday), label(context, today)) == (None, "occupied")


def test_of_several_events_none_is_tagged(context: CommandContext) -> None:
    events = [happened(context, ago_s=ago_s) for ago_s in (600, 590)]
    said = ask(context, "/tag 10:05 occupied")
    assert "Several events are of that time: front 10:05:10, front 10:05:00." in said
    assert [label(context, event) for event in events] == [None, None]
    assert "is occupied" in ask(context, "/tag 10:05:10 occupied")


@pytest.mark.parametrize("text", ["", "10:05", "10:05 cat", "09:00 occupied", "back occupied"])
def test_what_it_cannot_mean_is_answered_by_an_example(context: CommandContext, text: str) -> None:
    happened(context)
    assert "as in /tag 10:15 unoccupied" in ask(context, f"/tag {text}")


def test_a_camera_that_does_not_exist_is_no_time(two_cameras: CommandContext) -> None:
    happened(two_cameras)
    said = ask(two_cameras, "/tag attic 10:05 occupied")
    assert "none of front, garden is of “attic 10:05”" in said
    assert "none of garden is of “10:05”" in ask(two_cameras, "/tag garden 10:05 occupied")

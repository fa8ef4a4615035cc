"""Tags of events, on a real Redis."""

from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from app import protocol
from app.commands.context import CommandContext, Invocation
from app.commands.tagging import TagOutcome, explanation, tag_event
from app.errors import StateUnavailable
from app.protocol import EventRecord, Fact, Label, Request
from app.state import Tag
from tests.commands.conftest import NOW, REPLY_TO
from tests.servers.redis_server import RedisServer

EVENT = protocol.event_id(NOW, "front")
ANNA = Invocation("", "U1", "anna", NOW + timedelta(minutes=5), REPLY_TO)
BEN = replace(ANNA, user="U2", by="ben <!here>")


@pytest.fixture
def house(context: CommandContext) -> CommandContext:
    """The house, with one event."""
    fact = Fact(EVENT, "motion_started", NOW, "Motion.", "front", EVENT)
    context.state.publish(fact, EventRecord("front", NOW))
    return context


def tag(
    house: CommandContext, label: Label | None, person: Invocation = ANNA
) -> tuple[TagOutcome, str | None]:
    outcome = tag_event(EVENT, label, person, house)
    return outcome, explanation(outcome, person)


def test_a_tag_is_stored_and_the_notifier_is_asked(house: CommandContext, raw: redis.Redis) -> None:
    outcome, text = tag(house, "occupied")
    assert (outcome, outcome.changed, text) == (TagOutcome("occupied", Tag()), True, None)
    record = house.state.event(EVENT)
    assert record
    assert (record.label, record.label_by) == ("occupied", "anna")
    entries: list[tuple[str, dict[str, str]]] = raw.xrange("requests")  # type: ignore[assignment]
    assert [protocol.decode(Request, stored["request"]) for _, stored in entries] == [
        Request("tag", ANNA.at, "anna", user="U1", event=EVENT, label="occupied", reply_to=REPLY_TO)
    ]


def test_the_same_tag_again_changes_nothing(house: CommandContext, raw: redis.Redis) -> None:
    tag(house, "occupied")
    outcome, text = tag(house, "occupied")
    assert not outcome.changed
    assert text == "You said occupied already, 10:20."
    assert tag(house, "occupied", BEN)[1] == "anna said occupied already, 10:20."
    assert raw.xlen("requests") == 1


def test_a_change_of_ones_own_tag_needs_no_words(house: CommandContext) -> None:
    tag(house, "occupied")
    assert tag(house, "unoccupied") == (
        TagOutcome("unoccupied", Tag("occupied", "anna", ANNA.at)),
        None,
    )
    assert tag(house, None)[1] is None


def test_a_change_of_anothers_tag_names_the_person(house: CommandContext) -> None:
    tag(house, "occupied", BEN)
    text = tag(house, "unoccupied")[1]
    assert text == "ben <!here> had said occupied 10:20; now it is unoccupied."
    assert tag(house, None, BEN)[1] == "anna had said unoccupied 10:20; now it is not tagged."


def test_without_a_tag_there_is_nothing_to_undo(house: CommandContext) -> None:
    outcome, text = tag(house, None)
    assert not outcome.changed
    assert "nothing to undo" in str(text)


@pytest.mark.parametrize("label", ["occupied", None])
def test_an_unknown_event_cannot_be_tagged(
    house: CommandContext, raw: redis.Redis, label: Label | None
) -> None:
    raw.delete(f"event:{EVENT}")
    outcome, text = tag(house, label)
    assert not outcome.changed
    assert "no longer known" in str(text)


def test_without_redis_nothing_is_tagged(context: CommandContext, dead_redis: RedisServer) -> None:
    with pytest.raises(StateUnavailable):
        tag_event(EVENT, "occupied", ANNA, context)

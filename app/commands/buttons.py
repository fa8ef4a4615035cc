"""Clicks on the buttons of an alert: Occupied, Unoccupied, Undo and Snooze.

A click is looked up, never trusted: its value names an event, which Redis must know. What comes of
a tag the notifier shows, by changing the buttons; what else there is to say goes to who clicked.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import StringConstraints, TypeAdapter, ValidationError

from app import protocol
from app.commands.context import CommandContext, Invocation, plain
from app.commands.registry import PATIENCE_S
from app.commands.snooze import snooze_for
from app.errors import ProtocolError
from app.protocol import Id, Label, ReplyTo, Request, RequestKind
from app.state import Tag, within
from app.times import format_time

SNOOZE = timedelta(hours=1)
#: What each button answers, by its action_id.
ANSWERS = {
    "tag_occupied": "occupied",
    "tag_unoccupied": "unoccupied",
    "tag_undo": "undo",
    "snooze": "snooze",
}
_LABELS: dict[str, Label | None] = {
    "occupied": "occupied",
    "unoccupied": "unoccupied",
    "undo": None,
}
_GONE = "This event is not known any more, so it cannot be tagged; events are kept for 30 days."

_log = logging.getLogger(__name__)

Word = Annotated[str, StringConstraints(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class _Named:
    id: Word
    name: Word | None = None


@dataclass(frozen=True, slots=True)
class _Action:
    action_id: Word
    value: Annotated[str, StringConstraints(max_length=2000)]


@dataclass(frozen=True, slots=True)
class _Payload:
    """What is read of what Slack sends, where much is optional."""

    type: Literal["block_actions"]
    user: _Named
    actions: Annotated[list[_Action], Len(1)]
    channel: _Named | None = None
    response_url: Annotated[str, StringConstraints(max_length=3000)] | None = None


@dataclass(frozen=True, slots=True)
class _Value:
    event: Id
    answer: Literal["occupied", "unoccupied", "undo", "snooze"]


@dataclass(frozen=True, slots=True)
class Click:
    """A click: on which button of which event, and by whom."""

    event: str
    answer: str
    asked: Invocation


_PAYLOAD = TypeAdapter(_Payload)
_VALUE = TypeAdapter(_Value)


def read_click(payload: object, house: CommandContext) -> Click:
    """The click in *payload*, Slack's JSON or what it decodes to; `ProtocolError` when there is
    none on a button of ours.
    """
    try:
        found = _read_payload(payload)
        action = found.actions[0]
        value = _VALUE.validate_json(action.value)
    except ValidationError as error:
        raise ProtocolError(f"not a click: {protocol.reasons(error)}") from None
    if ANSWERS.get(action.action_id) != value.answer:
        raise ProtocolError(f"the button {action.action_id[:40]!r} does not say {value.answer}")
    protocol.event_started_at(value.event)
    reply_to = ReplyTo(found.response_url, found.channel.id if found.channel else None)
    by = found.user.name or found.user.id
    return Click(
        value.event, value.answer, Invocation("", found.user.id, by, house.clock.now(), reply_to)
    )


def take_click(click: Click, house: CommandContext) -> None:
    """Do what *click* asks for. `StateUnavailable` when Redis is away or slow; nothing is done
    then, as far as is known.
    """
    with within(PATIENCE_S):
        said = (
            snooze_for(SNOOZE, click.asked, house)
            if click.answer == "snooze"
            else _tag(click, house)
        )
        if said:
            house.state.add_request(_request("say", click, text=said))
    _log.info("%s clicked %s on %s", click.asked.by, click.answer, click.event)


def _tag(click: Click, house: CommandContext) -> str | None:
    """Tag the event; returns what there is to say that the changed buttons do not."""
    label = _LABELS[click.answer]
    was = house.state.tag(_request("tag", click, label=label))
    if was is None:
        return _GONE
    if was.label == label:
        return (
            _said_already(was, click)
            if label
            else "Nobody has tagged this event, so there is nothing to undo."
        )
    if was.label is None or was.by == click.asked.by:
        return None
    return (
        f"{_who(was)} had said {was.label} {_when(was, click)}; now it is {label or 'not tagged'}."
    )


def _said_already(was: Tag, click: Click) -> str:
    who = "You" if was.by == click.asked.by else _who(was)
    return f"{who} said {was.label} already, {_when(was, click)}."


def _who(was: Tag) -> str:
    return plain(was.by or "Somebody")


def _when(was: Tag, click: Click) -> str:
    return format_time(was.at, click.asked.at) if was.at else "some time ago"


def _request(
    kind: RequestKind, click: Click, label: Label | None = None, text: str | None = None
) -> Request:
    asked = click.asked
    return Request(
        kind,
        asked.at,
        asked.by,
        user=asked.user,
        event=click.event,
        label=label,
        reply_to=asked.reply_to,
        text=text,
    )


def _read_payload(payload: object) -> _Payload:
    read: _Payload = (
        _PAYLOAD.validate_json(payload)
        if isinstance(payload, str | bytes)
        else _PAYLOAD.validate_python(payload)
    )
    return read

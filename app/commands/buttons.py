"""The buttons of an alert in Slack: Occupied, Unoccupied, Undo and Snooze.

A click is never trusted: its value names an event, which must be in Redis. The notifier shows a new
tag by changing the buttons; only the person who clicked gets any other reply.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import StringConstraints, TypeAdapter, ValidationError

from app import protocol
from app.commands.context import CommandContext, Invocation, address
from app.commands.registry import PATIENCE_S
from app.commands.snooze import snooze_for
from app.commands.tagging import explanation, tag_event
from app.errors import ProtocolError
from app.mrkdwn import one_line
from app.protocol import Id, Label, Request
from app.state import within

SNOOZE = timedelta(hours=1)
#: The value of each button, by its action_id.
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

_log = logging.getLogger(__name__)

Word = Annotated[str, StringConstraints(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class _Named:
    id: Word
    name: Word | None = None


@dataclass(frozen=True, slots=True)
class _ButtonAction:
    action_id: Word
    value: Annotated[str, StringConstraints(max_length=2000)]


@dataclass(frozen=True, slots=True)
class _Payload:
    """The fields of Slack's payload that are used; Slack may leave out the optional ones."""

    type: Literal["block_actions"]
    user: _Named
    actions: Annotated[list[_ButtonAction], Len(1)]
    channel: _Named | None = None
    response_url: Annotated[str, StringConstraints(max_length=3000)] | None = None


@dataclass(frozen=True, slots=True)
class _ButtonValue:
    event: Id
    answer: Literal["occupied", "unoccupied", "undo", "snooze"]


@dataclass(frozen=True, slots=True)
class Click:
    """A person's click: *event* is the id of the alert's event, *answer* is the button's value."""

    event: str
    answer: str
    invocation: Invocation


_PAYLOAD = TypeAdapter(_Payload)
_VALUE = TypeAdapter(_ButtonValue)


def read_click(payload: object, context: CommandContext) -> Click:
    """Return the click in *payload*, Slack's JSON or the decoded object.

    Raises `ProtocolError` when it has no click on one of our buttons.
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
    channel = found.channel.id if found.channel else None
    reply_to = address(found.response_url, channel, context.config)
    by = found.user.name or found.user.id
    invocation = Invocation("", found.user.id, by, context.clock.now(), reply_to)
    return Click(value.event, value.answer, invocation)


def handle_click(click: Click, context: CommandContext) -> None:
    """Do what *click* asks for.

    Raises `StateUnavailable` when Redis is away or slow; then probably nothing was done.
    """
    with within(PATIENCE_S):
        if click.answer == "snooze":
            answer: str | None = snooze_for(SNOOZE, click.invocation, context)
        else:
            answer = _tag(click, context)
        if answer:
            context.state.add_request(reply_to_click(click, answer))
    _log.info("%s clicked %s on %s", click.invocation.by, click.answer, click.event)


def _tag(click: Click, context: CommandContext) -> str | None:
    """Tag the event; returns what to tell the person in addition to the changed buttons."""
    outcome = tag_event(click.event, _LABELS[click.answer], click.invocation, context)
    text = explanation(outcome, click.invocation)
    return text and one_line(text)


def reply_to_click(click: Click, text: str) -> Request:
    """Return the request that the notifier sends *text* to the person who clicked."""
    invocation = click.invocation
    return Request(
        "say",
        invocation.at,
        invocation.by,
        user=invocation.user,
        event=click.event,
        reply_to=invocation.reply_to,
        text=text,
    )


def _read_payload(payload: object) -> _Payload:
    if isinstance(payload, str | bytes):
        return _PAYLOAD.validate_json(payload)
    return _PAYLOAD.validate_python(payload)

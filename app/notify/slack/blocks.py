"""The blocks of messages in Slack."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.mrkdwn import escaped
from app.notify.base import Digest, Message

Block = dict[str, Any]

#: The action ids of the buttons, by the value of each button.
ACTIONS = {
    "occupied": "tag_occupied",
    "unoccupied": "tag_unoccupied",
    "snooze": "snooze",
    "undo": "tag_undo",
}
_LINES_IN_DIGEST = 10
_LONGEST_TEXT = 2900
_LONGEST_ALT_TEXT = 1900


@dataclass(frozen=True, slots=True)
class ShownTag:
    """The tag of an event for Slack; *who* is the person who gave it, in mrkdwn.

    *removes* says that picture and clip are soon removed.
    """

    label: str
    who: str
    at: datetime
    removes: bool = False


def shown_time(at: datetime, form: str = "{date_short_pretty} {time_secs}") -> str:
    """Return *at* in the reader's time zone, or in the house's where Slack cannot do that."""
    return f"<!date^{int(at.timestamp())}^{form}|{house_time(at)}>"


def house_time(at: datetime) -> str:
    """Return *at* in the time zone of the house."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def section(text: str) -> Block:
    """Return *text*, in mrkdwn, cut to the length that Slack accepts."""
    cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut}}


def context(text: str) -> Block:
    """Return *text*, in mrkdwn, in small letters."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def picture(file: str, alt_text: str) -> Block:
    """Return the picture in *file*, the id of an uploaded file."""
    alt_text = alt_text[:_LONGEST_ALT_TEXT] or "a picture"
    return {"type": "image", "slack_file": {"id": file}, "alt_text": alt_text}


def alert(message: Message, file: str | None, remark: str | None) -> list[Block]:
    """Return an alert with the picture in *file*, or a *remark* why it has none.

    An alert about an event has buttons to tag it.
    """
    blocks = [section(headline(message))]
    if file:
        blocks.append(picture(file, f"{message.text} {house_time(message.at)}"))
    if remark:
        blocks.append(context(escaped(remark)))
    if message.event:
        blocks.append(tag_buttons(message.event))
    return blocks


def reply(text: str, file: str | None, remark: str | None) -> list[Block]:
    """Return *text*, not escaped yet, with the picture in *file* and a *remark*."""
    blocks = [section(escaped(text))]
    if file:
        blocks.append(picture(file, text))
    if remark:
        blocks.append(context(escaped(remark)))
    return blocks


def clip(text: str, link: str | None, remark: str | None) -> list[Block]:
    """Return *text*, in mrkdwn, about a clip that Slack does not have.

    The clip is at *link*, which works for an hour, or where *remark* says.
    """
    if link:
        text = f"{text}\n<{escaped(link)}|Watch the clip> (for an hour)"
    blocks = [section(text)]
    if remark:
        blocks.append(context(escaped(remark)))
    return blocks


def headline(message: Message) -> str:
    """Return the text of *message*, and below it its correction, camera, time and person score."""
    facts = [escaped(message.camera)] if message.camera else []
    facts.append(shown_time(message.at))
    if message.score is not None:
        facts.append(f"person {message.score:.0%}")
    lines = [f"*{escaped(text)}*" for text in (message.text, message.correction) if text]
    return "\n".join([*lines, "  ·  ".join(facts)])


def fallback(text: str, correction: str | None) -> str:
    """Return the *text* of an alert with its *correction*, for a screen that shows no blocks."""
    return f"{text} {correction}" if correction else text


def tag_buttons(event: str, *, snooze: bool = True) -> Block:
    """Return the buttons below an alert; they have no colours, which would suggest a choice."""
    buttons = [
        _button("Occupied", ACTIONS["occupied"], event, "occupied"),
        _button("Unoccupied", ACTIONS["unoccupied"], event, "unoccupied"),
    ]
    if snooze:
        buttons.append(_button("Snooze 1 h", ACTIONS["snooze"], event, "snooze"))
    return _buttons(*buttons)


def tagged(event: str, tag: ShownTag) -> list[Block]:
    """Return the blocks in place of the buttons after *event* was tagged."""
    text = f"Tagged as {tag.label} by {tag.who}, {shown_time(tag.at, '{time}')}"
    if tag.removes:
        text += ". The picture and the clip are removed from Slack after a minute."
    return [
        context(text),
        _buttons(_button("Undo", ACTIONS["undo"], event, "undo")),
    ]


def digest_title(digest: Digest) -> str:
    """Return the number of messages, as the fallback text and the first line of *digest*."""
    return f"{len(digest.messages)} alerts while you could not be reached"


def digest(
    content: Digest, files: Sequence[tuple[Message, str]], remark: str | None
) -> list[Block]:
    """Return a digest with the newest pictures; *files* has pairs of message and file id.

    Each alert with a picture has buttons to tag it.
    """
    blocks = [section(_digest_text(content))]
    other = [message for message in content.messages if not message.event]
    if other:
        blocks.append(section("\n".join(_digest_lines(other))))
    for message, file in files:
        blocks += _digest_picture(message, file)
    if remark:
        blocks.append(context(escaped(remark)))
    blocks.append(
        context("All these events and their clips are stored at home; /events lists the newest.")
    )
    return blocks


def loaded(text: str | None) -> list[Block]:
    """Return the blocks that are stored as the JSON *text*; none if it is anything else."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    are_blocks = isinstance(found, list) and all(isinstance(block, dict) for block in found)
    return found if are_blocks else []


def events_in_digest(shown: Sequence[Block]) -> dict[str, str]:
    """Return the events whose pictures the blocks *shown* of a digest have, with their files."""
    return {
        block["block_id"].removeprefix("picture "): block["slack_file"]["id"]
        for block in shown
        if block.get("block_id", "").startswith("picture ")
    }


def with_changes(
    shown: Sequence[Block],
    tags: Mapping[str, ShownTag | None],
    corrections: Mapping[str, str],
    removed: Collection[str],
) -> list[Block]:
    """Return the blocks *shown* of a digest with the *tags* and *corrections* of its events.

    The events in *removed* have no picture any more.
    """
    return [new for block in shown for new in _changed(block, tags, corrections, removed)]


def _changed(
    block: Block,
    tags: Mapping[str, ShownTag | None],
    corrections: Mapping[str, str],
    removed: Collection[str],
) -> Iterator[Block]:
    part, _, event = block.get("block_id", "").partition(" ")
    correction = corrections.get(event)
    match part, block:
        case "tag", _ if tag := tags.get(event):
            yield from tagged(event, tag)
        case "place", {"elements": [{"text": str(text)}]} if correction:
            yield block | context(f"{text}  ·  *{escaped(correction)}*")
        case "picture", _ if event in removed:
            return
        case _:
            yield block


def _digest_picture(message: Message, file: str) -> list[Block]:
    """Return the blocks of one picture in a digest; the ids of those of an event name it."""
    shown = picture(file, f"{message.text} {house_time(message.at)}")
    place = context(f"{escaped(message.camera or '')}  ·  {shown_time(message.at)}")
    if message.event is None:
        return [shown, place]
    buttons = tag_buttons(message.event, snooze=False)
    return [
        shown | {"block_id": f"picture {message.event}"},
        place | {"block_id": f"place {message.event}"},
        buttons | {"block_id": f"tag {message.event}"},
    ]


def _digest_text(content: Digest) -> str:
    """Return the number of messages, their first and last time, and the events per camera."""
    cameras = Counter(
        message.camera for message in content.messages if message.event and message.camera
    )
    counts = ", ".join(f"{name}: {count}" for name, count in sorted(cameras.items()))
    span = f"{shown_time(content.messages[0].at)} to {shown_time(content.messages[-1].at)}"
    lines = [f"*{digest_title(content)}*", span, escaped(counts)]
    return "\n".join(line for line in lines if line)


def _digest_lines(messages: Sequence[Message]) -> list[str]:
    shown = messages[-_LINES_IN_DIGEST:]
    lines = [f"• {shown_time(message.at)}  {escaped(message.text)}" for message in shown]
    if len(messages) > len(shown):
        lines.insert(0, f"… and {len(messages) - len(shown)} more before")
    return lines


def _buttons(*buttons: Block) -> Block:
    return {"type": "actions", "elements": list(buttons)}


def _button(text: str, action: str, event: str, answer: str) -> Block:
    value = json.dumps({"event": event, "answer": answer})
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": text},
        "action_id": action,
        "value": value,
    }

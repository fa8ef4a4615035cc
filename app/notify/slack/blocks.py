"""What messages in Slack look like."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.notify.base import Digest, Message

Block = dict[str, Any]

#: What the buttons are called, by the answer they carry.
ACTIONS = {
    "occupied": "tag_occupied",
    "unoccupied": "tag_unoccupied",
    "snooze": "snooze",
    "undo": "tag_undo",
}
_SAID = {"occupied": "Occupied", "unoccupied": "Unoccupied"}
_LINES_IN_DIGEST = 10
_TEXT_MAX = 2900


def escaped(text: str) -> str:
    """*text* so that Slack shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shown_time(at: datetime, form: str = "{date_short_pretty} {time_secs}") -> str:
    """*at* in the reader's own time; where that cannot be shown, in the house's."""
    return f"<!date^{int(at.timestamp())}^{form}|{house_time(at)}>"


def house_time(at: datetime) -> str:
    """*at* by the clock of the house."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def section(text: str) -> Block:
    """*text*, in Slack's mrkdwn, which is cut when it is too long for Slack."""
    return {
        "type": "section",
        "text": {
            "type": "mrkdwn",
            "text": text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…",
        },
    }


def context(text: str) -> Block:
    """*text* in small."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def picture(file: str, alt_text: str) -> Block:
    """The picture in *file*, which Slack has."""
    return {"type": "image", "slack_file": {"id": file}, "alt_text": alt_text[:1900] or "a picture"}


def alert(message: Message, file: str | None, remark: str | None) -> list[Block]:
    """An alert with its picture in *file*, or with a *remark* why it has none, and with buttons if
    it may be tagged.
    """
    blocks = [section(headline(message.text, message.camera, message.at, message.score))]
    if file:
        blocks.append(picture(file, f"{message.text} {house_time(message.at)}"))
    if remark:
        blocks.append(context(escaped(remark)))
    if message.event:
        blocks.append(tag_buttons(message.event))
    return blocks


def film(text: str, link: str | None, remark: str | None) -> list[Block]:
    """*text*, in Slack's mrkdwn, of a film that is not shown but at *link*, if there is one, or
    where *remark* says.
    """
    shown = [section(f"{text}\n<{escaped(link)}|Look at the film> (for an hour)" if link else text)]
    return shown + ([context(escaped(remark))] if remark else [])


def headline(text: str, camera: str | None, at: datetime, score: float | None) -> str:
    """What, and below it which camera, when, and how surely a person."""
    facts = [escaped(camera)] if camera else []
    facts.append(shown_time(at))
    if score is not None:
        facts.append(f"person {score:.0%}")
    return f"*{escaped(text)}*\n{'  ·  '.join(facts)}"


def tag_buttons(event: str) -> Block:
    """The buttons below an alert. Neither answer is coloured: a colour would suggest one."""
    return _buttons(
        _button("Occupied", ACTIONS["occupied"], event, "occupied"),
        _button("Unoccupied", ACTIONS["unoccupied"], event, "unoccupied"),
        _button("Snooze 1 h", ACTIONS["snooze"], event, "snooze"),
    )


def tagged(event: str, label: str, who: str, at: datetime) -> list[Block]:
    """What stands in the buttons' place once somebody has said what *event* is."""
    return [
        context(f"{_SAID[label]}, said {who} {shown_time(at, '{time}')}"),
        _buttons(_button("Undo", ACTIONS["undo"], event, "undo")),
    ]


def digest_text(digest: Digest) -> str:
    """How many, from when to when, and from which cameras."""
    first, last = digest.messages[0].at, digest.messages[-1].at
    cameras = Counter(
        message.camera for message in digest.messages if message.event and message.camera
    )
    counted = ", ".join(f"{name}: {count}" for name, count in sorted(cameras.items()))
    span = f"{shown_time(first)} to {shown_time(last)}"
    return f"*{len(digest.messages)} alerts while there was no way to you*\n{span}" + (
        f"\n{escaped(counted)}" if counted else ""
    )


def digest_blocks(
    digest: Digest, files: Sequence[tuple[Message, str]], remark: str | None
) -> list[Block]:
    """The digest with the newest pictures. Its alerts have no buttons of their own: each that is
    shown would need three.
    """
    blocks = [section(digest_text(digest))]
    other = [message for message in digest.messages if not message.event]
    if other:
        lines = [
            f"• {shown_time(message.at)}  {escaped(message.text)}"
            for message in other[-_LINES_IN_DIGEST:]
        ]
        more = (
            [f"… and {len(other) - _LINES_IN_DIGEST} more before"]
            if len(other) > _LINES_IN_DIGEST
            else []
        )
        blocks.append(section("\n".join(more + lines)))
    for message, file in files:
        blocks.append(picture(file, f"{message.text} {house_time(message.at)}"))
        blocks.append(context(f"{escaped(message.camera or '')}  ·  {shown_time(message.at)}"))
    if remark:
        blocks.append(context(escaped(remark)))
    blocks.append(
        context(
            "All of them, and what was filmed of them, are kept at home; /events lists the newest."
        )
    )
    return blocks


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

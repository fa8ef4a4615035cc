"""The deliveries of an event, and its copies in the stores, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.config import Config
from app.protocol import Stage
from app.protocol.deliveries import DELIVERED, HELD, STAGES, UNTOLD, correction_in, stage_mark
from app.times import format_time, utc_time
from app.uploads.markers import read_confirmations

#: What follows the name of a channel that sends clips.
_CLIPS = "_clips"
_SNOOZED = "snoozed until "
_STORES = {"s3": "S3", "folder": "the folder of copies"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """The state, in *words*, of a thing of an event in a channel or store, *where*."""

    what: str
    where: str
    words: str


def deliveries(what: str, marks: Mapping[str, str], now: datetime) -> list[Sentence]:
    """Return how far each channel is with *what*, the alert or the clip that has these *marks*."""
    return [
        Sentence(what, _channel_words(channel), _progress(channel, marks, now))
        for channel in sorted(_channels(marks))
        if channel.endswith(_CLIPS) or what == "Alert"
    ]


def remarks(marks: Mapping[str, str], now: datetime) -> list[str]:
    """Return in sentences what holds for all channels."""
    found = []
    if held := marks.get(HELD.name):
        at, _, why = held.partition(" ")
        found.append(f"No channel sent the alert{_at(at, now)}, since {_held_words(why, now)}.")
    if UNTOLD.name in marks:
        found.append("The event was no alert, so no channel sent anything.")
    if correction := correction_in(marks):
        found.append(f"Later the message was corrected: {correction}")
    return found


def uploads(folder: Path, files: Iterable[str], config: Config, now: datetime) -> list[Sentence]:
    """Return which stores have the *files* in the *folder* of an event."""
    wanted = {"s3": config.s3.bucket, "folder": config.uploads.folder}
    found = []
    for name in files:
        confirmed = read_confirmations(folder / name)
        for store, words in _STORES.items():
            if one := confirmed.get(store):
                found.append(Sentence(name, words, f"stored{_at(one.at, now)}"))
            elif wanted[store]:
                found.append(Sentence(name, words, "waits for its upload"))
    return found


def _held_words(why: str, now: datetime) -> str:
    """Return the reason of the notifier for holding alerts back in everyday words."""
    if why.startswith(_SNOOZED):
        until = _at(why.removeprefix(_SNOOZED), now).removeprefix(" at ")
        return f"alerts were snoozed until {until}" if until else "alerts were snoozed"
    return "alerts were switched off"


def _channels(marks: Mapping[str, str]) -> set[str]:
    prefix = DELIVERED.of("")
    found = {name.removeprefix(prefix) for name in marks if name.startswith(prefix)}
    staged = (name for name in marks if any(stage.matches(name) for stage in STAGES))
    return found | {name.partition(":")[0] for name in staged if marks[name]}


def _channel_words(channel: str) -> str:
    name = channel.removesuffix(_CLIPS)
    kind, _, number = name.partition("-")
    words = {
        "slack": "Slack",
        "folder": "the folder of alerts",
        "twilio": "text message",
        "apprise": "Apprise",
    }.get(kind, kind)
    return f"{words} {number}".strip()


def _progress(channel: str, marks: Mapping[str, str], now: datetime) -> str:
    """Return how far *channel* is."""

    def stage(one: Stage) -> str:
        return marks.get(stage_mark(channel, one), "")

    deleted = ", and deleted there after the tag" if stage(Stage.DELETED) else ""
    if why := stage(Stage.SKIPPED):
        return f"not sent, since {why}"
    if why := stage(Stage.GIVEN_UP):
        return f"not shown: {why}"
    at = marks.get(DELIVERED.of(channel))
    if at is not None:
        together = ", in one message with others" if stage(Stage.DIGEST) else ""
        return f"delivered{_at(at, now)}{together}{deleted}"
    if stage(Stage.POSTED):
        return f"shown, and not finished yet{deleted}"
    failures = stage(Stage.FAILURES)
    return f"waits, after {failures} failures" if failures not in ("", "0") else "begun"


def _at(text: str, now: datetime) -> str:
    try:
        return f" at {format_time(utc_time(text), now)}"
    except (ValueError, OverflowError):
        return ""

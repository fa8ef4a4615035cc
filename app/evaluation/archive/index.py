"""The events of an archive, by the names of its files, and what is known of each.

The names may be those of `data_dir/events` or those of a store. Files that are damaged, or not as
the suite writes them, are skipped, each with the reason.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from app.errors import ProtocolError
from app.evaluation.archive.files import ArchiveFiles
from app.protocol import (
    EVENT_ID,
    EventRecord,
    Label,
    event_camera,
    event_from_plain,
    event_started_at,
)

#: The largest JSON file that is read, in bytes. Real ones have some hundred.
_LARGEST_JSON = 2**20
_ID = EVENT_ID.pattern
_IN_EVENTS = re.compile(
    rf"(?:.*/)?(?P<id>{_ID})/"
    r"(?P<file>event\.json|label\.json|sample\.tar|clip\.mp4|snapshot\.jpg|snapshot-clean\.jpg)"
)
_IN_STORE = re.compile(
    rf"(?:.*/)?(?P<place>training|labels|clips)/(?P<id>{_ID})\.(?P<end>tar|json|mp4|jpg)"
)
_STORED_AS = {
    ("training", "tar"): "sample.tar",
    ("labels", "json"): "label.json",
    ("clips", "mp4"): "clip.mp4",
    ("clips", "jpg"): "snapshot.jpg",
}


@dataclass(slots=True)
class ArchivedEvent:
    """An event or a quiet moment: *files* has the names of its files in the archive.

    *record* is None where only the sample is there, as in a store. *label* is its tag.
    """

    id: str
    camera: str
    started_at: datetime
    files: dict[str, str] = field(default_factory=dict)
    record: EventRecord | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """The *events* of an archive, oldest first, and the files that were *skipped*, with reasons."""

    files: ArchiveFiles
    events: tuple[ArchivedEvent, ...]
    skipped: dict[str, str]

    def tagged(self) -> list[ArchivedEvent]:
        """Return the events that somebody has tagged."""
        return [one for one in self.events if one.label]


def read_archive(
    files: ArchiveFiles, follow: Callable[[list[ArchivedEvent]], Iterable[ArchivedEvent]] = iter
) -> Archive:
    """Return the archive in *files*; *follow* may show a progress bar while events are read."""
    found: dict[str, ArchivedEvent] = {}
    skipped: dict[str, str] = {}
    for name in files.names():
        place = _place(name)
        if place is None:
            continue
        event, file = place
        try:
            known = found.setdefault(
                event, ArchivedEvent(event, event_camera(event), event_started_at(event))
            )
        except ProtocolError as error:
            skipped[name] = str(error)
            continue
        known.files.setdefault(file, name)
    events = sorted(found.values(), key=lambda one: one.id)
    for event_ in follow(events):
        _read_record(files, event_, skipped)
        _read_label(files, event_, skipped)
    return Archive(files, tuple(events), files.skipped | skipped)


def _place(name: str) -> tuple[str, str] | None:
    """Return the event to which the file *name* belongs, and what it is; None for other files."""
    if match := _IN_EVENTS.fullmatch(name):
        return match["id"], match["file"]
    if match := _IN_STORE.fullmatch(name):
        file = _STORED_AS.get((match["place"], match["end"]))
        return (match["id"], file) if file else None
    return None


def _read_record(files: ArchiveFiles, event: ArchivedEvent, skipped: dict[str, str]) -> None:
    name = event.files.get("event.json")
    fields = _read_json(files, name, event.id, "id", skipped) if name else None
    if name is None or fields is None:
        return
    usual = {"camera": event.camera, "started_at": event.started_at}
    try:
        event.record = event_from_plain(usual | fields)
    except ProtocolError as error:
        skipped[name] = str(error)


def _read_label(files: ArchiveFiles, event: ArchivedEvent, skipped: dict[str, str]) -> None:
    name = event.files.get("label.json")
    fields = _read_json(files, name, event.id, "event", skipped) if name else None
    if name is None or fields is None:
        return
    label = fields.get("label")
    if label in get_args(Label):
        event.label = label
    elif label is not None:
        skipped[name] = "its label is neither occupied nor unoccupied"


def _read_json(
    files: ArchiveFiles, name: str, event: str, id_key: str, skipped: dict[str, str]
) -> dict[str, Any] | None:
    """Return the fields in the file *name* of *event*; None, with the reason in *skipped*."""
    try:
        with files.open(name, _LARGEST_JSON) as file:
            fields = json.loads(file.read())
    except OSError as error:
        skipped[name] = error.strerror or str(error)
        return None
    except (ValueError, RecursionError):
        skipped[name] = "it is not JSON"
        return None
    if not isinstance(fields, dict):
        skipped[name] = "it holds no fields"
    elif fields.get(id_key, event) != event:
        skipped[name] = "it is of another event"
    else:
        return fields
    return None

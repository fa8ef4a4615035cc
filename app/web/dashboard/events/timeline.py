"""The page Timeline: the events, newest first, by day."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask import Blueprint, render_template, request

from app.people.classes import COCO, VOC
from app.protocol import CAMERA_NAME
from app.web.dashboard.context import dashboard
from app.web.dashboard.events.day_strip import COLOURS, DayStrip, strip_of
from app.web.dashboard.events.index import Occurring
from app.web.dashboard.events.row import EventFilter, EventRow, new_row
from app.web.dashboard.events.words import (
    day_words,
    fate_of,
    length_of,
    like_words,
    place_of,
    what_was,
)

page = Blueprint("timeline", __name__)

PAGE_EVENTS = 50
_LABELS: Mapping[str, str] = {
    "occupied": "Occupied",
    "unoccupied": "Unoccupied",
    "untagged": "Not tagged",
}
_DECISIONS: Mapping[str, str] = {
    "sent": "Alert sent",
    "held": "Alert held back",
    "silenced": "Alert silenced",
    "waiting": "Alert waits",
    "asked": "Clip asked for",
}


@dataclass(frozen=True, slots=True)
class DayPart:
    """The events of one day that are on a page, and the strip of the whole day."""

    day: date
    heading: str
    strip: DayStrip
    rows: tuple[EventRow, ...]


@page.get("/timeline")
def show() -> str:
    """Show a page of events."""
    wanted, before, ignored = _asked()
    board = dashboard()
    rows = board.events.page(wanted, before, PAGE_EVENTS + 1)
    shown, now = rows[:PAGE_EVENTS], board.clock.now()
    parts = list(_by_day(shown, wanted, now.astimezone().date()))
    known = board.events.known()
    return render_template(
        "timeline.html",
        parts=parts,
        older=shown[-1].id if len(rows) > PAGE_EVENTS else None,
        before=before,
        wanted=wanted,
        chosen={name: value for name, value in asdict(wanted).items() if value},
        ignored=ignored,
        trouble=board.events.trouble,
        newest=shown[0].id if shown and not before else "",
        all_cameras=sorted({*board.config.cameras, *known.cameras}),
        labels=_LABELS,
        kinds=_kinds(known, wanted.what),
        colours=[one for one in COLOURS if any(one in part.strip.colours for part in parts)],
        now=now,
        words={
            "what": what_was,
            "fate": fate_of,
            "length": length_of,
            "like": like_words,
            "place": place_of,
        },
    )


def _by_day(rows: list[EventRow], wanted: EventFilter, today: date) -> Iterator[DayPart]:
    """Yield the *rows* of a page by day, with the strips of all that *wanted* accepts."""
    for day, same in groupby(rows, key=lambda row: row.day):
        strip = strip_of(day, dashboard().events.of_day(day, wanted))
        yield DayPart(day, day_words(day, today), strip, tuple(same))


def _kinds(known: Occurring, chosen: str | None) -> dict[str, str]:
    """Return the values and words of the filter of what happened: those that occur."""
    found = {*known.classes, *known.decisions, chosen or "", "asked" if known.asked else ""}
    decisions = {name: words for name, words in _DECISIONS.items() if name in found}
    classes = {name: name.capitalize() for name in sorted(found - decisions.keys() - {""})}
    return classes | decisions


@page.get("/timeline/newer")
def newer() -> dict[str, int]:
    """Return how many events are newer than the event `than`, at most a page of them."""
    wanted, _, _ = _asked()
    than = request.args.get("than", "")
    found = dashboard().events.page(wanted, None, PAGE_EVENTS)
    return {"count": sum(row.id > than for row in found), "most": PAGE_EVENTS}


def _asked() -> tuple[EventFilter, str | None, list[str]]:
    """Return the filter and the cursor in the address, and the names of senseless values."""
    found: dict[str, Any] = {}
    ignored = []
    for name, check in _CHECKS.items():
        if value := request.args.get(name, "").strip():
            try:
                found[name] = check(value)
            except ValueError:
                ignored.append(name)
    before = found.pop("before", None)
    return EventFilter(**found), before, ignored


def _one_of(value: str, known: Container[str]) -> str:
    if value not in known:
        raise ValueError(value)
    return value


def _camera(value: str) -> str:
    if not CAMERA_NAME.fullmatch(value):
        raise ValueError(value)
    return value


def _day(value: str) -> date:
    day = date.fromisoformat(value)
    if not 1970 <= day.year < 9998:
        raise ValueError(value)
    return day


_CLASSES = {*COCO.values(), *VOC.values()}
#: The words that an address may have, and a check of each that raises `ValueError`.
_CHECKS: Mapping[str, Callable[[str], object]] = {
    "camera": _camera,
    "label": lambda value: _one_of(value, _LABELS),
    "what": lambda value: _one_of(value, _DECISIONS.keys() | _CLASSES),
    "day": _day,
    "before": lambda value: new_row(value).id,
}

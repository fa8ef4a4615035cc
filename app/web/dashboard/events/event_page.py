"""The page of one event: its picture and clip, why it opened, and what was sent where."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from app.alert_text import described
from app.commands.tagging import explanation, tag_event
from app.errors import ProtocolError, StateUnavailable
from app.protocol import (
    EventRecord,
    Label,
    event_fact_id,
    event_from_plain,
    event_started_at,
    host_name,
)
from app.recording.event_folder import SNAPSHOT, EventFolders, clip_name
from app.web.dashboard.context import Dashboard, dashboard
from app.web.dashboard.events.deliveries import Sentence, deliveries, remarks, uploads
from app.web.dashboard.events.media import MediaFiles, checked_event, files_of
from app.web.dashboard.events.plot import plot_of
from app.web.dashboard.events.row import EventRow
from app.web.dashboard.events.words import day_words, fate_of, length_of, place_of, what_was

page = Blueprint("event", __name__)

_LABELS: Mapping[str, Label | None] = {
    "occupied": "occupied",
    "unoccupied": "unoccupied",
    "undo": None,
}
#: The most parts of a clip whose deliveries are shown.
_MOST_PARTS = 10
_REDIS_AWAY = "Redis is not reachable just now, so the label was not changed. Please try again."


@dataclass(frozen=True, slots=True)
class _Sent:
    """The deliveries of an event; None where Redis does not answer or has forgotten it."""

    sentences: list[Sentence] | None = None
    remarks: list[str] | None = None


@page.get("/event/<event>")
def show(event: str) -> str:
    """Show the event."""
    board, row = dashboard(), _row(event)
    now, files = board.clock.now(), files_of(event)
    folders = EventFolders(board.config.data_dir)
    trace = folders.trace(event, row.started_at)
    record, sent = _known(board, event, files)
    names = [*map(clip_name, files.clips), *([SNAPSHOT] if files.has_snapshot else [])]
    older = board.events.page(before=event, count=1)
    local = row.started_at.astimezone()
    return render_template(
        "event.html",
        shown_page="timeline",
        row=row,
        files=files,
        record=record,
        clip_trouble=_clip_trouble(row, files),
        part=_chosen_part(files),
        is_clean=request.args.get("picture") == "clean" and files.has_clean,
        local=local,
        day=day_words(local.date(), now.astimezone().date()),
        what=what_was(row),
        place=place_of(row),
        length=length_of(row, now),
        fate=fate_of(row),
        like=[(one, event_started_at(one).astimezone()) for one in row.like],
        evidence=described(record.evidence, record.seen) if record and record.evidence else None,
        plot=trace and plot_of(trace),
        sent=sent,
        uploads=uploads(folders.folder(event, row.started_at), names, board.config, now),
        newer=board.events.after(event),
        older=older[0] if older else None,
        trouble=board.events.trouble,
    )


@page.post("/event/<event>/label")
def label(event: str) -> Response:
    """Give the event a label, or remove it."""
    chosen = request.form.get("label", "")
    if chosen not in _LABELS:
        raise BadRequest("The label must be occupied, unoccupied or undo.")
    board, invocation = dashboard(), dashboard().invocation()
    try:
        outcome = tag_event(checked_event(event), _LABELS[chosen], invocation, board.commands)
        said = explanation(outcome, invocation)
        done = f"This event is {_LABELS[chosen] or 'not tagged any more'}."
        flash(" ".join(filter(None, (done if outcome.changed else None, said))))
    except StateUnavailable:
        flash(_REDIS_AWAY)
    return redirect(url_for("event.show", event=event), 303)


def _row(event: str) -> EventRow:
    row = dashboard().events.row(checked_event(event))
    if row is None:
        raise NotFound("This event is not known. Recordings are deleted when they are old.")
    return row


def _known(board: Dashboard, event: str, files: MediaFiles) -> tuple[EventRecord | None, _Sent]:
    """Return the record of *event*, of Redis or the disk, and what was sent."""
    now, record = board.clock.now(), None
    try:
        marks = board.state.event_fields(event)
        record = board.state.event_in(event, marks)
        if record is None:
            return _record_on_disk(board, event), _Sent()
        sentences = deliveries("Alert", marks, now)
        for number in files.clips[:_MOST_PARTS] or (1,):
            name = clip_name(number)
            what = "Clip" if number == 1 else f"Part {number} of the clip"
            fact = event_fact_id(event, "clip_ready", name)
            sentences += deliveries(what, board.state.delivery_marks(fact), now)
        return record, _Sent(sentences, remarks(marks, now))
    except StateUnavailable:
        return record or _record_on_disk(board, event), _Sent()


def _record_on_disk(board: Dashboard, event: str) -> EventRecord | None:
    folders = EventFolders(board.config.data_dir)
    try:
        return event_from_plain(folders.read_event(event, event_started_at(event)))
    except ProtocolError:
        return None


def _clip_trouble(row: EventRow, files: MediaFiles) -> str | None:
    """Return why the page shows no clip; None when it does."""
    if files.clips:
        return None
    if row.host == host_name() and not row.is_here:
        return "The clip, the pictures and the plot of this event were deleted."
    if not row.is_here:
        where = f"on the disk of {row.host}" if row.host else "on another machine, or deleted"
        return f"The clip and the plot of this event are {where}."
    if files.unfinished:
        return "The clip is still being recorded. It is here when you load this page again."
    if row.lasted_s is None:
        return "The event goes on. Its clip comes when it is over."
    return "There is no clip: it is not ready yet, or clips are switched off (recording.clips)."


def _chosen_part(files: MediaFiles) -> int:
    """Return the part of the clip that the address asks for; the first without one."""
    asked = request.args.get("part", "")
    known = {str(number): number for number in files.clips}
    return known.get(asked, min(files.clips, default=1))

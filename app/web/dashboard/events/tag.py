"""The page Tag: one event after the other, to say what it was."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from app import protocol
from app.commands.context import REDIS_AWAY
from app.commands.tagging import UNKNOWN_EVENT, explanation, tag_event
from app.errors import StateUnavailable
from app.programs import SECURITY_SYSTEM, program_of
from app.protocol import Label
from app.protocol.keys import EVENT_LIFE_S
from app.times import format_time
from app.web.dashboard.context import dashboard
from app.web.dashboard.events.media import checked_event
from app.web.dashboard.events.row import EventFilter, EventRow
from app.web.dashboard.events.tag_table import DECISIONS, LABELS, tag_tables
from app.web.dashboard.events.words import fate_of, length_of, what_was

#: The events that the page gets at once.
BATCH = 30
#: The choices of what became of the alert.
CHOICES = {
    "": "All events",
    "silenced": "Silenced alerts",
    "held": "Alerts held back",
    "sent": "Alerts sent after a look",
}
_LABELS: dict[str, Label | None] = {"occupied": "occupied", "unoccupied": "unoccupied", "": None}

page = Blueprint("tag", __name__)


@page.get("/tag")
def show() -> str:
    """Show the page; its events come from `queue`."""
    wanted = _wanted()
    return render_template(
        "tag.html",
        camera=wanted.camera or "",
        what=wanted.what or "",
        choices=CHOICES,
        left=dashboard().events.count(wanted),
        **_said(),
    )


@page.get("/tag/queue")
def queue() -> Response:
    """Return the newest events that nobody has tagged, before the event `before` if it is given."""
    board, wanted = dashboard(), _wanted()
    before = request.args.get("before") or None
    if before:
        checked_event(before)
    rows = board.events.page(wanted, before, BATCH)
    return jsonify(
        events=[_plain(row) for row in rows],
        is_all=len(rows) < BATCH,
        left=board.events.count(wanted),
        trouble=board.events.trouble,
    )


@page.get("/tag/said")
def said() -> str:
    """Return the part of the page with what the tags say so far."""
    return render_template("tag_said.html", **_said())


@page.post("/tag/<event>")
def put(event: str) -> tuple[Response, int] | Response:
    """Give *event* the label in the form, or take its label away when that is empty."""
    checked_event(event)
    given = request.form.get("label")
    if given not in _LABELS:
        raise BadRequest("label is occupied, unoccupied or empty.")
    board = dashboard()
    invocation = board.invocation()
    try:
        outcome = tag_event(event, _LABELS[given], invocation, board.commands)
    except StateUnavailable:
        return jsonify(error=REDIS_AWAY), 503
    if outcome.before is None:
        return jsonify(error=UNKNOWN_EVENT), 410
    text = explanation(outcome, invocation) if outcome.changed or given else None
    return jsonify(before=outcome.before.label or "", said=text or "")


def _wanted() -> EventFilter:
    """Return the filter of the events to tag: those that Redis still knows."""
    camera, what = request.args.get("camera", ""), request.args.get("what", "")
    if what not in CHOICES or (camera and not protocol.CAMERA_NAME.fullmatch(camera)):
        abort(404)
    since = dashboard().clock.now() - timedelta(seconds=EVENT_LIFE_S)
    return EventFilter(camera or None, "untagged", what or None, None, since.timestamp(), False)


def _plain(row: EventRow) -> dict[str, Any]:
    """Return *row* as the page shows it."""
    now = dashboard().clock.now()
    words = [what_was(row), length_of(row, now)]
    if fate := fate_of(row):
        words.append(fate.sentence)
    return {
        "id": row.id,
        "title": f"{row.camera}, {format_time(row.started_at, now)}",
        "words": " · ".join(words),
        "picture": url_for("media.snapshot", event=row.id) if row.has_snapshot else "",
        "clip": url_for("media.clip", event=row.id) if row.has_clip else "",
        "page": url_for("event.show", event=row.id),
    }


def _said() -> dict[str, Any]:
    """Return what `tag_said.html` shows."""
    return {
        "tables": list(tag_tables(dashboard().events)),
        "labels": LABELS,
        "decisions": DECISIONS,
        "lacks": _lacks(),
    }


def _lacks() -> dict[str, str]:
    """Return for each camera what its silencer still needs, "" when it has enough tags."""
    try:
        heartbeats = dashboard().state.heartbeats()
    except StateUnavailable:
        return {}
    found = {}
    for key, heartbeat in heartbeats.items():
        program, _ = program_of(key)
        if program.kind == SECURITY_SYSTEM and program.camera and "silencer" in heartbeat.counters:
            found[program.camera] = str(heartbeat.counters.get("silencer_lacks") or "")
    return found

"""Settings on trial: an event, judged by the detector with the present settings and with others."""

import json
from collections.abc import Callable

from flask import Response, current_app, render_template, request
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from app.errors import ProtocolError, Refused
from app.recording.trace import decode_trace
from app.web.dashboard import endless
from app.web.dashboard.context import dashboard
from app.web.dashboard.detector.knobs import GROUPS, WrongKnob, knobs_of, read_changes
from app.web.dashboard.detector.trial_run import Message, TrialRun
from app.web.dashboard.events.plot import plot_of
from app.web.dashboard.events.row import EventRow

#: The newest events to choose from.
_SHOWN = 24


def show_events() -> str:
    """Show the newest events, to choose one."""
    site = dashboard()
    rows = site.events.page(count=_SHOWN)
    events = [(row, _started(row)) for row in rows if row.has_clip and row.is_here]
    return render_template("detector_events.html", events=events)


def show(event: str) -> str:
    """Show the knobs to try on *event*."""
    site = dashboard()
    row = _row(event)
    return render_template(
        "detector_trial.html",
        event=row,
        started=_started(row),
        groups=GROUPS,
        knobs=knobs_of(site.config),
        path=site.config.folder / "config.yml",
    )


def run(event: str) -> Response:
    """Try the knobs in the form on *event*; the answer has a JSON object a line, as they come."""
    site = dashboard()
    _row(event)
    fields = ((key, text) for key, text in request.form.items() if key != "csrf_token")
    try:
        changes = read_changes(fields, site.config)
        trial = TrialRun(site.config, event, changes, endless.watch_viewer(), _plotter())
    except WrongKnob as error:
        raise BadRequest(str(error)) from None
    except Refused as error:
        raise Conflict(str(error)) from None
    return Response(trial, mimetype="application/x-ndjson", headers=endless.HEADERS)


def _started(row: EventRow) -> str:
    """Return when the event of *row* began, in local time to the second, with its day."""
    local, today = row.started_at.astimezone(), dashboard().clock.now().astimezone().date()
    day = "" if local.date() == today else f"{local:%a} {local.day} {local:%b} "
    return f"{day}{local:%H:%M:%S}"


def _plotter() -> Callable[[Message], Message]:
    """Return a function that puts the plot of a trace, as HTML, in place of its figures."""
    curves = current_app.jinja_env.get_template("plot.html").module.curves  # type: ignore[attr-defined]

    def plotted(message: Message) -> Message:
        if message["kind"] != "trace":
            return message
        plot = plot_of(decode_trace(json.dumps(message, separators=(",", ":")).encode()))
        drawn = plot and {"html": str(curves(plot)), "from_s": plot.from_s, "to_s": plot.to_s}
        return {"kind": "trace", "plot": drawn}

    return plotted


def _row(event: str) -> EventRow:
    """Return the row of *event*; an id that nobody knows is not found."""
    try:
        row = dashboard().events.row(event)
    except ProtocolError as error:
        raise NotFound(str(error)) from None
    if row is None:
        raise NotFound("There is no such event.")
    return row

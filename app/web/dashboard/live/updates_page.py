"""The address of the server-sent events."""

from flask import Blueprint, Response
from werkzeug.exceptions import ServiceUnavailable

from app.web.dashboard import endless
from app.web.dashboard.context import dashboard
from app.web.dashboard.live.updates import MOST_LISTENERS

_FULL = f"{MOST_LISTENERS} pages listen already, so this one shows no changes by itself."

page = Blueprint("updates", __name__)


@page.get("/updates")
def follow() -> Response:
    """Send the state of the house, and again whenever it has changed."""
    updates = dashboard().updates
    if updates.is_full:
        raise ServiceUnavailable(_FULL)
    events = updates.stream(endless.watch_viewer())
    return Response(events, mimetype="text/event-stream", headers=endless.HEADERS)

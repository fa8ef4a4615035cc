"""The commands that pages offer, as forms send them."""

from flask import Blueprint, abort, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from app.commands.registry import run_command
from app.web.dashboard.context import dashboard
from app.web.dashboard.errors import wants_page
from app.web.dashboard.plain_text import plain_text

OFFERED = frozenset(
    {
        "pycam_on",
        "pycam_off",
        "notifications_on",
        "notifications_off",
        "auto_detect_on",
        "auto_detect_off",
        "snooze",
        "rotate",
        "last_image",
        "clip",
        "initialize",
    }
)
#: The longest text after a command.
_LONGEST = 100

page = Blueprint("command", __name__)


@page.post("/command/<name>")
def run(name: str) -> Response:
    """Run the command *name* with the form's text; a script gets JSON, and a form the page Now.

    Instead of the text, a form may have the time in *until*.
    """
    if name not in OFFERED:
        abort(404)
    until = request.form.get("until")
    text = f"until {until}" if until else request.form.get("text", "")
    invocation = dashboard().invocation(text[:_LONGEST])
    reply = plain_text(run_command(name, invocation, dashboard().commands).text)
    if wants_page():
        flash(reply)
        return redirect(url_for("now.show"), 303)
    return jsonify(text=reply, at=invocation.at.isoformat())

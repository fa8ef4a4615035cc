"""The page Timeline: the events, newest first, and the page of each event."""

from flask import Blueprint, render_template

page = Blueprint("timeline", __name__)


@page.get("/timeline")
def show() -> str:
    """Show the page."""
    return render_template("timeline.html")

"""The page Logs: the last lines of each program's log."""

from flask import Blueprint, render_template

page = Blueprint("logs", __name__)


@page.get("/logz")
def show() -> str:
    """Show the page."""
    return render_template("logs.html")

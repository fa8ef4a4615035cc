"""The page System: the programs, the disk, and what waits."""

from flask import Blueprint, render_template

page = Blueprint("system", __name__)


@page.get("/system")
def show() -> str:
    """Show the page."""
    return render_template("system.html")

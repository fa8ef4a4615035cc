"""The page Tag: one event after the other, to say what it was."""

from flask import Blueprint, render_template

page = Blueprint("tag", __name__)


@page.get("/tag")
def show() -> str:
    """Show the page."""
    return render_template("tag.html")

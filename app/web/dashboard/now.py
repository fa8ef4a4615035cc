"""The page Now: the live picture, the switches, and who is home."""

from flask import Blueprint, render_template

page = Blueprint("now", __name__)


@page.get("/")
def show() -> str:
    """Show the page."""
    return render_template("now.html")

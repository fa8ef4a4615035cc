"""The page Detector: what the detector sees, its masks, and its settings on trial."""

from flask import Blueprint, render_template

page = Blueprint("detector", __name__)


@page.get("/detector")
def show() -> str:
    """Show the page."""
    return render_template("detector.html")

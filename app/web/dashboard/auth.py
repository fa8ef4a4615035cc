"""The session that every page of the dashboard needs."""

import secrets

from flask import Blueprint, Flask, render_template, request, session
from werkzeug.exceptions import Unauthorized

from app.clock import Clock
from app.config import Config

#: The endpoints that anybody may ask for.
OPEN = ("auth.login", "static", "bootstrap.static")

page = Blueprint("auth", __name__)


def guard(app: Flask, config: Config, clock: Clock) -> None:  # noqa: ARG001
    """Let only a browser with a session see the pages of *app*."""
    app.secret_key = secrets.token_bytes(32)
    app.register_blueprint(page)
    app.before_request(_check)


def _check() -> None:
    if request.endpoint not in OPEN and not session.get("known"):
        raise Unauthorized


@page.get("/login")
def login() -> str:
    """Show the form for the password."""
    return render_template("login.html")

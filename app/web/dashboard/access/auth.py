"""The way into the dashboard: the session that every page needs, logging in, and logging out."""

import logging
import re
import threading
from collections.abc import Callable
from typing import cast

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.exceptions import ServiceUnavailable, Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from app.config.password import is_password
from app.errors import ProtocolError, StateUnavailable
from app.times import format_duration
from app.web.dashboard.access import sender, sessions
from app.web.dashboard.access.sessions import GuardedFlask
from app.web.dashboard.context import dashboard
from app.web.endpoint import ENDPOINT, Endpoint

#: The endpoints that anybody may ask for; they show nothing of the house.
OPEN = ("auth.login", "auth.enter", "static", "bootstrap.static", "manifest")
#: Paths of this site. Browsers drop control characters, and take // and \ for another site.
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]{0,500}")
#: The longest wait while others are logging in. One check takes 32 MB, so they go one by one.
_WAIT_S = 5.0

page = Blueprint("auth", __name__)
_checking = threading.Lock()
_log = logging.getLogger(__name__)


def guard(app: GuardedFlask) -> None:
    """Let only a browser with a session see the pages of *app*."""
    app.register_blueprint(page)
    app.before_request(_check)
    app.context_processor(lambda: {"may_see": may_see(), "access": app.access})


def session_check() -> Callable[[], bool]:
    """Return a function that says whether the browser of this request may still see the pages.

    An answer without an end calls it about once a second, and ends when it returns False.
    """
    app = cast(GuardedFlask, current_app._get_current_object())  # type: ignore[attr-defined]
    return sessions.session_check(app, dashboard().clock)


def may_see() -> bool:
    """Return whether the browser of this request may see the pages."""
    return session_check()()


def _check() -> None:
    if request.endpoint not in OPEN and not may_see():
        raise Unauthorized("Your session has ended. Log in, and try again.")


@page.get("/login")
def login() -> AnyResponse:
    """Show the form for the password, or how to set one."""
    return redirect(_next()) if may_see() else ask()


@page.post("/login")
def enter() -> AnyResponse:
    """Begin a session if the password is right."""
    address, state = sender.address_of(request), dashboard().state
    try:
        wait_s = state.count_login(address)
        if wait_s:
            _refused("too often", address, f"too many wrong passwords from {address}")
            wait = format_duration(wait_s)
            answer = ask(f"Too many wrong passwords from your address. Try again in {wait}.", 429)
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        if not _is_right(request.form.get("password", "")):
            _refused("with a wrong password", address, f"a wrong password from {address}")
            return ask("This password is wrong.", 401)
        state.forget_logins(address)
    except (StateUnavailable, ProtocolError) as error:
        _refused("without Redis", address, f"{address} cannot log in: {error}")
        return ask("Redis does not answer, so nobody can log in now. Try again soon.", 503)
    sessions.begin_session(dashboard().clock)
    _log.info("somebody logged in from %s", address)
    return redirect(_next())


@page.post("/logout")
def leave() -> AnyResponse:
    """End the session."""
    session.clear()
    flash("You are logged out.")
    return redirect(url_for("auth.login"))


def _is_right(password: str) -> bool:
    if not _checking.acquire(timeout=_WAIT_S):
        raise ServiceUnavailable("Too many people are logging in. Try again in a few seconds.")
    try:
        return is_password(cast(GuardedFlask, current_app).access.stored, password)
    finally:
        _checking.release()


def _refused(kind: str, address: str, text: str) -> None:
    endpoint: Endpoint = current_app.extensions[ENDPOINT]
    endpoint.refusals.log(kind, address, f"dashboard: {text}")


def ask(problem: str | None = None, status: int = 200) -> Response:
    """Return the login page, which says what the *problem* with the last password is."""
    asked = request.values.get("next", "")
    shown = render_template("login.html", problem=problem, next=asked)
    return Response(shown, status, mimetype="text/html")


def _next() -> str:
    """Return the page that was asked for before the password, or the first page."""
    path = request.values.get("next", "")
    return path if _OWN_PATH.fullmatch(path) else url_for("now.show")

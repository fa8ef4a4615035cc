"""The answers to requests that fail: a page for people, JSON or a line of text for programs."""

import json
import logging

from flask import Flask, Response, current_app, redirect, render_template, request, url_for
from flask.globals import request_ctx
from flask_wtf.csrf import CSRFError, generate_csrf
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from app.errors import StateUnavailable
from app.web.dashboard.access import auth, sender
from app.web.endpoint import ENDPOINT

#: What each status means for the person at the page, where the error itself does not say it.
_MEANINGS = {
    400: "This request cannot be read.",
    401: "Log in first.",
    403: "This is not allowed.",
    404: "There is no such page. What it showed may have been deleted.",
    405: "This address does not take such a request.",
    413: "This is too long.",
    429: "Too many requests. Try again later.",
    500: "Something went wrong. The log of the dashboard has the details.",
    503: "This does not work just now. Try again soon.",
}
_TOO_OLD_FORM = "This page was too old. Please type the password again."
_TOO_OLD = "This page is too old. Reload it, and try again."
_REDIS_AWAY = "Redis does not answer. Try again soon; the page System says more."

_log = logging.getLogger(__name__)


def handle(app: Flask) -> None:
    """Let *app* answer each error in words."""
    # It would have a line for each request of any stranger.
    logging.getLogger("flask_wtf.csrf").setLevel(logging.WARNING)
    app.register_error_handler(HTTPException, _answer)
    app.register_error_handler(CSRFError, _answer_old_page)
    app.register_error_handler(StateUnavailable, _answer_without_redis)


def wants_page() -> bool:
    """Return whether a person's browser asks for a page: every browser then names text/html."""
    return any(kind == "text/html" for kind, _ in request.accept_mimetypes)


def _answer(error: HTTPException) -> AnyResponse:
    """Answer *error*; without a session, a page becomes the login page."""
    code = error.code or 500
    if error.response is not None or code < 400:
        return error.get_response()
    if code == 401 and request.method == "GET" and wants_page():
        return redirect(url_for("auth.login", next=_asked_for()))
    own = error.description if error.description != type(error).description else None
    return _in_words(code, error.name, own or _MEANINGS.get(code, f"{error.name}."), error)


def _answer_old_page(error: CSRFError) -> AnyResponse:
    who = sender.address_of(request)
    text = f"400 to {who} for {request.method} {request.path[:60]!r}: {error.description}"
    current_app.extensions[ENDPOINT].refusals.log("without a good token", who, text)
    if request.endpoint == "auth.enter":
        return auth.ask(_TOO_OLD_FORM, 400)
    # The sender has a session, and only a page of this dashboard can read the answer.
    return _in_words(400, error.name, _TOO_OLD, error, token=generate_csrf())


def _answer_without_redis(error: StateUnavailable) -> AnyResponse:
    _log.warning("%s %r was not done: %s", request.method, request.path[:60], error)
    return _in_words(503, "Service Unavailable", _REDIS_AWAY, ServiceUnavailable())


def _in_words(code: int, name: str, words: str, error: HTTPException, **more: str) -> Response:
    """Return the answer in the form in which the sender wants it; *more* is for scripts only.

    Without a usable host name in the request there is no page: its links could not be made.
    """
    headers = {key: value for key, value in error.get_headers() if key in ("Allow", "Retry-After")}
    if wants_page() and request_ctx.url_adapter is not None:
        shown = render_template("error.html", code=code, words=words)
        return Response(shown, code, headers, mimetype="text/html")
    if any(kind == "application/json" for kind, _ in request.accept_mimetypes):
        return Response(
            json.dumps({"error": words, **more}), code, headers, mimetype="application/json"
        )
    return Response(f"{code} {name}: {words}\n", code, headers, mimetype="text/plain")


def _asked_for() -> str | None:
    """Return the path and query of this request for the time after the login."""
    asked = request.full_path.rstrip("?")
    return asked if asked != "/" else None

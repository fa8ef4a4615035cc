"""The sessions of the dashboard, in a signed cookie of the browser.

A session ends after `dashboard.session_days`, when its browser logs out, and when the password
changes, since each password has a key of its own. A restart ends none.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from flask import Flask, g, has_app_context, session
from flask.sessions import SecureCookieSessionInterface

from app.clock import Clock
from app.config import Config
from app.web.dashboard.access.control import Access, AccessControl

_SINCE = "since"


class GuardedFlask(Flask):
    """A Flask app that signs with the key of the present password."""

    access_control: AccessControl

    @property
    def access(self) -> Access:
        """The password as it was when the present request came: it has one answer to the end."""
        if not has_app_context():
            return self.access_control.current()
        if "access" not in g:
            g.access = self.access_control.current()
        found: Access = g.access
        return found

    @property
    def secret_key(self) -> str:  # type: ignore[override]
        """The key that signs sessions and form tokens."""
        return self.access.key


class _Cookies(SecureCookieSessionInterface):
    """Gives the cookie of each house a name of its own.

    Browsers do not tell ports apart: two tunnels on one machine would overwrite each other's.
    """

    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_name(self, app: Flask) -> str:
        key = cast(GuardedFlask, app).access.key
        house = hashlib.sha256(f"name of {key}".encode()).hexdigest()[:12]
        # A browser takes a __Host- cookie only over TLS, and from no other name of the domain.
        return f"{'__Host-' if app.config['SESSION_COOKIE_SECURE'] else ''}whos_there_{house}"


def prepare(app: GuardedFlask, config: Config) -> None:
    """Let *app* have the sessions of the house of *config*."""
    app.access_control = AccessControl(config)
    app.session_interface = _Cookies()
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    # Not Strict: a link in Slack would then ask for the password again.
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_SECURE"] = config.dashboard.proxy
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=config.dashboard.session_days)


def begin_session(clock: Clock) -> None:
    """Give the browser a new session; nothing of an earlier one stays."""
    session.clear()
    session.permanent = True
    session[_SINCE] = int(clock.now().timestamp())


def session_check(app: GuardedFlask, clock: Clock) -> Callable[[], bool]:
    """Return a function that says whether the browser of the present request may see the pages.

    An answer without an end calls it again and again, and ends when it returns False.
    """
    key, since = app.access.key, session.get(_SINCE)
    most_s = app.permanent_session_lifetime.total_seconds()

    def may_see() -> bool:
        access = app.access_control.current()
        if access.is_open:
            return True
        return access.stored is not None and access.key == key and _lasts(since, most_s, clock)

    return may_see


def _lasts(since: Any, most_s: float, clock: Clock) -> bool:
    """Return whether a session that began at *since* lasts; one that begins later was never valid.

    A clock that was ahead when the session began would otherwise make it endless.
    """
    return isinstance(since, int) and 0 <= clock.now().timestamp() - since <= most_s

"""Asks a router like its own web pages: a login form, a cookie, and a list of devices in JSON."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import HTTPBasicAuth

from app.clock import Clock
from app.errors import RouterError, RouterRefused
from app.presence.base import Device, Router, RouterSettings
from app.presence.routers import http_client
from app.presence.routers.json_list import NotTheList, devices_among, entries_in, shown

#: The largest number of pages of a list, and the most time for them, as a number of calls.
_MOST_PAGES, _MOST_CALLS = 20, 4
#: The time for which a busy router is asked again, as a number of calls, and the wait in s between.
_BUSY_CALLS, _BUSY_WAIT_S = 2, 1.0
_NAME = re.compile(r"\{([\w.-]+)\}")

_log = logging.getLogger(__name__)


class LoginNeeded(RouterRefused):
    """The router does not show its list; an expired login may be the reason."""


class NameMissing(RouterRefused):
    """The login's answer lacks something that the next call needs."""


class RouterBusy(RouterError):
    """Somebody else is logged in, and the router has room for no more."""


class HttpJsonRouter(Router):
    """Logs in if the settings have a login and it is necessary, and asks for the list.

    It logs out again if the settings have a logout. A busy router is asked again for a while.
    """

    def __init__(self, settings: RouterSettings, clock: Clock) -> None:
        self.name = f"the router at {http_client.place(settings)}"
        self._base = settings.url or ""
        self._calls = settings.http_json
        self._timeout_s = settings.timeout_s
        self._clock = clock
        self._session = http_client.open_session(settings, self.name)
        self._own = {
            name: secret.get_secret_value() for name, secret in self._calls.secrets.items()
        }
        self._own["username"] = settings.username or ""
        self._own["password"] = settings.password.get_secret_value() if settings.password else ""
        if self._calls.login is None and settings.username:
            self._session.auth = HTTPBasicAuth(
                self._own["username"].encode(), self._own["password"].encode()
            )
        self._answered: dict[str, str] | None = None if self._calls.login else {}
        self._warned_logout = False

    def devices(self) -> list[Device]:
        until_s = self._clock.monotonic() + _BUSY_CALLS * self._timeout_s
        while True:
            try:
                return self._devices()
            except RouterBusy:
                self._answered = None if self._calls.login else {}
                if self._clock.monotonic() >= until_s:
                    raise
                self._clock.sleep(_BUSY_WAIT_S)
            finally:
                self._log_out()

    def _devices(self) -> list[Device]:
        if self._answered is not None:
            try:
                return self._list(self._answered)
            except (NotTheList, LoginNeeded, NameMissing):
                if self._calls.login is None:
                    raise
        self._answered = self._log_in(self._calls.login or "")
        try:
            return self._list(self._answered)
        except (NotTheList, LoginNeeded, NameMissing) as error:
            # Many routers answer a wrong password with a usual page, and refuse every login after
            # too many tries.
            is_named = isinstance(error, NameMissing)
            doubt = "that name is right" if is_named else "the list is at that address"
            raise RouterRefused(
                f"{error}; if {doubt}, the login was refused: look at username, password and "
                f"http_json.form of presence.router{self._hint()}"
            ) from None

    def _hint(self) -> str:
        if self._calls.busy:
            return ""
        return ", or for a router with room for one session set http_json.logout and busy"

    def close(self) -> None:
        self._session.close()

    def _log_out(self) -> None:
        """End the session if the settings say how; the next call logs in again."""
        if self._calls.logout is None or self._answered is None:
            return
        answered, self._answered = self._answered, None
        ask = self._session.get if self._calls.logout_as == "get" else self._session.post
        try:
            address = self._filled(self._calls.logout, answered, "logout", _quoted)
            answer = ask(
                self._base + address, headers=self._headers(answered), allow_redirects=False
            )
            self._checked(answer, "logout")
        except RouterError as error:
            if not self._warned_logout:
                _log.warning("no logout: %s", error)
            self._warned_logout = True

    def _log_in(self, login: str) -> dict[str, str]:
        """Return the login's answer: the fields of its JSON by dotted names, and its cookies."""
        self._session.cookies.clear()
        headers = self._headers({}, leave_out=True)
        if self._calls.login_page:
            self._checked(self._get(self._calls.login_page, headers), "login_page")
        form = {
            name: self._filled(value, self._cookies(), f"form.{name}")
            for name, value in self._calls.form.items()
        }
        sent: dict[str, Any] = {"json" if self._calls.login_as == "json" else "data": form}
        answer = self._session.post(
            self._base + login, headers=headers, allow_redirects=False, **sent
        )
        self._checked(answer, "login")
        try:
            fields = _fields(http_client.json_in(answer, self.name))
        except RouterError:
            fields = {}
        return fields | self._cookies()

    def _get(self, address: str, headers: Mapping[str, str]) -> requests.Response:
        return self._session.get(self._base + address, headers=headers, allow_redirects=False)

    def _list(self, answered: Mapping[str, str]) -> list[Device]:
        """Return the devices, read page by page if the list comes in pages."""
        headers = self._headers(answered)
        entries: list[Any] = []
        until_s = self._clock.monotonic() + _MOST_CALLS * self._timeout_s
        for _ in range(_MOST_PAGES):
            known = {**answered, "offset": str(len(entries))}
            address = self._filled(self._calls.devices or "", known, "devices", _quoted)
            page, total = self._entries(self._get(address, headers))
            entries += page
            if len(entries) >= total:
                return devices_among(entries, self._calls, self.name, self._clock.now())
            if self._clock.monotonic() > until_s:
                raise RouterError(
                    f"{self.name} takes more than {_MOST_CALLS * self._timeout_s:g} s for its list"
                )
            if not page:
                break
        raise RouterError(f"{self.name} announces {total} devices, but lists only {len(entries)}")

    def _entries(self, answer: requests.Response) -> tuple[list[Any], int]:
        """Return the entries in *answer*, and the number of all entries."""
        try:
            return entries_in(self._json(self._checked(answer, "devices")), self._calls, self.name)
        except (NotTheList, LoginNeeded):
            # A list is not searched for the words: a phone may have them in its name.
            self._raise_if_busy(answer)
            raise

    def _raise_if_busy(self, answer: requests.Response) -> None:
        said = answer.content.decode(errors="replace").lower()
        if self._calls.busy and self._calls.busy.lower() in said:
            raise RouterBusy(
                f"{self.name} is busy, since somebody else is logged in: log out of its web pages"
            )

    def _headers(self, answered: Mapping[str, str], *, leave_out: bool = False) -> dict[str, str]:
        """Return the headers of the settings, filled in.

        With *leave_out*, headers that need the login's answer are left out.
        """
        wanted = dict(self._calls.headers)
        if self._calls.cookie:
            wanted["Cookie"] = self._calls.cookie
        if leave_out:
            known = self._known({})
            wanted = {
                name: value
                for name, value in wanted.items()
                if known.keys() >= set(_NAME.findall(value))
            }
        headers = {
            name: self._filled(value, answered, f"headers.{name}") for name, value in wanted.items()
        }
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable()) or value != value.strip():
                raise RouterRefused(
                    f"{self.name}: http_json.headers.{name} would hold characters, or spaces at "
                    "an end, that no header may hold"
                )
        return headers

    def _filled(
        self, text: str, answered: Mapping[str, str], key: str, coded: Callable[[str], str] = str
    ) -> str:
        """Return *text*, the setting at *key*, with the names in braces replaced."""
        known = self._known(answered)
        for name in _NAME.findall(text):
            if name not in known:
                names = shown(sorted(answered)) or "nothing"
                raise NameMissing(
                    f"{self.name}: http_json.{key} needs {{{name}}}, but the login answers only: "
                    f"{names}"
                )
        return _NAME.sub(lambda found: coded(known[found[1]]), text)

    def _known(self, answered: Mapping[str, str]) -> dict[str, str]:
        return {**answered, **self._own, "now_ms": f"{self._clock.now().timestamp() * 1000:.0f}"}

    def _cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self._session.cookies}

    def _json(self, answer: requests.Response) -> Any:
        try:
            return http_client.json_in(answer, self.name)
        except RouterError as error:
            raise NotTheList(f"{error}; http_json.devices asks for it") from None

    def _checked(self, answer: requests.Response, key: str) -> requests.Response:
        """Return *answer* to the call at *key* of the settings, if its status is good."""
        status = answer.status_code
        if key in ("login_page", "login"):
            self._raise_if_busy(answer)
        if status >= 500 or status == 429:
            raise RouterError(
                f"{self.name} has a problem: it answers http_json.{key} with HTTP {status}"
            )
        if key == "devices" and status >= 300:
            raise LoginNeeded(
                f"{self.name} does not show its list without a login, or has none at "
                f"http_json.devices (HTTP {status})"
            )
        if status in (401, 403):
            raise RouterRefused(
                f"{self.name} refuses the login (HTTP {status}): look at username, password and "
                "http_json.form of presence.router"
            )
        if status >= 400:
            raise RouterRefused(
                f"{self.name} has nothing at http_json.{key} (HTTP {status}): compare the address "
                "with the browser's"
            )
        return answer


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _fields(said: Any, place: str = "") -> dict[str, str]:
    """Return the plain values in *said* by their dotted names, to a depth of four."""
    if isinstance(said, dict) and place.count(".") < 4:
        return {
            name: value
            for key, inner in said.items()
            for name, value in _fields(inner, f"{place}{key}.").items()
        }
    if isinstance(said, str | int | float) and place:
        return {place.rstrip("."): str(said)}
    return {}

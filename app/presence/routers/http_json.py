"""Asks a router like its own web pages: a login form, a cookie, and a list of devices in JSON."""

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
_NAME = re.compile(r"\{([\w.-]+)\}")


class LoginNeeded(RouterRefused):
    """The router does not show its list; an expired login may be the reason."""


class HttpJsonRouter(Router):
    """Logs in if the settings have a login and it is necessary, and asks for the list."""

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

    def devices(self) -> list[Device]:
        if self._answered is not None:
            try:
                return self._list(self._answered)
            except (NotTheList, LoginNeeded):
                if self._calls.login is None:
                    raise
        self._answered = self._log_in(self._calls.login or "")
        try:
            return self._list(self._answered)
        except (NotTheList, LoginNeeded) as error:
            # Many routers answer a wrong password with a usual page, and refuse every login after
            # too many tries.
            cure = (
                "if the list is at that address, the login does not work: look at username, "
                "password and http_json.form of presence.router"
            )
            raise RouterRefused(f"{error}; {cure}") from None

    def close(self) -> None:
        self._session.close()

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
            answer = self._checked(self._get(address, headers), "devices")
            page, total = entries_in(self._json(answer), self._calls, self.name)
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
                raise RouterRefused(
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

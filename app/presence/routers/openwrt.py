"""Asks an OpenWrt router by ubus over HTTP.

A phone is connected while it is associated with the Wi-Fi. A DHCP lease lasts for hours after the
phone has left, so leases are used only for names and addresses. The router needs the packages
uhttpd-mod-ubus, rpcd-mod-iwinfo and rpcd-mod-luci, which are part of LuCI. A separate account is
best, in `/etc/config/rpcd`, with the output of `uhttpd -m PASSWORD`:

    config login
        option username 'whos-there'
        option password '$1$…'
        list read 'whos-there'

Its rights are in `/usr/share/rpcd/acl.d/whos-there.json`, before `service rpcd restart`:

    {"whos-there": {"description": "Who is home", "read": {"ubus": { "iwinfo": ["devices",
    "assoclist"], "hostapd.*": ["get_clients"], "luci-rpc": ["getDHCPLeases"]}}}}

Without iwinfo, or without the right to call it, hostapd is asked for its clients. Without leases
devices have no names.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.clock import Clock
from app.errors import RouterError, RouterRefused
from app.presence.base import Device, Router, RouterSettings
from app.presence.routers import http_client
from app.presence.routers.parsing import each_once, read_device, read_since, readable

_NO_SESSION = "0" * 32
_MOST_INTERFACES = 32
#: The codes of ubus: done; no permission (its own code, and uhttpd's); no code at all.
_OK = 0
_DENIED = (6, -32002)
_UNKNOWN = -1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a *method* of an *object* of the router."""

    object: str
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return readable(f"{self.object} {self.method}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The router's answer to *call*: *code* is 0 when the call was done, *found* is the result."""

    call: Call
    code: int
    found: Mapping[str, Any] = field(repr=False)


class Denied(RouterRefused):
    """The account may not do this, or its login has expired; ubus gives one code for both."""


class OpenwrtRouter(Router):
    """Asks for the stations of all Wi-Fi interfaces, and for the DHCP leases."""

    def __init__(self, settings: RouterSettings, clock: Clock) -> None:
        self.name = f"the OpenWrt router at {http_client.place(settings)}"
        self._url = settings.url if urlsplit(settings.url or "").path else f"{settings.url}/ubus"
        self._username = settings.username
        self._password = settings.password
        self._clock = clock
        self._session = http_client.open_session(settings, self.name)
        self._token: str | None = None
        self._works = False
        self._warned_nameless = False

    def devices(self) -> list[Device]:
        self._works = False
        devices = self._devices()
        self._works = True
        return devices

    def _devices(self) -> list[Device]:
        if self._token is not None:
            try:
                return self._stations_now(self._token)
            except Denied:
                self._token = None
        self._token = self._log_in()
        return self._stations_now(self._token)

    def close(self) -> None:
        if self._token is not None and self._works:
            # Without the right to do this, the session ends by itself after minutes.
            with contextlib.suppress(RouterError):
                self._called(self._token, [Call("session", "destroy")])
        self._token = None
        self._session.close()

    def _log_in(self) -> str:
        password = self._password.get_secret_value() if self._password else ""
        (answer,) = self._called(
            _NO_SESSION,
            [Call("session", "login", {"username": self._username, "password": password})],
        )
        if answer.code in _DENIED:
            raise RouterRefused(
                f"{self.name} refuses the login: look at username and password of presence.router"
            )
        token = self._done(answer).get("ubus_rpc_session")
        if not isinstance(token, str):
            raise RouterError(f"{self.name} answers the login without a session")
        return token

    def _stations_now(self, token: str) -> list[Device]:
        calls = self._station_calls(token)
        *answers, leases = self._called(
            token, [*calls, Call("luci-rpc", "getDHCPLeases", {"family": 4})]
        )
        stations = [station for answer in answers for station in self._stations(answer)]
        names = self._names(leases)
        now = self._clock.now()
        read = []
        for mac, station in stations:
            hostname, ip = names.get(str(mac).lower(), (None, None))
            since = read_since(station.get("connected_time"), now)
            read.append(read_device(mac or "?", hostname, ip, since))
        return each_once(read, self.name)

    def _station_calls(self, token: str) -> list[Call]:
        """Return the calls for the stations: to iwinfo, or to hostapd when there is no iwinfo."""
        (interfaces,) = self._called(token, [Call("iwinfo", "devices")])
        named = interfaces.found.get("devices")
        if interfaces.code == _OK and isinstance(named, list) and named:
            return [
                Call("iwinfo", "assoclist", {"device": str(one)})
                for one in named[:_MOST_INTERFACES]
            ]
        listed = self._post([{"method": "list", "params": [token, "hostapd.*"]}])[0].get("result")
        points: list[str] = []
        if isinstance(listed, dict):
            points = [one for one in listed if one.startswith("hostapd.")]
        if not points and interfaces.code in _DENIED:
            self._done(interfaces)
        if not points:
            raise RouterRefused(
                f"{self.name} lists no Wi-Fi interface: install rpcd-mod-iwinfo there, or ask "
                "the access point instead"
            )
        return [Call(point, "get_clients") for point in points[:_MOST_INTERFACES]]

    def _stations(self, answer: Answer) -> list[tuple[Any, Mapping[str, Any]]]:
        """Return the MAC and the entry of each station that has shown the Wi-Fi's password."""
        key = "clients" if answer.call.method == "get_clients" else "results"
        found = self._done(answer).get(key)
        if isinstance(found, dict):
            found = [{**one, "mac": mac} for mac, one in found.items() if isinstance(one, dict)]
        if not isinstance(found, list):
            raise RouterError(f"{self.name} answers {answer.call} without a list of stations")
        stations = [one for one in found if isinstance(one, dict)]
        return [(one.get("mac"), one) for one in stations if one.get("authorized", True)]

    def _names(self, leases: Answer) -> dict[str, tuple[Any, Any]]:
        """Return name and address by MAC; nothing, with a warning, when it may not read them."""
        found = leases.found.get("dhcp_leases")
        if leases.code != _OK or not isinstance(found, list):
            if not self._warned_nameless:
                _log.warning(
                    "%s shows no DHCP leases to %s, so devices have no names: only MACs count",
                    self.name,
                    self._username,
                )
            self._warned_nameless = True
            return {}
        named = [one for one in found if isinstance(one, dict)]
        return {
            str(one.get("macaddr")).lower(): (one.get("hostname"), one.get("ipaddr"))
            for one in named
        }

    def _done(self, answer: Answer) -> Mapping[str, Any]:
        """Return the result; raises an error when the call was not done."""
        if answer.code in _DENIED:
            raise Denied(
                f"{self.name} does not let {self._username} call {answer.call}: allow it in "
                "/usr/share/rpcd/acl.d, as setup.md shows"
            )
        if answer.code != _OK:
            raise RouterError(f"{self.name} answers {answer.call} with the error {answer.code}")
        return answer.found

    def _called(self, token: str, calls: Sequence[Call]) -> list[Answer]:
        asked = [
            {"method": "call", "params": [token, call.object, call.method, dict(call.arguments)]}
            for call in calls
        ]
        return [_answer(call, said) for call, said in zip(calls, self._post(asked), strict=True)]

    def _post(self, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the router's answers to the calls *asked*, in their order."""
        batch = [{"jsonrpc": "2.0", "id": number, **one} for number, one in enumerate(asked)]
        answer = self._session.post(self._url or "", json=batch, allow_redirects=False)
        if answer.status_code >= 500:
            raise RouterError(
                f"{self.name} has a problem: it answers with HTTP {answer.status_code}"
            )
        if answer.status_code >= 300:
            cure = "install uhttpd-mod-ubus there, and look at presence.router.url"
            raise RouterRefused(
                f"{self.name} has no ubus at this address (HTTP {answer.status_code}): {cure}"
            )
        said = http_client.json_in(answer, self.name)
        if (
            not isinstance(said, list)
            or len(said) != len(batch)
            or not all(isinstance(one, dict) for one in said)
        ):
            raise RouterError(f"{self.name} does not answer as ubus does")
        return said


def _answer(call: Call, said: Mapping[str, Any]) -> Answer:
    result, error = said.get("result"), said.get("error")
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        return Answer(call, error["code"], {})
    if isinstance(result, list) and result and isinstance(result[0], int):
        found = result[1] if len(result) > 1 and isinstance(result[1], dict) else {}
        return Answer(call, result[0], found)
    return Answer(call, _UNKNOWN, {})

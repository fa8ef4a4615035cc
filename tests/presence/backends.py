"""Every backend with a router to ask. A test sets the connected devices, and makes it fail."""

import base64
import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from app.clock import FakeClock
from app.presence import make_router
from app.presence.base import (
    ArpSettings,
    HttpJsonSettings,
    Router,
    RouterBackend,
    RouterSettings,
    ScriptedSettings,
)
from tests.servers import router_classic, router_fritzbox, router_openwrt
from tests.servers.certificate import Certificate
from tests.servers.router import PAGE, Phone, RouterServer, always
from tests.servers.router_classic import ClassicRouter
from tests.servers.router_fritzbox import FritzboxServer
from tests.servers.router_openwrt import OpenwrtServer

#: Longer than a call takes on a busy machine.
TIMEOUT_S = 15.0
GATEWAY = Phone("02:00:00:00:00:01", "gateway", "127.0.0.1")

LIST = HttpJsonSettings(
    devices="/data/hosts?_={now_ms}",
    login_page="/login.html",
    login="/goform/login",
    form={"usr": "{username}", "pwd": "{password}"},
    list="hosts.list",
    mac="macAddr",
    hostname="hostName",
    ip="ipAddr",
    since="up_s",
    active="online",
)
BY_ANSWER = replace(LIST, cookie="userid={data.userid}; PHPSESSID={PHPSESSID}", login_as="json")
BY_KEY = replace(
    LIST,
    devices="/pages/hosts?offset={offset}&limit=200",
    login_page=None,
    login=None,
    form={},
    headers={"X-API-KEY": "{key}"},
    secrets={"key": SecretStr(router_classic.API_KEY)},
    list="data",
    total="totalCount",
)
BY_BASIC = replace(LIST, devices="/open/hosts", login_page=None, login=None, form={})


@dataclass
class Backend:
    """A router's *settings*, with functions that control the router.

    *show* sets the connected devices; *fail* and *recover* switch failures. *secrets* may appear
    nowhere.
    """

    settings: RouterSettings
    show: Callable[[list[Phone]], None]
    fail: Callable[[], None]
    recover: Callable[[], None]
    secrets: tuple[str, ...] = ()
    has_names: bool = True
    server: RouterServer | None = None

    @contextlib.contextmanager
    def router(self) -> Iterator[Router]:
        """The router, not asked yet."""
        router = make_router(self.settings, FakeClock())
        assert router is not None
        with contextlib.closing(router):
            yield router


def settings_for(
    server: RouterServer,
    backend: RouterBackend,
    user: str,
    password: str,
    certificate: Certificate | None,
) -> RouterSettings:
    """Return the settings for *server*, with its certificate pinned."""
    needed = HttpJsonSettings(devices="/") if backend == "http_json" else HttpJsonSettings()
    return RouterSettings(
        backend=backend,
        url=server.url,
        username=user,
        password=SecretStr(password),
        fingerprint=certificate.fingerprint if certificate else None,
        timeout_s=TIMEOUT_S,
        http_json=needed,
    )


def http_backend(server: RouterServer, settings: RouterSettings, *secrets: str) -> Backend:
    """Return the backend of a router with a web server."""

    def show(phones: list[Phone]) -> None:
        server.phones = phones

    def set_fault(failing: bool) -> None:
        server.fault = always(PAGE, 500, "text/html") if failing else None

    password = settings.password.get_secret_value() if settings.password else ""
    pair = base64.b64encode(f"{settings.username}:{password}".encode()).decode()
    return Backend(
        settings,
        show,
        lambda: set_fault(True),
        lambda: set_fault(False),
        (password, pair, *secrets),
        server=server,
    )


@contextlib.contextmanager
def classic(calls: HttpJsonSettings, certificate: Certificate | None = None) -> Iterator[Backend]:
    """A provider's router."""
    with ClassicRouter(certificate, "answer" if calls is BY_ANSWER else "cookie") as server:
        settings = settings_for(
            server, "http_json", router_classic.USER, router_classic.PASSWORD, certificate
        )
        yield http_backend(
            server, replace(settings, http_json=calls), router_classic.API_KEY, "geheim"
        )


@contextlib.contextmanager
def openwrt(certificate: Certificate | None = None, hostapd: bool = False) -> Iterator[Backend]:
    """OpenWrt, with iwinfo or with *hostapd* alone."""
    with OpenwrtServer(certificate) as server:
        if hostapd:
            server.objects = server.objects - {"iwinfo"}
        settings = settings_for(
            server, "openwrt", router_openwrt.USER, router_openwrt.PASSWORD, certificate
        )
        yield http_backend(server, settings, f"{1:032x}")


@contextlib.contextmanager
def fritzbox(certificate: Certificate | None = None) -> Iterator[Backend]:
    """A FRITZ!Box."""
    with FritzboxServer(certificate) as server:
        settings = settings_for(
            server, "fritzbox", router_fritzbox.USER, router_fritzbox.PASSWORD, certificate
        )
        yield http_backend(server, settings, router_fritzbox.SID)


@contextlib.contextmanager
def scripted(folder: Path) -> Iterator[Backend]:
    """The scripted router."""
    path = folder / "router.json"

    def show(phones: list[Phone]) -> None:
        here = [
            {"mac": one.mac, "hostname": one.hostname, "ip": one.ip} for one in phones if one.active
        ]
        path.write_text(json.dumps(here), encoding="utf-8")

    show([])
    settings = RouterSettings(backend="scripted", scripted=ScriptedSettings(str(path)))
    yield Backend(
        settings, show, lambda: _write(path, '{"fails": "the script says so"}'), lambda: show([])
    )


@contextlib.contextmanager
def arp(folder: Path) -> Iterator[Backend]:
    """This machine's kernel, with an `ip` that prints the output of a test."""
    with fake_ip(folder) as say:

        def show(phones: list[Phone]) -> None:
            say(
                "neighbour",
                [
                    _neighbour(one, "REACHABLE" if one.active else "STALE")
                    for one in [GATEWAY, *phones]
                ],
            )

        say("route", [{"dst": "default", "gateway": GATEWAY.ip, "dev": "lo"}])
        show([])
        settings = RouterSettings(backend="arp", arp=ArpSettings(("127.0.0.8/29",)))
        yield Backend(
            settings,
            show,
            lambda: say("neighbour", [_neighbour(GATEWAY, "FAILED")]),
            lambda: show([]),
            has_names=False,
        )


@contextlib.contextmanager
def fake_ip(folder: Path) -> Iterator[Callable[[str, object], None]]:
    """A function that sets the output of `ip -json -4 …` for `route`, `address` or `neighbour`."""
    tool = folder / "ip"
    tool.write_text(f'''#!/bin/sh
for word; do
    test -f "{folder}/$word.json" && exec cat "{folder}/$word.json"
done
exit 1
''')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    def say(subject: str, said: object) -> None:
        _write(folder / f"{subject}.json", json.dumps(said))

    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}:{before}"
    try:
        yield say
    finally:
        os.environ["PATH"] = before


def _neighbour(phone: Phone, state: str) -> dict[str, object]:
    entry = {
        "dst": phone.ip,
        "dev": "lo",
        "lladdr": phone.mac,
        "used": 1,
        "confirmed": 5,
        "updated": 5,
        "state": [state],
    }
    return entry | ({"confirmed": 4000} if state == "STALE" else {})


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


HTTP_BACKENDS: dict[str, Callable[[Certificate | None], AbstractContextManager[Backend]]] = {
    "http_json by cookie": lambda certificate: classic(LIST, certificate),
    "http_json by its answer": lambda certificate: classic(BY_ANSWER, certificate),
    "http_json by key and pages": lambda certificate: classic(BY_KEY, certificate),
    "http_json by user and password": lambda certificate: classic(BY_BASIC, certificate),
    "openwrt": openwrt,
    "openwrt by hostapd": lambda certificate: openwrt(certificate, hostapd=True),
    "fritzbox": fritzbox,
}


def _anywhere(
    make: Callable[[Certificate | None], AbstractContextManager[Backend]],
) -> Callable[[Path], AbstractContextManager[Backend]]:
    return lambda _: make(None)


BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Backend]]] = {
    "scripted": scripted,
    "arp": arp,
    **{name: (_anywhere(make)) for name, make in HTTP_BACKENDS.items()},
}

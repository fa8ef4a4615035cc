"""Covers several modules: the promises of every router backend, the scripted one first."""

import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.errors import RouterError, RouterRefused
from app.presence import make_router
from app.presence.base import RouterSettings
from tests.conftest import REPO
from tests.presence.backends import BACKENDS, Backend
from tests.servers.router import Phone
from tests.servers.router_classic import ClassicRouter

ANNA = Phone("AA-BB-CC-00-00-01", "Annas-iPhone.", "127.0.0.11")
BEN = Phone("aa:bb:cc:00:00:02", "bens-pixel", "127.0.0.12")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path) as made:
        yield made


def seen(backend: Backend) -> list[tuple[str | None, str | None, str | None]]:
    """Return the devices of a router at its first poll."""
    with backend.router() as router:
        return [(one.mac, one.hostname, one.ip) for one in router.devices()]


def test_connected_devices_are_listed_in_one_spelling(backend: Backend) -> None:
    backend.show([ANNA, BEN])
    names = ("annas-iphone", "bens-pixel") if backend.has_names else (None, None)
    assert sorted(seen(backend)) == [
        ("aa:bb:cc:00:00:01", names[0], "127.0.0.11"),
        ("aa:bb:cc:00:00:02", names[1], "127.0.0.12"),
    ]


def test_a_device_that_left_is_not_listed(backend: Backend) -> None:
    backend.show([Phone(BEN.mac, BEN.hostname, BEN.ip, active=False), ANNA])
    assert [mac for mac, _, _ in seen(backend)] == ["aa:bb:cc:00:00:01"]


def test_nothing_connected_is_an_empty_list(backend: Backend) -> None:
    backend.show([])
    assert seen(backend) == []


def test_the_next_poll_shows_who_came_and_left(backend: Backend) -> None:
    with backend.router() as router:
        for phones in ([ANNA], [], [BEN, ANNA], [BEN]):
            backend.show(phones)
            assert {one.mac for one in router.devices()} == {
                phone.mac.lower().replace("-", ":") for phone in phones
            }


def test_a_device_that_is_listed_twice_is_one(backend: Backend) -> None:
    backend.show([ANNA, Phone("aa:bb:cc:00:00:01", "Annas-iPhone", "127.0.0.11"), BEN])
    assert sorted(str(mac) for mac, _, _ in seen(backend)) == [
        "aa:bb:cc:00:00:01",
        "aa:bb:cc:00:00:02",
    ]


@pytest.mark.parametrize("mac", ["aa:bb:cc", "not a mac", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
def test_malformed_macs_are_skipped_but_only_those_are_an_error(backend: Backend, mac: str) -> None:
    backend.show([Phone(mac, "odd", "127.0.0.13"), ANNA])
    assert [one for one, _, _ in seen(backend)] == ["aa:bb:cc:00:00:01"]
    backend.show([Phone(mac, "odd", "127.0.0.13")])
    with pytest.raises(RouterError, match="lists 1, but none"):
        seen(backend)


@pytest.mark.parametrize("name", ["*", "unknown", "", " . "])
def test_a_placeholder_name_is_none(backend: Backend, name: str) -> None:
    backend.show([Phone(ANNA.mac, name, ANNA.ip)])
    assert [(mac, hostname) for mac, hostname, _ in seen(backend)] == [("aa:bb:cc:00:00:01", None)]


HOSTILE = {
    "control": "zyxel\x01\x1b[31m\ncam",
    "quote": 'an"na\\s',
    "XML": "</HostName><MACAddress>AA:BB:CC:00:00:02</MACAddress>",
    "long": "n" * 500_000,
    "not UTF-8": "caf\udce9",
}


@pytest.fixture(params=[name for name in BACKENDS if name not in ("scripted", "arp")])
def asked_by_http(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_stranger_with_an_odd_name_hides_nobody(asked_by_http: Backend, name: str) -> None:
    asked_by_http.show([Phone("aa:bb:cc:00:00:09", name, "127.0.0.19"), ANNA])
    devices = {mac: hostname for mac, hostname, _ in seen(asked_by_http)}
    assert devices["aa:bb:cc:00:00:01"] == "annas-iphone"
    assert "aa:bb:cc:00:00:02" not in devices
    assert (devices.get("aa:bb:cc:00:00:09") or "").isprintable()
    asked_by_http.show([Phone("aa:bb:cc:00:00:09", name, "127.0.0.19")])
    assert "aa:bb:cc:00:00:01" not in [mac for mac, _, _ in seen(asked_by_http)]


def test_ten_thousand_strangers_hide_nobody(asked_by_http: Backend) -> None:
    if isinstance(asked_by_http.server, ClassicRouter):
        asked_by_http.server.page_size = 1000
    strangers = [
        Phone(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", f"phone-{number}")
        for number in range(10_000)
    ]
    asked_by_http.show([*strangers, ANNA])
    assert len(seen(asked_by_http)) == 10_001


def test_a_failure_is_one_sentence_and_ends_with_its_cause(
    backend: Backend,
) -> None:
    with backend.router() as router:
        router.devices()
        backend.fail()
        for _ in range(2):
            with pytest.raises(RouterError) as caught:
                router.devices()
            assert "\n" not in str(caught.value)
            assert not isinstance(caught.value, RouterRefused)
        backend.recover()
        backend.show([ANNA])
        assert [one.mac for one in router.devices()] == ["aa:bb:cc:00:00:01"]


def test_nothing_is_asked_before_the_first_poll(
    backend: Backend,
) -> None:
    backend.fail()
    with backend.router() as router:
        assert router.name
        router.close()


def test_names_and_representations_show_no_secret(backend: Backend) -> None:
    with backend.router() as router:
        looks = f"{router!r} {router.name} {backend.settings!r}"
    assert not [secret for secret in backend.secrets if secret in looks]


def test_a_failure_shows_no_secret(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with backend.router() as router:
        router.devices()
        backend.fail()
        with pytest.raises(RouterError) as caught:
            router.devices()
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in backend.secrets if secret in shown]


def test_only_what_the_chosen_backend_needs_is_imported() -> None:
    script = """if True:
        import sys
        from pydantic import SecretStr
        from app.clock import SystemClock
        from app.presence import make_router
        from app.presence.base import HttpJsonSettings, RouterSettings, ScriptedSettings
        for backend in ("none", "scripted", "arp", "http_json", "openwrt", "fritzbox"):
            settings = RouterSettings(
                backend, "http://127.0.0.1:9", "u", SecretStr("p"),
                http_json=HttpJsonSettings(devices="/"), scripted=ScriptedSettings("/dev/null"),
            )
            make_router(settings, SystemClock())
            packages = ("fritzconnection", "requests")
            print(backend, *[name for name in packages if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        *("none", "scripted", "arp"),
        *("http_json requests", "openwrt requests", "fritzbox requests"),
    ]


def test_without_a_backend_there_is_no_router() -> None:
    assert make_router(RouterSettings(), SystemClock()) is None

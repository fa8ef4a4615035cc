"""OpenWrt's rights, radios and leases."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from app.errors import RouterError, RouterRefused
from app.presence.base import Device
from tests.presence.backends import Backend, openwrt
from tests.servers.router import Phone
from tests.servers.router_openwrt import ALL_RIGHTS, OpenwrtServer

ANNA = Phone("AA:BB:CC:00:00:01", "annas-iphone", "192.168.1.11")
BEN = Phone("AA:BB:CC:00:00:02", "bens-pixel", "192.168.1.12")


@pytest.fixture
def backend() -> Iterator[Backend]:
    with openwrt() as made:
        made.show([ANNA, BEN])
        yield made


@pytest.fixture
def server(backend: Backend) -> OpenwrtServer:
    assert isinstance(backend.server, OpenwrtServer)
    return backend.server


def devices(backend: Backend) -> list[Device]:
    with backend.router() as router:
        return router.devices()


def test_its_session_ends_with_the_router(backend: Backend, server: OpenwrtServer) -> None:
    with backend.router() as router:
        router.devices()
        assert server.sessions == 1
    assert server.sessions == 0


def test_all_radios_are_asked_in_two_calls(backend: Backend, server: OpenwrtServer) -> None:
    with backend.router() as router:
        router.devices()
        server.asked.clear()
        assert sorted(str(one.mac) for one in router.devices()) == [
            "aa:bb:cc:00:00:01",
            "aa:bb:cc:00:00:02",
        ]
        assert len(server.asked) == 2


def test_a_lease_alone_does_not_make_a_phone_connected(
    backend: Backend, server: OpenwrtServer
) -> None:
    server.leases_of_the_gone = [
        {"macaddr": "AA:BB:CC:00:00:09", "ipaddr": "192.168.1.19", "hostname": "gone"}
    ]
    assert "aa:bb:cc:00:00:09" not in [one.mac for one in devices(backend)]


def test_a_station_without_the_password_is_not_connected(
    backend: Backend, server: OpenwrtServer
) -> None:
    server.strangers = ["aa:bb:cc:00:00:66"]
    assert sorted(str(one.mac) for one in devices(backend)) == [
        "aa:bb:cc:00:00:01",
        "aa:bb:cc:00:00:02",
    ]


def test_a_phone_is_listed_with_the_time_of_its_association(backend: Backend) -> None:
    assert all(one.connected_since for one in devices(backend))


def test_a_session_that_expired_is_renewed_once(backend: Backend, server: OpenwrtServer) -> None:
    with backend.router() as router:
        router.devices()
        server.expire()
        assert len(router.devices()) == 2
        assert len(router.devices()) == 2
    assert server.logins == 2


@pytest.mark.parametrize("rights", [{"iwinfo"}, {"hostapd.wlan0", "hostapd.wlan1"}])
def test_iwinfo_or_hostapd_is_enough_without_leases_no_names(
    backend: Backend, server: OpenwrtServer, rights: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    server.rights = frozenset(rights)
    with backend.router() as router:
        for _ in range(3):
            assert sorted((str(one.mac), one.hostname) for one in router.devices()) == [
                ("aa:bb:cc:00:00:01", None),
                ("aa:bb:cc:00:00:02", None),
            ]
    (warning,) = [
        record.getMessage() for record in caplog.records if "leases" in record.getMessage()
    ]
    assert (
        "shows no DHCP leases to whos-there, so devices have no names: only MACs count" in warning
    )


@pytest.mark.parametrize(
    ("rights", "call"),
    [(set(), "hostapd.wlan0 get_clients"), ({"hostapd.wlan0"}, "hostapd.wlan1 get_clients")],
)
def test_a_missing_right_is_named_and_one_login_tried_a_poll(
    backend: Backend, server: OpenwrtServer, rights: set[str], call: str
) -> None:
    server.rights = frozenset(rights)
    with backend.router() as router:
        for poll in (1, 2):
            with pytest.raises(
                RouterRefused,
                match=f"does not let whos-there call {call}: allow it in /usr/share/rpcd/acl.d",
            ):
                router.devices()
            assert server.logins == poll


def test_without_any_rights_the_first_missing_one_is_named(
    backend: Backend, server: OpenwrtServer
) -> None:
    server.objects, server.rights = frozenset({"iwinfo", "luci-rpc"}), frozenset()
    with pytest.raises(RouterRefused, match="does not let whos-there call iwinfo devices"):
        devices(backend)


def test_of_an_unreadable_name_only_a_part_is_shown(
    backend: Backend, server: OpenwrtServer
) -> None:
    server.objects, server.rights = frozenset({"hostapd.\nx\ud800" + "y" * 5000}), frozenset()
    with pytest.raises(
        RouterRefused, match=r"does not let whos-there call hostapd\.xy{51}: allow it"
    ):
        devices(backend)


def test_a_wrong_password_is_refused(backend: Backend, server: OpenwrtServer) -> None:
    backend.settings = replace(backend.settings, password=SecretStr("wrong-geheim"))
    with (
        backend.router() as router,
        pytest.raises(
            RouterRefused, match=r"refuses the login: look at username and password of presence"
        ),
    ):
        router.devices()
    assert server.logins == 1


@pytest.mark.parametrize("broken", ["wlan1", "iwinfo"])
def test_a_radio_that_cannot_be_asked_is_an_error(
    backend: Backend, server: OpenwrtServer, broken: str
) -> None:
    server.broken = {broken}
    server.objects = ALL_RIGHTS - {"hostapd.wlan0", "hostapd.wlan1"}
    with pytest.raises(RouterError):
        devices(backend)


def test_a_router_without_wifi_is_refused(backend: Backend, server: OpenwrtServer) -> None:
    server.objects = frozenset({"luci-rpc"})
    with pytest.raises(
        RouterRefused, match="lists no Wi-Fi interface: install rpcd-mod-iwinfo there"
    ):
        devices(backend)


def test_without_ubus_the_missing_package_is_named(backend: Backend) -> None:
    backend.settings = replace(backend.settings, url=f"{backend.settings.url}/other")
    with pytest.raises(
        RouterRefused, match=r"has no ubus at this address \(HTTP 404\): install uhttpd-mod-ubus"
    ):
        devices(backend)

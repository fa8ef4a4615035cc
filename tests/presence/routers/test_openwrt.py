"""OpenWrt's rights, radios and leases."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from app.errors import RouterError, RouterRefused
from app.presence.base import Device
from tests.presence.stages import Stage, openwrt
from tests.servers.router import Phone
from tests.servers.router_openwrt import ALL_RIGHTS, OpenwrtServer

ANNA = Phone("AA:BB:CC:00:00:01", "annas-iphone", "192.168.1.11")
BEN = Phone("AA:BB:CC:00:00:02", "bens-pixel", "192.168.1.12")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with openwrt() as made:
        made.show([ANNA, BEN])
        yield made


@pytest.fixture
def server(stage: Stage) -> OpenwrtServer:
    assert isinstance(stage.server, OpenwrtServer)
    return stage.server


def devices(stage: Stage) -> list[Device]:
    with stage.router() as router:
        return router.devices()


def test_all_radios_are_asked_in_two_calls(stage: Stage, server: OpenwrtServer) -> None:
    with stage.router() as router:
        router.devices()
        server.asked.clear()
        assert sorted(str(one.mac) for one in router.devices()) == [
            "aa:bb:cc:00:00:01",
            "aa:bb:cc:00:00:02",
        ]
    assert len(server.asked) == 2


def test_a_lease_alone_does_not_make_a_phone_connected(stage: Stage, server: OpenwrtServer) -> None:
    server.leases_of_the_gone = [
        {"macaddr": "AA:BB:CC:00:00:09", "ipaddr": "192.168.1.19", "hostname": "gone"}
    ]
    assert "aa:bb:cc:00:00:09" not in [one.mac for one in devices(stage)]


def test_who_has_not_shown_the_password_is_not_connected(
    stage: Stage, server: OpenwrtServer
) -> None:
    server.strangers = ["aa:bb:cc:00:00:66"]
    assert sorted(str(one.mac) for one in devices(stage)) == [
        "aa:bb:cc:00:00:01",
        "aa:bb:cc:00:00:02",
    ]


def test_since_when_a_phone_is_associated_is_told(stage: Stage) -> None:
    assert all(one.connected_since for one in devices(stage))


def test_a_session_that_expired_is_renewed_once(stage: Stage, server: OpenwrtServer) -> None:
    with stage.router() as router:
        router.devices()
        server.expire()
        assert len(router.devices()) == 2
        assert len(router.devices()) == 2
    assert server.logins == 2


@pytest.mark.parametrize("rights", [{"iwinfo"}, {"hostapd.wlan0", "hostapd.wlan1"}])
def test_either_way_to_the_stations_does_and_without_leases_they_have_no_names(
    stage: Stage, server: OpenwrtServer, rights: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    server.rights = frozenset(rights)
    with stage.router() as router:
        for _ in range(3):
            assert sorted((str(one.mac), one.hostname) for one in router.devices()) == [
                ("aa:bb:cc:00:00:01", None),
                ("aa:bb:cc:00:00:02", None),
            ]
    (told,) = [record.getMessage() for record in caplog.records if "leases" in record.getMessage()]
    assert "tells no DHCP leases to whos-there, so devices have no names: only MACs count" in told


@pytest.mark.parametrize(
    ("rights", "call"),
    [(set(), "hostapd.wlan0 get_clients"), ({"hostapd.wlan0"}, "hostapd.wlan1 get_clients")],
)
def test_a_right_that_is_missing_is_named_and_the_login_tried_once_a_poll(
    stage: Stage, server: OpenwrtServer, rights: set[str], call: str
) -> None:
    server.rights = frozenset(rights)
    with stage.router() as router:
        for poll in (1, 2):
            with pytest.raises(
                RouterRefused,
                match=f"does not let whos-there call {call}: allow it in /usr/share/rpcd/acl.d",
            ):
                router.devices()
            assert server.logins == poll


def test_an_account_without_rights_is_told_the_first_that_it_needs(
    stage: Stage, server: OpenwrtServer
) -> None:
    server.objects, server.rights = frozenset({"iwinfo", "luci-rpc"}), frozenset()
    with pytest.raises(RouterRefused, match="does not let whos-there call iwinfo devices"):
        devices(stage)


def test_a_name_that_nobody_can_read_is_shown_in_part(stage: Stage, server: OpenwrtServer) -> None:
    server.objects, server.rights = frozenset({"hostapd.\nx\ud800" + "y" * 5000}), frozenset()
    with pytest.raises(
        RouterRefused, match=r"does not let whos-there call hostapd\.xy{51}: allow it"
    ):
        devices(stage)


def test_a_wrong_password_is_refused(stage: Stage, server: OpenwrtServer) -> None:
    stage.settings = replace(stage.settings, password=SecretStr("wrong-geheim"))
    with (
        stage.router() as router,
        pytest.raises(
            RouterRefused, match=r"refuses the login: look at username and password of presence"
        ),
    ):
        router.devices()
    assert server.logins == 1


@pytest.mark.parametrize("broken", ["wlan1", "iwinfo"])
def test_a_radio_that_cannot_be_asked_is_an_error_since_its_phones_would_seem_gone(
    stage: Stage, server: OpenwrtServer, broken: str
) -> None:
    server.broken = {broken}
    server.objects = ALL_RIGHTS - {"hostapd.wlan0", "hostapd.wlan1"}
    with pytest.raises(RouterError):
        devices(stage)


def test_a_router_without_wifi_is_said_to_be_one(stage: Stage, server: OpenwrtServer) -> None:
    server.objects = frozenset({"luci-rpc"})
    with pytest.raises(
        RouterRefused, match="tells of no Wi-Fi interface: install rpcd-mod-iwinfo there"
    ):
        devices(stage)


def test_a_router_without_ubus_is_told_what_to_install(stage: Stage) -> None:
    stage.settings = replace(stage.settings, url=f"{stage.settings.url}/other")
    with pytest.raises(
        RouterRefused, match=r"has no ubus at this address \(HTTP 404\): install uhttpd-mod-ubus"
    ):
        devices(stage)

"""Reading devices from routers' answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import RouterError
from app.presence.base import Device
from app.presence.routers.parsing import each_once, read_device, read_since

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
MAC = "aa:bb:cc:00:00:01"


@pytest.mark.parametrize(
    "mac",
    [
        "AA:BB:CC:00:00:01",
        "aa-bb-cc-00-00-01",
        "aabb.cc00.0001",
        "AABBCC000001",
        " aa:bb:cc:00:00:01 ",
    ],
)
def test_a_mac_is_read_in_any_spelling(mac: str) -> None:
    assert read_device(mac) == Device(MAC)


@pytest.mark.parametrize(
    "mac",
    [
        "aa:bb:cc:00:00",
        "aa:bb:cc:00:00:0g",
        "00:00:00:00:00:00",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
        7,
        [],
        "x",
    ],
)
def test_an_invalid_mac_makes_no_device_whatever_its_name(mac: object) -> None:
    assert read_device(mac, "annas-iphone") is None


@pytest.mark.parametrize("mac", [None, ""])
def test_without_a_mac_a_name_is_enough(mac: str | None) -> None:
    assert read_device(mac, "Annas-iPhone.") == Device(None, "annas-iphone")
    assert read_device(mac, "*") is None


@pytest.mark.parametrize(
    "name", [None, 7, "", "*", "unknown", "Unknown", " -- ", "N/A", "...", "\x1b\x07", "null"]
)
def test_an_unusable_name_is_none(name: object) -> None:
    assert read_device(MAC, name) == Device(MAC)


def test_names_are_printable_and_of_limited_length() -> None:
    assert read_device(MAC, "anna\x1b[31m\u202e") == Device(MAC, "anna[31m")
    device = read_device(MAC, "a" * 10_000)
    assert device
    assert len(device.hostname or "") == 253


@pytest.mark.parametrize(
    ("ip", "read"),
    [
        ("192.168.1.2", "192.168.1.2"),
        ("FE80::1", "fe80::1"),
        ("", None),
        ("1.2.3", None),
        (7, None),
    ],
)
def test_an_address_is_one_or_none(ip: Any, read: str | None) -> None:
    assert read_device(MAC, None, ip) == Device(MAC, None, read)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2026-11-20T09:15:00Z", NOW - timedelta(hours=1)),
        ("2026-11-20T10:15:00+01:00", NOW - timedelta(hours=1)),
        (NOW.timestamp(), NOW),
        (int(NOW.timestamp()) * 1000, NOW),
        (str(int(NOW.timestamp())), NOW),
        (3600, NOW - timedelta(hours=1)),
        ("3600", NOW - timedelta(hours=1)),
        (0, None),
        (-5, None),
        (True, None),
        ("yesterday", None),
        (float("inf"), None),
        (float("nan"), None),
        (1e300, None),
        ("9" * 400, None),
        (None, None),
        ([], None),
    ],
)
def test_a_time_is_read_in_any_form_or_none(said: object, read: datetime | None) -> None:
    assert read_since(said, NOW) == read


def test_entries_with_the_same_mac_are_merged() -> None:
    found = [
        read_device(MAC),
        read_device(MAC, "anna"),
        None,
        read_device(MAC, "other", "192.168.1.2", NOW),
    ]
    assert each_once(found, "the router") == [Device(MAC, "anna", "192.168.1.2", NOW)]


def test_entries_without_a_device_are_an_error_no_entries_not() -> None:
    assert each_once([], "the router") == []
    with pytest.raises(RouterError, match="the router lists 2, but none has a valid MAC address"):
        each_once([None, None], "the router")

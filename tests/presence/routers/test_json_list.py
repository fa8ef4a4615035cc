"""Finding devices in a router's JSON."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import RouterError
from app.presence.base import Device, HttpJsonSettings
from app.presence.routers.json_list import NotTheList, at, devices_among, entries_in

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PLAIN = HttpJsonSettings(devices="/")
MAC = "aa:bb:cc:00:00:01"


def devices(said: Any, settings: HttpJsonSettings = PLAIN) -> list[Device]:
    return devices_among(entries_in(said, settings, "the router")[0], settings, "the router", NOW)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (None, {"a": [{"b": 1}, {"b": 2}]}),
        ("a.1.b", 2),
        ("a.2.b", None),
        ("a.b", None),
        ("x.y", None),
        ("a.0.b.c", None),
        ("a.-1.b", None),
    ],
)
def test_a_place_is_found_or_none(place: str | None, found: object) -> None:
    assert at({"a": [{"b": 1}, {"b": 2}]}, place) == found


def test_the_answer_itself_may_be_the_list() -> None:
    assert devices([{"mac": MAC}]) == [Device(MAC)]


def test_an_object_of_objects_is_a_list_too() -> None:
    said = {
        "get_clientlist": {
            "maclist": [MAC],
            MAC: {"mac": MAC, "name": "Anna"},
            "ClientAPILevel": "5",
        }
    }
    assert devices(said, replace(PLAIN, list="get_clientlist", hostname="name")) == [
        Device(MAC, "anna")
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"list": {"a": 1}},
        {"list": {}},
        {"list": None},
        {"list": "x"},
        {"other": []},
        7,
        None,
        [],
        "x",
    ],
)
def test_an_answer_without_a_list_is_described(said: Any) -> None:
    with pytest.raises(
        NotTheList,
        match=r"the router answers without a list at http_json\.list; the answer (has: |is )",
    ):
        devices(said, replace(PLAIN, list="list"))


def test_names_in_the_answer_are_shown_and_values_are_not() -> None:
    with pytest.raises(NotTheList) as caught:
        devices({"token": "geheim", "hosts": []}, replace(PLAIN, list="list"))
    assert str(caught.value).endswith("the answer has: token, hosts")


def test_of_unreadable_or_endless_names_only_a_part_is_shown() -> None:
    said = {"x\n\x1b[31my\ud800": 1, "z" * 5000: 1} | {str(number): 1 for number in range(5000)}
    with pytest.raises(NotTheList) as caught:
        devices(said, replace(PLAIN, list="list"))
    assert f"the answer has: x[31my, {'z' * 60}, 0, 1," in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("flag", "wanted", "here"),
    [
        (True, None, True),
        (1, None, True),
        ("1", None, True),
        ("Online", None, True),
        (False, None, False),
        (0, None, False),
        ("offline", None, False),
        ("", None, False),
        ("WIRELESS", "wireless", True),
        (2, 2, True),
        ("2", 2, True),
        (1, 2, False),
        (True, True, True),
        ("true", True, True),
        (False, False, True),
    ],
)
def test_a_flag_says_which_device_is_connected(
    flag: object, wanted: bool | int | str | None, here: bool
) -> None:
    settings = replace(PLAIN, active="state.on", active_value=wanted)
    assert devices([{"mac": MAC, "state": {"on": flag}}], settings) == (
        [Device(MAC)] if here else []
    )


def test_a_flag_that_no_entry_has_is_an_error() -> None:
    with pytest.raises(
        RouterError,
        match=r"lists 2, but none with a flag at http_json\.active; the answer has: mac, up",
    ):
        devices([{"mac": MAC, "up": 1}, {"mac": MAC, "up": 0}], replace(PLAIN, active="online"))


def test_an_entry_without_the_flag_is_not_connected() -> None:
    said = [{"mac": "aa:bb:cc:00:00:02"}, {"mac": MAC, "online": 1}]
    assert devices(said, replace(PLAIN, active="online")) == [Device(MAC)]


def test_wrong_places_are_an_error_not_an_empty_house() -> None:
    with pytest.raises(
        RouterError,
        match=r"lists 1, but none with a MAC or name where http_json .*has: macAddr, online",
    ):
        devices([{"macAddr": MAC, "online": "0"}], replace(PLAIN, active="online"))


def test_an_entry_that_could_not_be_read_does_not_count() -> None:
    assert devices([None, {"mac": MAC}]) == [Device(MAC)]
    assert devices([None]) == []


@pytest.mark.parametrize("entry", [7, "x", [], {}])
def test_other_entries_are_skipped_but_only_those_are_an_error(
    entry: Any,
) -> None:
    assert devices([entry, {"mac": MAC}]) == [Device(MAC)]
    with pytest.raises(RouterError, match="lists 1, but none"):
        devices([entry])


def test_a_router_without_macs_can_list_names() -> None:
    assert devices([{"hostname": "Anna"}, {"hostname": "anna"}], replace(PLAIN, mac=None)) == [
        Device(None, "anna")
    ]


@pytest.mark.parametrize("total", [None, "9", 1.5])
def test_a_total_that_is_no_number_is_an_error(total: object) -> None:
    settings = HttpJsonSettings(devices="/?o={offset}", list="data", total="total")
    with pytest.raises(NotTheList, match=r"without a number at http_json\.total"):
        entries_in({"data": [], "total": total}, settings, "the router")

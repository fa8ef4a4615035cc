"""The owners of devices: by MAC first, and by name where that is safe."""

import pytest

from app.presence.base import Device, PersonSettings
from app.presence.owners import owner

ANNA, BEN, STRANGER = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0f"
PEOPLE = {
    "anna": PersonSettings((ANNA,), ("iphone",)),
    "ben": PersonSettings((BEN,)),
    "cleo": PersonSettings(hosts=("pixel",)),
}


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (Device(ANNA), "anna"),
        (Device(ANNA, "somebody-elses"), "anna"),
        (Device(BEN, "iphone"), "ben"),
        (Device(BEN, "pixel"), "ben"),
        (Device(STRANGER), None),
        (Device(None, None), None),
    ],
)
def test_a_mac_has_priority_over_every_name(device: Device, name: str | None) -> None:
    assert owner(PEOPLE, device) == name


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (Device(STRANGER, "iphone"), None),
        (Device(None, "iphone"), "anna"),
        (Device(None, "bens-iphone"), None),
    ],
)
def test_a_name_counts_only_without_a_mac_for_who_has_macs(
    device: Device, name: str | None
) -> None:
    assert owner(PEOPLE, device) == name


@pytest.mark.parametrize("mac", [STRANGER, None])
def test_a_name_counts_always_for_who_has_no_macs(mac: str | None) -> None:
    assert owner(PEOPLE, Device(mac, "pixel")) == "cleo"


def test_among_nobody_a_device_has_no_owner() -> None:
    assert owner({}, Device(ANNA, "iphone")) is None

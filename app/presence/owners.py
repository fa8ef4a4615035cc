"""The owners of devices."""

from collections.abc import Mapping

from app.presence.base import Device, PersonSettings


def owner(people: Mapping[str, PersonSettings], device: Device) -> str | None:
    """Return the name of the person among *people* who owns *device*; None when nobody owns it.

    A MAC has priority over all names: a device with a person's MAC is that person's, whatever its
    host name is. Any device can take any host name. So a host name counts for people without MACs;
    for people with MACs it counts only when the router lists the device without a MAC.
    """
    for name, person in people.items():
        if device.mac in person.macs:
            return name
    for name, person in people.items():
        if device.hostname in person.hosts and (device.mac is None or not person.macs):
            return name
    return None

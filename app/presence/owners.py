"""Whose a device is."""

from collections.abc import Mapping

from app.presence.base import Device, PersonSettings


def owner(people: Mapping[str, PersonSettings], device: Device) -> str | None:
    """The name of whose *device* is, None when it is nobody's who lives here.

    A MAC goes before every name: a device with a resident's MAC is that resident's, whatever it
    calls itself. A host name, which is anybody's to choose, counts for those who have no MACs, and
    for others only when the router tells no MAC of the device.
    """
    for name, person in people.items():
        if device.mac in person.macs:
            return name
    for name, person in people.items():
        if device.hostname in person.hosts and (device.mac is None or not person.macs):
            return name
    return None

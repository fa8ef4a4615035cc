"""What routers say of devices, read with care: phones choose their names, and routers write them
down in many ways.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.errors import RouterError
from app.presence.base import Device, plain_host, plain_mac

#: What routers write when they know no name.
_NAMELESS = {"", "*", "-", "--", "unknown", "n/a", "none", "null"}
_LONGEST_NAME = 253
#: A number below this is seconds since the device came, one above the other is a time in
#: milliseconds, one between in seconds.
_TIMES_FROM, _MILLISECONDS_FROM = 1e9, 1e11


def read_device(
    mac: object, hostname: object = None, ip: object = None, since: datetime | None = None
) -> Device | None:
    """The device that a router says this of; None when it is none: its MAC is malformed, or it has
    neither MAC nor name.
    """
    address = _mac(mac) if mac not in (None, "") else None
    name = _hostname(hostname)
    if (address is None and mac not in (None, "")) or (address is None and name is None):
        return None
    return Device(address, name, _ip(ip), since)


def read_since(said: object, now: datetime) -> datetime | None:
    """The moment that *said* means: ISO 8601, the Unix time in seconds or milliseconds, or for how
    many seconds; None when it is none.
    """
    try:
        if isinstance(said, str) and not said.strip().isdecimal():
            return datetime.fromisoformat(said.strip()).astimezone(UTC)
        number = (
            float(said)
            if isinstance(said, str | int | float) and not isinstance(said, bool)
            else 0.0
        )
        if number < _TIMES_FROM:
            return now - timedelta(seconds=number) if number > 0 else None
        return datetime.fromtimestamp(number / (1000 if number >= _MILLISECONDS_FROM else 1), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def each_once(found: Sequence[Device | None], router: str) -> list[Device]:
    """The devices in *found*, those with the same MAC made one; `RouterError` when there is
    something in it, but no device.
    """
    if found and not any(found):
        raise RouterError(
            f"{router} lists {len(found)}, but none has a sound MAC address, or a name in place of "
            "one"
        )
    devices: dict[tuple[str | None, ...], Device] = {}
    for device in found:
        if device:
            key = (device.mac,) if device.mac else (None, device.hostname, device.ip)
            devices[key] = _joined(devices[key], device) if key in devices else device
    return list(devices.values())


def readable(text: str, longest: int = 60) -> str:
    """What can be read of *text*, which a router or a phone has chosen, on one line of at most
    *longest* signs.
    """
    return "".join(sign for sign in text if sign.isprintable())[:longest]


def _joined(first: Device, other: Device) -> Device:
    return replace(
        first,
        hostname=first.hostname or other.hostname,
        ip=first.ip or other.ip,
        connected_since=first.connected_since or other.connected_since,
    )


def _mac(said: object) -> str | None:
    """*said* as a MAC of a single device; None when it is none, or that of nobody or of many."""
    try:
        mac = plain_mac(said) if isinstance(said, str) else ""
    except ValueError:
        return None
    many_or_nobody = not mac or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00"
    return None if many_or_nobody else mac


def _hostname(said: object) -> str | None:
    if not isinstance(said, str):
        return None
    try:
        name = plain_host(readable(said, _LONGEST_NAME))
    except ValueError:
        return None
    return None if name in _NAMELESS else name


def _ip(said: object) -> str | None:
    try:
        return str(ipaddress.ip_address(said)) if isinstance(said, str) else None
    except ValueError:
        return None

"""Reads devices from routers' answers with care.

Phones choose their names, and routers write them in many ways.
"""

import ipaddress
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.errors import RouterError
from app.presence.base import Device, plain_host, plain_mac

#: The words that routers write in place of an unknown name.
_NAMELESS = {"", "*", "-", "--", "unknown", "n/a", "none", "null"}
_LONGEST_NAME = 253
#: A number below the first is the seconds since the device connected. A number from the second on
#: is a Unix time in ms. A number between the two is a Unix time in s.
_TIMES_FROM, _MILLISECONDS_FROM = 1e9, 1e11


def read_device(
    mac: object, hostname: object = None, ip: object = None, since: datetime | None = None
) -> Device | None:
    """Return the device that a router describes; None when it describes no device.

    A device has a MAC or a name, and a MAC that is not malformed.
    """
    address = _mac(mac) if mac not in (None, "") else None
    name = _hostname(hostname)
    if (address is None and mac not in (None, "")) or (address is None and name is None):
        return None
    return Device(address, name, _ip(ip), since)


def read_since(said: object, now: datetime) -> datetime | None:
    """Return the moment that *said* means; None when it is no moment.

    *said* may be ISO 8601, a Unix time in seconds or milliseconds, or the seconds before *now*.
    """
    try:
        if isinstance(said, bool) or not isinstance(said, str | int | float):
            return None
        if isinstance(said, str) and not said.strip().isdecimal():
            return datetime.fromisoformat(said.strip()).astimezone(UTC)
        number = float(said)
        if number < _TIMES_FROM:
            return now - timedelta(seconds=number) if number > 0 else None
        return datetime.fromtimestamp(number / (1000 if number >= _MILLISECONDS_FROM else 1), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def each_once(found: Sequence[Device | None], router: str) -> list[Device]:
    """Return the devices in *found*; those with the same MAC become one.

    Raises `RouterError` when *found* has entries, but none is a device.
    """
    if found and not any(found):
        raise RouterError(
            f"{router} lists {len(found)}, but none has a valid MAC address, or a name in its place"
        )
    devices: dict[tuple[str | None, ...], Device] = {}
    for device in found:
        if device:
            key = (device.mac,) if device.mac else (None, device.hostname, device.ip)
            devices[key] = _joined(devices[key], device) if key in devices else device
    return list(devices.values())


def readable(text: str, longest: int = 60) -> str:
    """Return at most *longest* printable characters of *text*, which a router or phone chose."""
    return "".join(itertools.islice(filter(str.isprintable, text), longest))


def _joined(first: Device, other: Device) -> Device:
    return replace(
        first,
        hostname=first.hostname or other.hostname,
        ip=first.ip or other.ip,
        connected_since=first.connected_since or other.connected_since,
    )


def _mac(said: object) -> str | None:
    """Return *said* as the MAC of one device; None when it is something else."""
    try:
        mac = plain_mac(said) if isinstance(said, str) else ""
    except ValueError:
        return None
    is_no_device = not mac or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00"
    return None if is_no_device else mac


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

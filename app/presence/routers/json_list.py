"""Finds the list of devices in a router's JSON, at the places that the settings name."""

import itertools
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.errors import RouterError
from app.presence.base import Device, HttpJsonSettings
from app.presence.routers.parsing import each_once, read_device, read_since, readable

#: The flags of connected devices, when the settings name none.
_YES = {"1", "true", "yes", "on", "up", "online", "active", "connected"}
_MOST_NAMES = 12


class NotTheList(RouterError):
    """The answer is not the list of devices; an expired login may be the reason."""


def at(said: Any, place: str | None) -> Any:
    """Return the part of *said* at the dotted *place*; None when there is none.

    Returns all of *said* when *place* is None.
    """
    for key in place.split(".") if place else ():
        if isinstance(said, list) and key.isdecimal() and int(key) < len(said):
            said = said[int(key)]
        else:
            said = said.get(key) if isinstance(said, dict) else None
    return said


def entries_in(said: Any, settings: HttpJsonSettings, router: str) -> tuple[list[Any], int]:
    """Return the entries of the list in *said*, and the number of all entries of the router.

    The list may also be an object that holds objects.
    """
    entries = at(said, settings.list)
    if isinstance(entries, dict) and settings.list:
        entries = [one for one in entries.values() if isinstance(one, dict)] or None
    if not isinstance(entries, list):
        raise NotTheList(f"{router} answers without a list at http_json.list; {_names(said)}")
    total = at(said, settings.total) if settings.total else len(entries)
    if not isinstance(total, int):
        raise NotTheList(f"{router} answers without a number at http_json.total; {_names(said)}")
    return entries, total


def devices_among(
    entries: list[Any], settings: HttpJsonSettings, router: str, now: datetime
) -> list[Device]:
    """Return the devices among *entries* that are connected.

    Raises `RouterError` when there are entries, but none can be understood. Entries whose JSON
    could not be read do not count.
    """
    entries = [one for one in entries if one is not None]
    flagged = entries
    if settings.active is not None:
        flagged = [one for one in entries if at(one, settings.active) is not None]
    if entries and not flagged:
        raise RouterError(
            f"{router} lists {len(entries)}, but none with a flag at http_json.active; "
            f"{_names(entries[0])}"
        )
    devices = [_device(one, settings, now) for one in flagged]
    if flagged and not any(devices):
        raise RouterError(
            f"{router} lists {len(entries)}, but none with a MAC or name where http_json looks; "
            f"{_names(entries[0])}"
        )
    active = [
        device
        for device, one in zip(devices, flagged, strict=True)
        if device and _is_active(one, settings)
    ]
    return each_once(active, router)


def _device(entry: Any, settings: HttpJsonSettings, now: datetime) -> Device | None:
    mac, hostname, ip, since = (
        at(entry, place) if place else None
        for place in (settings.mac, settings.hostname, settings.ip, settings.since)
    )
    return read_device(mac, hostname, ip, read_since(since, now))


def _is_active(entry: Any, settings: HttpJsonSettings) -> bool:
    if settings.active is None:
        return True
    flag = str(at(entry, settings.active)).strip().lower()
    if settings.active_value is None:
        return flag in _YES
    return flag == str(settings.active_value).lower()


def _names(said: Any) -> str:
    """Return a hint that helps to correct the places: the names in *said*, not its values."""
    if not isinstance(said, dict):
        return f"the answer is {'a list' if isinstance(said, list) else 'no object'}"
    return f"the answer has: {shown(said) or 'no names'}"


def shown(names: Iterable[str]) -> str:
    """Return some of *names*, which a router has chosen, on one short line."""
    return ", ".join(readable(name) for name in itertools.islice(names, _MOST_NAMES))

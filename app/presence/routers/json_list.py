"""A list of devices in a router's JSON, found at the places that the settings name."""

import itertools
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.errors import RouterError
from app.presence.base import Device, HttpJsonSettings
from app.presence.routers.parsing import each_once, read_device, read_since, readable

#: What a flag says of a device that is connected, when the settings do not say it.
_YES = {"1", "true", "yes", "on", "up", "online", "active", "connected"}
_MOST_NAMES = 12


class NotTheList(RouterError):
    """What came is not the list of devices; a login that has expired may be why."""


def at(said: Any, place: str | None) -> Any:
    """What lies in *said* at the dotted *place*, None when nothing does; all of it when *place* is
    None.
    """
    for key in place.split(".") if place else ():
        if isinstance(said, list) and key.isdecimal() and int(key) < len(said):
            said = said[int(key)]
        else:
            said = said.get(key) if isinstance(said, dict) else None
    return said


def entries_in(said: Any, settings: HttpJsonSettings, router: str) -> tuple[list[Any], int]:
    """The entries of the list in *said*, and how many the router has in all. A place may also name
    an object that holds objects.
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
    """The devices among *entries* that are connected; `RouterError` when there are entries, but
    none can be understood.
    """
    flagged = [
        one for one in entries if settings.active is None or at(one, settings.active) is not None
    ]
    if entries and not flagged:
        raise RouterError(
            f"{router} lists {len(entries)}, but none with a flag at http_json.active; "
            f"{_names(entries[0])}"
        )
    read = {number: _device(one, settings, now) for number, one in enumerate(flagged)}
    if flagged and not any(read.values()):
        raise RouterError(
            f"{router} lists {len(entries)}, but none with a MAC or name where http_json looks; "
            f"{_names(entries[0])}"
        )
    return each_once(
        [
            read[number]
            for number, one in enumerate(flagged)
            if read[number] and _is_active(one, settings)
        ],
        router,
    )


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
    return (
        flag in _YES
        if settings.active_value is None
        else flag == str(settings.active_value).lower()
    )


def _names(said: Any) -> str:
    """What of *said* helps to set the places right: its names, not what stands there."""
    if not isinstance(said, dict):
        return f"what is there is {'a list' if isinstance(said, list) else 'no object'}"
    return f"there are: {shown(said) or 'no names'}"


def shown(names: Iterable[str]) -> str:
    """Some of *names*, which a router has chosen, on one short line."""
    return ", ".join(readable(name) for name in itertools.islice(names, _MOST_NAMES))

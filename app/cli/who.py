"""The verb `who`: asks the router once, and shows its devices and who is home."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.options import loaded
from app.cli.table import table
from app.clock import SystemClock
from app.config.options import config_options
from app.errors import RouterError, RouterRefused
from app.presence import make_router
from app.presence.base import Device, PresenceSettings, RouterSettings
from app.presence.owners import owner
from app.times import format_time

_HEADINGS = ("MAC", "name", "address", "since", "whose")
_MARK = "*"


@click.command()
@config_options
def who(*, folder: Path | None, profile: str | None) -> None:
    """Ask the router once, and show who is home. Nothing is armed or disarmed."""
    settings = loaded(folder, profile).presence
    try:
        devices = _devices(settings.router)
    except RouterRefused as error:
        raise click.ClickException(str(error)) from None
    except RouterError as error:
        cure = (
            f"\nIs presence.router.url right? It is {settings.router.url}."
            if settings.router.url
            else ""
        )
        raise click.ClickException(f"{error}{cure}") from None
    for line in _report(settings, devices):
        click.echo(line)


def _devices(settings: RouterSettings) -> list[Device]:
    router = make_router(settings, SystemClock())
    if router is None:
        raise click.ClickException(
            "no router is set: choose one with presence.router.backend in config.yml; setup.md "
            "shows how"
        )
    try:
        return router.devices()
    finally:
        router.close()


def _report(settings: PresenceSettings, devices: Sequence[Device]) -> Iterator[str]:
    owners = {device: owner(settings.people, device) for device in devices}
    if devices:
        ordered = sorted(
            devices,
            key=lambda one: (
                owners[one] is None,
                owners[one] or "",
                one.hostname or "~",
                one.mac or "",
            ),
        )
        yield table(_HEADINGS, [_row(device, owners[device] or "-") for device in ordered])
    else:
        yield "The router answers: nothing is connected."
    yield ""
    if any(_is_private(device) for device in devices):
        yield (
            f"{_MARK} A private MAC, which the phone made up for this Wi-Fi. It works as long as "
            "it stays the same. If it changes,"
        )
        yield (
            '  set the phone\'s "private Wi-Fi address" for this network to fixed or off, and use '
            "the MAC that it has then."
        )
    yield from _household(settings, {name for name in owners.values() if name})


def _household(settings: PresenceSettings, home: Collection[str]) -> Iterator[str]:
    if not settings.people:
        yield (
            "Nobody lives here yet: name people in private.yml, as in presence: {people: {anna: "
            "{macs: ['aa:bb:cc:dd:ee:ff']}}}"
        )
        return
    yield f"Home: {', '.join(name for name in settings.people if name in home) or 'nobody'}"
    yield f"Not seen: {', '.join(name for name in settings.people if name not in home) or 'nobody'}"
    named = [name for name, person in settings.people.items() if not person.macs]
    if named and settings.router.backend == "arp":
        yield (
            f"The router arp knows no host names: {', '.join(named)} can only be seen with a MAC."
        )
    elif named:
        yield (
            f"Known by host name only: {', '.join(named)}. Any phone may take that name; a MAC is "
            "better."
        )


def _row(device: Device, whose: str) -> tuple[str, ...]:
    since = (
        format_time(device.connected_since, datetime.now(UTC)) if device.connected_since else "-"
    )
    mac = f"{device.mac or '-'}{_MARK if _is_private(device) else ''}"
    return mac, device.hostname or "-", device.ip or "-", since, whose


def _is_private(device: Device) -> bool:
    """Return whether the MAC is locally administered, by its bit for that."""
    return device.mac is not None and bool(int(device.mac[:2], 16) & 2)

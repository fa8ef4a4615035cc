"""The verb `silencer`: shows what it has learned, and switches it on and off."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.options import cameras_meant, loaded
from app.config.options import config_options
from app.silencer.memory import is_on, read_memory, switch_off, switch_on
from app.silencer.silencer import Silencer
from app.times import format_time


@click.command()
@config_options
@click.argument("action", type=click.Choice(["status", "on", "off"]), default="status")
@click.argument("camera", required=False)
def silencer(*, folder: Path | None, profile: str | None, action: str, camera: str | None) -> None:
    """Show what the silencer of CAMERA, or of all, has learned; let it silence alerts, or not."""
    config = loaded(folder, profile)
    now = datetime.now(UTC)
    for name in cameras_meant(config, camera):
        try:
            if action == "on":
                switch_on(config.folder, name, now)
            if action == "off":
                switch_off(config.folder, name)
        except OSError as error:
            raise click.ClickException(f"{name} was not switched {action}: {error}") from None
        for line in _report(config.folder, name, now):
            click.echo(f"{name}: {line}")


def _report(folder: Path, camera: str, now: datetime) -> Iterator[str]:
    since = is_on(folder, camera)
    yield f"on since {format_time(since, now)}" if since else "off: all alerts are sent"
    learned = Silencer(read_memory(folder, camera).examples)
    yield f"{learned.people} tags as occupied, {learned.empties} as unoccupied"
    promise = learned.promise
    if learned.lacks or promise is None:
        yield learned.lacks or ""
    else:
        yield (
            f"it knows {promise.removed} of {promise.empties} tagged false alarms; at most "
            f"{promise.bound:.1%} of people are lost (upper 95 % bound)"
        )

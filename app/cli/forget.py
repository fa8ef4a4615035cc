"""The verb `forget`: makes the silencer of a camera forget what it has learned."""

from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.options import cameras_meant, loaded
from app.config.options import config_options
from app.silencer.memory import Memory, switch_off, write_memory


@click.command()
@config_options
@click.argument("camera", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(*, folder: Path | None, profile: str | None, camera: str | None, yes: bool) -> None:
    """Forget what the silencer of CAMERA, or of all cameras, has learned. Tags and events stay."""
    config = loaded(folder, profile)
    cameras = cameras_meant(config, camera)
    if not yes:
        click.confirm(f"Forget what was learned about {', '.join(cameras)}?", abort=True)
    for name in cameras:
        try:
            # Switched on, it would silence alerts by what nobody has watched for seven days.
            switch_off(config.folder, name)
            write_memory(config.folder, Memory(name, begins=datetime.now(UTC)))
        except OSError as error:
            raise click.ClickException(f"{name} was not forgotten: {error}") from None
        click.echo(
            f"{name}: forgotten, and off. The silencer learns from the events that come now."
        )

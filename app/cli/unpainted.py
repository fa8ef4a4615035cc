"""The verb `unpainted`: lists or deletes files from before a camera's privacy mask."""

from pathlib import Path

import click

from app.cli.options import cameras_meant, loaded
from app.config import Config
from app.config.options import config_options
from app.recording.unpainted import delete, hidden_since
from app.recording.unpainted import unpainted as unpainted_files
from app.times import format_time


@click.command()
@click.argument("camera", required=False)
@config_options
@click.option("--delete", "deletes", is_flag=True, help="Delete them.")
def unpainted(
    *, camera: str | None, folder: Path | None, profile: str | None, deletes: bool
) -> None:
    """List what may show areas that the privacy mask of CAMERA, or of every camera, hides now.

    These are events, alerts and samples from before the mask. Copies that were sent to Slack,
    Dropbox or S3 are not among them.
    """
    config = loaded(folder, profile)
    count = 0
    for name in cameras_meant(config, camera):
        for path in unpainted_files(config.data_dir, name):
            count += 1
            try:
                if deletes:
                    delete(path)
            except OSError as error:
                raise click.ClickException(f"{path}: {error.strerror or error}") from None
            click.echo(f"{'deleted ' * deletes}{path}")
    if not count:
        click.echo("There is nothing from before a privacy mask.")
    elif deletes:
        click.echo("Copies in Slack, Dropbox and S3 stay where they are.")


def doubt(config: Config, camera: str) -> str | None:
    """Return a sentence when *camera* has files from before its privacy mask; else None."""
    since = hidden_since(config.data_dir, camera)
    if since is None or next(unpainted_files(config.data_dir, camera), None) is None:
        return None
    return (
        f"{config.data_dir} has pictures of camera {camera} from before "
        f"{format_time(since, since)}, when its present privacy mask came into force. They may "
        f"show what it hides. `python -m app unpainted {camera}` lists them, and with --delete "
        "deletes them."
    )

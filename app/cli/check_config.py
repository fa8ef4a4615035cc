"""The verb `check-config`: names every mistake in the configuration."""

import sys
from pathlib import Path

import click

from app.cli.options import checked, doubts
from app.cli.unpainted import doubt as unpainted_doubt
from app.config import Config, config_folder
from app.errors import ConfigError
from app.launcher import extras


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--config", "named", metavar="DIR", type=click.Path(path_type=Path), help="The same as DIR."
)
@click.option(
    "--profile", metavar="NAME", help="The profile to lay over it, from its folder profiles/."
)
def check_config(*, folder: Path | None, named: Path | None, profile: str | None) -> None:
    """Name every mistake in the configuration in DIR, a line each. Nothing is started."""
    folder = folder or named
    try:
        config = checked(folder, profile)
    except ConfigError as error:
        click.echo("\n".join(error.problems))
        sys.exit(1)
    for doubt in (*doubts(config), *_unpainted(config)):
        click.echo(doubt, err=True)
    for name in extras.missing(extras.needed(config)):
        click.echo(f"{name} is not installed; scripts/start.sh installs it", err=True)
    if unknown := _unknown_to_apprise(config):
        click.echo("\n".join(unknown))
        sys.exit(1)
    click.echo(f"{config_folder(folder)}: no mistakes found")


def _unpainted(config: Config) -> list[str]:
    """Return a sentence for each camera with pictures from before its privacy mask."""
    found = (unpainted_doubt(config, camera) for camera in config.cameras)
    return [doubt for doubt in found if doubt]


def _unknown_to_apprise(config: Config) -> list[str]:
    """Return a sentence for each URL that Apprise does not know; this loads Apprise."""
    if not config.apprise.urls or extras.missing(["apprise"]):
        return []
    from app.notify.apprise import is_known_url

    urls = [url.get_secret_value() for url in config.apprise.urls]
    return [
        f"{config.folder}: apprise.urls.{number}: Apprise does not understand it; "
        "github.com/caronc/apprise says what it looks like"
        for number, url in enumerate(urls)
        if not is_known_url(url)
    ]

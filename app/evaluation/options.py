"""The options that several verbs of this package share, and the configuration they name."""

from pathlib import Path

import click

from app.config import Config, load_config
from app.errors import ConfigError

#: The place of the tagged events: a folder, or a bucket.
place_argument = click.argument("place", metavar="[DIR | s3://BUCKET/PREFIX]", required=False)
every_option = click.option(
    "--every",
    type=click.IntRange(1, 30),
    default=3,
    show_default=True,
    help="The person model looks at every so many of the last 30 frames. More is faster.",
)


def loaded(folder: Path | None, profile: str | None) -> Config:
    """Return the configuration, or end the verb with every mistake in it."""
    try:
        return load_config(folder, profile)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None

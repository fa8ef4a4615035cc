"""The options for the configuration that the verbs of this package share, and what they need."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from app.config import Config, load_config
from app.errors import ConfigError

Verb = TypeVar("Verb", bound=Callable[..., Any])


def config_options(verb: Verb) -> Verb:
    """Give *verb* the options that choose the configuration, *folder* and *profile*."""
    folder = click.option(
        "--config",
        "folder",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="The configuration's folder.",
    )
    profile = click.option(
        "--profile", metavar="NAME", help="The profile to lay over it, from its folder profiles/."
    )
    return folder(profile(verb))


def loaded(folder: Path | None, profile: str | None) -> Config:
    """Return the configuration, or end the verb with every mistake in it."""
    try:
        return load_config(folder, profile)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None

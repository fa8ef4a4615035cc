"""The options by which every verb of the command line finds its configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

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

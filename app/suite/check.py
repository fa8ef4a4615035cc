"""The verb `check-config`, and what the other verbs share of it."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from app.config import Config, config_folder, config_warnings, load_config
from app.errors import ConfigError
from app.files import GB
from app.logs import set_up_logs

Verb = TypeVar("Verb", bound=Callable[..., Any])


def config_options(verb: Verb) -> Verb:
    """Give *verb* the options that say which configuration it is about."""
    folder = click.option("--config", "folder", metavar="DIR", type=click.Path(path_type=Path), help="The configuration's folder.")
    profile = click.option("--profile", metavar="NAME", help="The profile to lay over it, from its folder profiles/.")
    return folder(profile(verb))


def loaded(folder: Path | None, profile: str | None) -> Config:
    """The configuration, or every mistake in it, a line each, and exit code 1."""
    try:
        return _checked(folder, profile)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def _checked(folder: Path | None, profile: str | None) -> Config:
    """The configuration; `ConfigError` also for a mistake in `logging.yml`."""
    config = load_config(folder, profile)
    set_up_logs(config.folder, config.secrets())
    return config


def remarks(config: Config) -> list[str]:
    """What is not wrong, but not as it should be, in the configuration or for this machine."""
    # Not Path.exists, which fails at a folder that we may not look into.
    there = next(folder for folder in (config.data_dir, *config.data_dir.parents) if os.path.exists(folder))  # noqa: PTH110
    disk_gb, least_gb = shutil.disk_usage(there).total / GB, config.disk.min_free_gb
    if least_gb < disk_gb:
        return config_warnings(config)
    beyond = (
        f"disk.min_free_gb ({least_gb:g}) is more than the whole disk has ({disk_gb:.1f}): what is uploaded gets deleted"
        " for it after a day, and with less than half of it free no clips and samples are kept; lower it"
    )
    return [*config_warnings(config), f"{config.folder / 'config.yml'}: {beyond}"]


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--config", "named", metavar="DIR", type=click.Path(path_type=Path), help="The same as DIR.")
@click.option("--profile", metavar="NAME", help="The profile to lay over it, from its folder profiles/.")
def check_config(*, folder: Path | None, named: Path | None, profile: str | None) -> None:
    """Name every mistake in the configuration in DIR. A line each; nothing is started or changed."""
    folder = folder or named
    try:
        config = _checked(folder, profile)
    except ConfigError as error:
        click.echo("\n".join(error.problems))
        sys.exit(1)
    for warning in remarks(config):
        click.echo(warning, err=True)
    if unknown := _unknown_to_apprise(config):
        click.echo("\n".join(unknown))
        sys.exit(1)
    click.echo(f"{config_folder(folder)}: no mistakes found")


def _unknown_to_apprise(config: Config) -> list[str]:
    """Which of Apprise's URLs are none, which only Apprise knows; it is loaded for them alone."""
    if not config.apprise.urls:
        return []
    from app.notify.apprise import is_known

    urls = [url.get_secret_value() for url in config.apprise.urls]
    return [
        f"{config.folder}: apprise.urls.{number}: Apprise does not understand it; github.com/caronc/apprise says what it looks like"
        for number, url in enumerate(urls)
        if not is_known(url)
    ]

"""The configuration that the options of a verb name, and what is doubtful in it."""

import os
import shutil
import sys
from pathlib import Path

import click

from app.config import Config, config_warnings, load_config
from app.errors import ConfigError
from app.files import GB
from app.logs import set_up_logs

#: The option for the folder of the pictures that a verb saves.
pictures_option = click.option(
    "--folder",
    "pictures",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder for the picture; by default the present one.",
)


def loaded(folder: Path | None, profile: str | None) -> Config:
    """Return the configuration, or print every mistake in it and end with exit code 1."""
    try:
        return checked(folder, profile)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def checked(folder: Path | None, profile: str | None) -> Config:
    """Return the configuration; `ConfigError` also for a mistake in `logging.yml`."""
    config = load_config(folder, profile)
    set_up_logs(config.folder, config.redactor())
    return config


def cameras_meant(config: Config, camera: str | None) -> list[str]:
    """Return *camera*, or all cameras if it is None; end with an error if it does not exist."""
    known = list(config.cameras)
    if camera is not None and camera not in known:
        raise click.ClickException(f"no camera is named {camera}; there is {', '.join(known)}")
    return known if camera is None else [camera]


def doubts(config: Config) -> list[str]:
    """Return a sentence for each setting that is valid but doubtful, here on this machine."""
    # `Path.exists` would fail at a folder that this user may not read.
    there = next(
        folder
        for folder in (config.data_dir, *config.data_dir.parents)
        if os.path.exists(folder)  # noqa: PTH110
    )
    disk_gb, least_gb = shutil.disk_usage(there).total / GB, config.disk.min_free_gb
    if least_gb < disk_gb:
        return config_warnings(config)
    beyond = (
        f"disk.min_free_gb ({least_gb:g}) is more than the whole disk has ({disk_gb:.1f}): "
        "uploaded files are deleted after a day, and with less than half of it free no clips and "
        "samples are kept; lower it"
    )
    return [*config_warnings(config), f"{config.folder / 'config.yml'}: {beyond}"]

"""Reads the configuration: files laid over one another, checked, as frozen settings.

`config.yml` shows every key; a profile from `profiles/` is laid over it, and `private.yml` over both,
key by key. `load_config` names every mistake at once, each with file, line and key.
"""

import json
import os
from pathlib import Path

from pydantic import (
    ValidationError,
)

from app.config.layers import Layers
from app.config.messages import described
from app.config.settings import PROJECT, Config
from app.errors import ConfigError

#: Where the configuration is when nothing else is said.
FOLDER_VARIABLE = "WHOS_THERE_CONFIG"
PROFILE_VARIABLE = "WHOS_THERE_PROFILE"
#: What every camera plays instead of its own source. Not on a command line, where everybody could
#: read its password.
SOURCE_VARIABLE = "WHOS_THERE_SOURCE"


def config_folder(folder: Path | None = None) -> Path:
    """*folder*, or what `$WHOS_THERE_CONFIG` says, or the project's own `config/`."""
    return (folder or Path(os.environ.get(FOLDER_VARIABLE) or PROJECT / "config")).resolve()


def load_config(folder: Path | None = None, profile: str | None = None) -> Config:
    """The configuration in *folder* with *profile* (or `$WHOS_THERE_PROFILE`) laid over it.
    `ConfigError` lists all that is wrong.
    """
    folder = config_folder(folder)
    layers = _read_layers(folder, profile or os.environ.get(PROFILE_VARIABLE))
    try:
        plain = json.dumps(layers.values, default=str)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            [
                *layers.problems,
                f"{folder / 'config.yml'}: only plain keys and values can be understood: {error}",
            ]
        ) from None
    try:
        config = Config.model_validate_json(plain, strict=True)
    except ValidationError as error:
        raise ConfigError(layers.problems + described(error, layers)) from None
    if layers.problems:
        raise ConfigError(layers.problems)
    try:
        data_dir = (folder.parent / config.data_dir.expanduser()).resolve()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            [
                f"{layers.place(('data_dir',))}: data_dir: must be a folder, as in /home/pi/data: "
                f"{error}"
            ]
        ) from None
    config = config.model_copy(update={"data_dir": data_dir})
    config._folder = folder
    return config


def _read_layers(folder: Path, profile: str | None) -> Layers:
    if not (folder / "config.yml").is_file():
        raise ConfigError(
            [
                f"{folder / 'config.yml'}: there is no such file; it may be empty, since every key "
                "has a default"
            ]
        )
    layers = Layers(folder)
    layers.add(folder / "config.yml")
    if profile:
        known = sorted(path.stem for path in (folder / "profiles").glob("*.yml"))
        if profile not in known:
            raise ConfigError(
                [
                    f"{folder / 'profiles'}: there is no profile {profile!r}; there are: "
                    f"{', '.join(known) or 'none'}"
                ]
            )
        layers.add(folder / "profiles" / f"{profile}.yml")
    if (folder / "private.yml").exists():
        layers.add(folder / "private.yml")
    return layers

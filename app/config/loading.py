"""Reads the configuration: files laid over one another, checked, as frozen settings.

`config.yml` shows every key. A profile from `profiles/` is laid over it, and `private.yml` over
both, key by key. `load_config` names every mistake at once, each with file, line and key.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from app.config.layers import Layers
from app.config.messages import described
from app.config.settings import PROJECT, Config, RedisSettings
from app.errors import ConfigError

#: The environment variables that name the configuration's folder and the profile.
FOLDER_VARIABLE = "WHOS_THERE_CONFIG"
PROFILE_VARIABLE = "WHOS_THERE_PROFILE"
#: The environment variable with a source for all cameras. The source is never on a command line,
#: where every user of the machine could read its password.
SOURCE_VARIABLE = "WHOS_THERE_SOURCE"


#: The file in the configuration's folder with the password of the suite's own Redis.
REDIS_PASSWORD_FILE = "redis.password"  # noqa: S105 (the name of a file)


def config_folder(folder: Path | None = None) -> Path:
    """Return *folder*, or the one in `$WHOS_THERE_CONFIG`, or the project's own `config/`."""
    return (folder or Path(os.environ.get(FOLDER_VARIABLE) or PROJECT / "config")).resolve()


class _Shared:
    """The configuration that the programs get from the process which forks them."""

    config: Config | None = None
    #: What it was read from: folder, profile, and the state of each file.
    source: tuple[object, ...] = ()


def share_config() -> None:
    """Read the configuration for the programs that this process will fork.

    They take it over while its files are the same. A wrong configuration is not shared: each
    program reports its mistakes.
    """
    folder, profile = config_folder(), os.environ.get(PROFILE_VARIABLE)
    _Shared.config, _Shared.source = None, _source(folder, profile)
    with suppress(ConfigError):
        _Shared.config = load_config(folder, profile)


def load_config(folder: Path | None = None, profile: str | None = None) -> Config:
    """Return the configuration in *folder*, with *profile* (or `$WHOS_THERE_PROFILE`) laid over it.

    Raises `ConfigError` with all mistakes.
    """
    folder = config_folder(folder)
    profile = profile or os.environ.get(PROFILE_VARIABLE)
    if _Shared.config and _Shared.source == _source(folder, profile):
        return _Shared.config
    layers = _read_layers(folder, profile)
    plain = _plain(layers)
    try:
        config = config_from_plain(folder, plain)
    except ConfigError:
        raise
    except ValidationError as error:
        raise ConfigError(layers.problems + described(error, layers)) from None
    except (RuntimeError, ValueError) as error:
        place = layers.place(("data_dir",))
        problem = f"{place}: data_dir: must be a folder, as in /home/pi/data: {error}"
        raise ConfigError([*layers.problems, problem]) from None
    if layers.problems:
        raise ConfigError(layers.problems)
    config._places, config._doubts = layers.places, layers.doubts
    return config


def _source(folder: Path, profile: str | None) -> tuple[object, ...]:
    """Return what a configuration is read from, and the state of its files."""
    names = ("config.yml", f"profiles/{profile}.yml", "private.yml", REDIS_PASSWORD_FILE)
    return folder, profile, *(_state(folder / name) for name in names)


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes when somebody writes to the file at *path*; () when there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def config_from_plain(folder: Path, plain: str) -> Config:
    """Return the configuration of *folder* whose `plain` text is *plain*.

    Raises `ValueError` when that is not as `Config` declares it.
    """
    config = Config.model_validate_json(plain, strict=True)
    data_dir = (folder.parent / config.data_dir.expanduser()).resolve()
    redis = _with_password(config.redis, folder)
    config = config.model_copy(update={"data_dir": data_dir, "redis": redis})
    config._folder, config._plain = folder, plain
    return config


def _plain(layers: Layers) -> str:
    try:
        return json.dumps(layers.values, default=str)
    except (TypeError, ValueError) as error:
        path = layers.folder / "config.yml"
        problem = f"{path}: only plain keys and values can be understood: {error}"
        raise ConfigError([*layers.problems, problem]) from None


def _read_layers(folder: Path, profile: str | None) -> Layers:
    path = folder / "config.yml"
    if not path.is_file():
        raise ConfigError(
            [f"{path}: there is no such file; it may be empty, since every key has a default"]
        )
    layers = Layers(folder)
    layers.add(path)
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


def _with_password(redis: RedisSettings, folder: Path) -> RedisSettings:
    """Return *redis* with the password in *folder*, if it is for a Redis of this machine.

    An address with a user or a password of its own stays as it is; a socket is private anyway.
    """
    if not redis.takes_password:
        return redis
    path = folder / REDIS_PASSWORD_FILE
    try:
        password = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return redis
    except (OSError, UnicodeDecodeError) as error:
        cure = "make it yours (chown), or delete it while nothing runs"
        raise ConfigError([f"{path}: cannot be read: {error}; {cure}"]) from None
    if not password:
        return redis
    return RedisSettings(redis.url.replace("://", f"://:{quote(password, safe='')}@", 1))

"""The password of the suite's own Redis, made at the first start."""

import secrets
from pathlib import Path

import click

from app.config import REDIS_PASSWORD_FILE, Config, config_from_plain
from app.files import put_in_place
from app.launcher import local_redis
from app.launcher.config_files import write_private


def with_password(config: Config) -> Config:
    """Return *config* with a password for its Redis.

    It is made when there is none yet, and no Redis answers that somebody else has started.
    """
    if not config.redis.takes_password or local_redis.answers(config.redis.url):
        return config
    try:
        make_password(config.folder)
    except OSError as error:
        click.echo(
            "Redis gets no password, so every user of this machine can read and change its data: "
            f"{error}",
            err=True,
        )
        return config
    return config_from_plain(config.folder, config.plain)


def make_password(folder: Path) -> None:
    """Write a new password to *folder*, the configuration's, for this user's eyes only."""
    path = folder / REDIS_PASSWORD_FILE
    unfinished = path.with_name(f".{path.name}.part")
    write_private(unfinished, secrets.token_urlsafe(24) + "\n")
    put_in_place(unfinished, path)

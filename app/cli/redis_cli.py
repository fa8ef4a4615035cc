"""The verb `redis-cli`: runs Redis's own client against the Redis of this house."""

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from app.cli.options import loaded
from app.config.options import config_options
from app.launcher.local_redis import DEFAULT_PORT, database_of

_NAMES = ("redis-cli", "valkey-cli")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@config_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def redis_cli(*, folder: Path | None, profile: str | None, arguments: tuple[str, ...]) -> None:
    """Run redis-cli with the address and the password of this house's Redis."""
    url = loaded(folder, profile).redis.url
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise click.ClickException("there is no redis-cli: sudo apt-get install redis-tools")
    password = unquote(urlsplit(url).password or "")
    environment = os.environ | ({"REDISCLI_AUTH": password} if password else {})
    # The password is in the environment: every user of the machine can read a command line.
    os.execve(program, [program, *_address(url), *arguments], environment)  # noqa: S606


def _address(url: str) -> list[str]:
    split = urlsplit(url)
    if split.scheme == "unix":
        words = ["-s", unquote(split.path)]
    else:
        words = ["-h", split.hostname or "localhost", "-p", str(split.port or DEFAULT_PORT)]
    if split.scheme == "rediss":
        words.append("--tls")
    if split.username:
        words += ["--user", unquote(split.username)]
    return [*words, "-n", str(database_of(url))]

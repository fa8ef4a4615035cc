"""Prepares a start: chooses the programs, and writes their configuration files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from app.config import PROJECT, Config
from app.errors import StateUnavailable, SuiteError
from app.launcher import foreign_redis, glances, local_redis, specs
from app.launcher.config_files import glances_conf, supervisord_conf, write_private
from app.launcher.ports import refuse_taken
from app.launcher.privacy import make_private
from app.launcher.redis_server import find_redis_server
from app.launcher.running import keep_settings
from app.launcher.specs import ProcessSpec
from app.protocol.address import is_here


@dataclass(frozen=True, slots=True)
class Order:
    """An order to start the programs of *config* named in *only*, or all of them.

    Every camera plays *source*, if it is given.
    """

    config: Config
    profile: str | None
    source: str | None
    only: tuple[str, ...]


def prepared(order: Order) -> list[ProcessSpec]:
    """Write the files for the programs of *order*, and return those programs.

    Redis is among them when none answers.
    """
    config = order.config
    run_dir = config.run_dir
    conf = run_dir / "glances.conf"
    run = specs.chosen([*specs.daemons(config), specs.glances(config, conf)], order.only)
    if not local_redis.answers(config.redis.url):
        run.append(_prepared_redis(config))
    else:
        for warning in foreign_redis.refuse_unfit(config.redis.url):
            click.echo(warning, err=True)
    if not run:
        raise SuiteError(
            f"there is nothing to start: the Redis at {local_redis.place(config.redis.url)} runs "
            "already"
        )
    refuse_taken(config, run)
    if any(program.kind == specs.GLANCES for program in run):
        _prepare_glances(config, run, conf)
    config.logs_dir.mkdir(parents=True, exist_ok=True)
    for warning in make_private(config):
        click.echo(warning, err=True)
    base = PROJECT / "config" / "supervisord.conf"
    write_private(run_dir / "supervisord.conf", supervisord_conf(base, config.logs_dir, run))
    keep_settings(config)
    return run


def _prepared_redis(config: Config) -> ProcessSpec:
    conf, folder = config.run_dir / "redis.conf", specs.redis_folder(config)
    try:
        server = find_redis_server()
    except StateUnavailable as error:
        raise SuiteError(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    write_private(
        conf, local_redis.redis_conf(PROJECT / "config" / "redis.conf", config.redis.url, folder)
    )
    return specs.redis(server, conf, config)


def _prepare_glances(config: Config, run: Sequence[ProcessSpec], conf: Path) -> None:
    redis_is_here = is_here(config.redis.url)
    glances.make_password(config, config.run_dir)
    glances.make_log_settings(glances_logging(config))
    write_private(
        conf,
        glances_conf(
            PROJECT / "glances.conf", config, run, config.run_dir, redis_is_here=redis_is_here
        ),
    )


def glances_logging(config: Config) -> Path:
    """Return the path of the file with the log settings of Glances."""
    return config.run_dir / "glances-logging.json"

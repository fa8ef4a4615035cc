"""The processes of a suite, by its configuration."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config import Config
from app.errors import SuiteError
from app.programs import SECURITY_SYSTEM, SLACK_SERVER, Program, expected_programs, heartbeat_key_of

REDIS = "redis"
GLANCES = "glances"
#: gunicorn finds its file in the folder in which every program is started.
_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf")


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process. Several may share a *kind*. *heartbeat_key* is None when it sends none."""

    name: str
    kind: str
    command: tuple[str, ...]
    heartbeat_key: str | None = None


def daemons(config: Config) -> list[ProcessSpec]:
    """Return a security system for each camera, and the daemons of the house."""
    return [
        ProcessSpec(program.name, program.kind, _command(program), heartbeat_key_of(program))
        for program in expected_programs(config)
    ]


def glances(config: Config, conf: Path) -> ProcessSpec:
    """Return Glances, the page that shows all processes, with the file *conf*."""
    host, port = glances_address(config)
    command = [sys.executable, "-m", "glances", "-C", str(conf), "-w", "-B", host, "-p", str(port)]
    command += ["-u", "glances", "--disable-config-exec", "--disable-autodiscover"]
    return ProcessSpec(GLANCES, GLANCES, tuple(command))


def glances_address(config: Config) -> tuple[str, int]:
    """Return host and port that Glances listens on."""
    host, _, port = config.glances.bind.rpartition(":")
    return host.strip("[]"), int(port)


def redis(server: Path, conf: Path, config: Config) -> ProcessSpec:
    """Return the suite's own Redis: *server* with the file *conf*, and the program before it."""
    paths = (server, conf, redis_folder(config), config.run_dir)
    starter = (sys.executable, "-m", "app.launcher.redis_starter", *map(str, paths))
    return ProcessSpec(REDIS, REDIS, starter)


def redis_folder(config: Config) -> Path:
    """Return the folder with the log of the suite's own Redis."""
    return config.data_dir / "redis"


def check_names(only: Collection[str], config: Config) -> None:
    """Raise `SuiteError` unless each of *only* names a program or a kind of program."""
    known = [SECURITY_SYSTEM, *(program.name for program in daemons(config)), GLANCES, REDIS]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise SuiteError(
            f"there is no program called {' or '.join(unknown)}; there are: {', '.join(known)}"
        )


def chosen(programs: Sequence[ProcessSpec], only: Collection[str]) -> list[ProcessSpec]:
    """Return the *programs* whose name or kind is in *only*; all when it is empty."""
    return [
        program for program in programs if not only or program.name in only or program.kind in only
    ]


def _command(program: Program) -> tuple[str, ...]:
    if program.kind == SLACK_SERVER:
        return _GUNICORN
    camera = ("--camera", program.camera) if program.camera else ()
    return (sys.executable, "-m", f"app.daemons.{program.kind}", *camera)

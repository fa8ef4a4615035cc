"""Which programs the suite is made of, as a configuration wants it."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config import Config
from app.errors import SuiteError
from app.programs import SECURITY_SYSTEM, SLACK_SERVER, Program, expected_programs, heartbeat_key_of

REDIS = "redis"
GLANCES = "glances"
#: Found in the folder that every program is started in.
_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf")


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process. *kind* is what several of it share; *heart* is the key of its heartbeat, None
    when it has none.
    """

    name: str
    kind: str
    command: tuple[str, ...]
    heartbeat_key: str | None = None


def daemons(config: Config) -> list[ProcessSpec]:
    """A security system for each camera, and the house's daemons, among them the one that Slack
    talks to if it is set up.
    """
    return [
        ProcessSpec(program.name, program.kind, _command(program), heartbeat_key_of(program))
        for program in expected_programs(config)
    ]


def glances(config: Config, conf: Path) -> ProcessSpec:
    """The page that shows all processes, as the file *conf* says."""
    host, port = glances_address(config)
    options = (
        "-w",
        "-B",
        host,
        "-p",
        str(port),
        "-u",
        "glances",
        "--disable-config-exec",
        "--disable-autodiscover",
    )
    return ProcessSpec(
        GLANCES, GLANCES, (sys.executable, "-m", "glances", "-C", str(conf), *options)
    )


def glances_address(config: Config) -> tuple[str, int]:
    """Host and port that Glances listens on."""
    host, _, port = config.glances.bind.rpartition(":")
    return host.strip("[]"), int(port)


def redis(server: Path, conf: Path) -> ProcessSpec:
    """The suite's own Redis: *server* run as the file *conf* says."""
    return ProcessSpec(REDIS, REDIS, (str(server), str(conf)))


def check_names(only: Collection[str], config: Config) -> None:
    """`SuiteError` unless each of *only* names a program, or all of a kind."""
    known = [SECURITY_SYSTEM, *(program.name for program in daemons(config)), GLANCES, REDIS]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise SuiteError(
            f"there is no program called {' or '.join(unknown)}; there are: {', '.join(known)}"
        )


def chosen(programs: Sequence[ProcessSpec], only: Collection[str]) -> list[ProcessSpec]:
    """Those of *programs* that *only* names by name or kind; all of them when it is empty."""
    return [
        program for program in programs if not only or program.name in only or program.kind in only
    ]


def display_name(kind: str, camera: str | None) -> str:
    """What a program is called in tables, logs and supervisord."""
    return Program(kind, camera).name


def _command(program: Program) -> tuple[str, ...]:
    if program.kind == SLACK_SERVER:
        return _GUNICORN
    return (
        sys.executable,
        "-m",
        f"app.daemons.{program.kind}",
        *(("--camera", program.camera) if program.camera else ()),
    )

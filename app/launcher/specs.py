"""The processes of a suite, by its configuration."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config import Config
from app.errors import SuiteError
from app.programs import (
    SECURITY_SYSTEM,
    WEB_PROGRAMS,
    WEB_SERVER,
    Program,
    expected_programs,
    heartbeat_key_of,
)

REDIS = "redis"
GLANCES = "glances"
#: gunicorn finds its file in the folder in which every program is started.
_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf")


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process. Several may share a *kind*.

    *programs* are those that it runs, each of which sends a heartbeat: none for Redis and Glances,
    one for a daemon, and up to two for the web server.
    """

    name: str
    kind: str
    command: tuple[str, ...]
    programs: tuple[Program, ...] = ()

    @property
    def heartbeat_keys(self) -> list[str]:
        """Return the keys of the heartbeats of its programs."""
        return [heartbeat_key_of(program) for program in self.programs]


def daemons(config: Config) -> list[ProcessSpec]:
    """Return a security system for each camera, the daemons of the house, and the web server."""
    programs = expected_programs(config)
    web = tuple(program for program in programs if program.kind in WEB_PROGRAMS)
    found = [
        ProcessSpec(program.name, program.kind, _command(program), (program,))
        for program in programs
        if program not in web
    ]
    return [*found, ProcessSpec(WEB_SERVER, WEB_SERVER, _GUNICORN, web)] if web else found


def process_of(program: str) -> str:
    """Return the name of the process that runs the program with this name."""
    return WEB_SERVER if program in WEB_PROGRAMS else program


def glances(config: Config, conf: Path) -> ProcessSpec:
    """Return Glances, the page that shows all processes, with the file *conf*.

    On demand, it is the door that starts Glances.
    """
    host, port = glances_address(config)
    command = glances_command(conf, host, port)
    if config.glances.on_demand:
        door = (host, port, config.glances.idle_minutes, conf)
        command = (sys.executable, "-m", "app.launcher.glances_door", *map(str, door))
    return ProcessSpec(GLANCES, GLANCES, command)


def glances_command(conf: Path, host: str, port: int) -> tuple[str, ...]:
    """Return the command of Glances at *host* and *port*, with the file *conf*."""
    web = ("-C", str(conf), "-w", "-B", host, "-p", str(port), "-u", "glances")
    options = ("--disable-config-exec", "--disable-autodiscover")
    return (sys.executable, "-m", "glances", *web, *options)


def glances_address(config: Config) -> tuple[str, int]:
    """Return host and port that Glances listens on."""
    return split_bind(config.glances.bind)


def split_bind(bind: str) -> tuple[str, int]:
    """Return host and port of the address *bind*."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def reached_at(bind: str) -> tuple[str, int]:
    """Return host and port by which this machine reaches a server at the address *bind*."""
    host, port = split_bind(bind)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def page_at(bind: str) -> str:
    """Return the URL of the page at the address *bind*, for a browser on this machine."""
    host, port = reached_at(bind)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


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
    known = [SECURITY_SYSTEM]
    for process in daemons(config):
        known += dict.fromkeys((process.name, *(program.name for program in process.programs)))
    known += [GLANCES, REDIS]
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise SuiteError(
            f"there is no program called {' or '.join(unknown)}; there are: {', '.join(known)}"
        )


def chosen(processes: Sequence[ProcessSpec], only: Collection[str]) -> list[ProcessSpec]:
    """Return the *processes* of which a name, kind or program is in *only*; all when it is empty.

    The web server then runs both of its programs.
    """
    return [
        process
        for process in processes
        if not only
        or not {process.name, process.kind, *(one.name for one in process.programs)}.isdisjoint(
            only
        )
    ]


def _command(program: Program) -> tuple[str, ...]:
    camera = ("--camera", program.camera) if program.camera else ()
    return (sys.executable, "-m", f"app.daemons.{program.kind}", *camera)

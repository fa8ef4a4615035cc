"""The verb `start`: everything at once, under supervisord, for as long as the machine is on."""

import fcntl
import os
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import click

from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE, PROJECT, SOURCE_VARIABLE, Config, config_folder, slack_access
from app.errors import StateUnavailable, SuiteError, SupervisorAway
from app.protocol import Heartbeat
from app.roster import SLACK_SERVER, SLACK_SOCKET, posts
from app.state import State
from app.suite import glances_page, programs
from app.suite.check import config_options, loaded, remarks
from app.suite.health import UNSUPERVISED, Checkup, Health, check_up, troubled
from app.suite.overseer import Overseen, overseen
from app.suite.prepare import Order, glances_logging, prepared
from app.suite.processes import RUN_VARIABLE
from app.suite.programs import Program
from app.suite.stop import stop_suite
from app.suite.table import table

UP_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.2
#: How often a program may end before its first heartbeat until it counts as broken.
_ENDS_ALLOWED = 2
_LOG_LINES = 20
#: Words for a source that are neither files nor addresses.
_SOURCE_WORDS = ("auto", "demo")
_SUPERVISORD = (sys.executable, "-m", "app.suite.supervise", "-c", "supervisord.conf")
# One thread each: several would only get into each other's way, and into the other programs'.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


@click.command()
@config_options
@click.option("--source", metavar="PATH|URL|demo", help="What every camera plays, instead of its configured source.")
@click.option("--only", metavar="PROGRAM...", multiple=True, help="Start only these programs.")
@click.option("--foreground", is_flag=True, help="As a service: in the place of what runs already, and for good.")
@click.argument("more", metavar="", nargs=-1)
def start(
    *, folder: Path | None, profile: str | None, source: str | None, only: tuple[str, ...], foreground: bool, more: tuple[str, ...]
) -> None:
    """Start every program, and wait until each works. Tells what runs and where to look; all goes on when you log out."""
    if more and not only:
        raise click.UsageError(
            f"{more[0]}: what is that? A profile is named behind --profile, a program behind --only, a film or camera behind --source"
        )
    only += more
    config = loaded(folder, profile)
    for remark in remarks(config):
        click.echo(remark, err=True)
    order = Order(config, profile or os.environ.get(PROFILE_VARIABLE), _found(source), only)
    try:
        programs.check_names(only, config)
        with _one_start_at_a_time(config.run_dir):
            if foreground:
                _become_supervisord(order)
            _start(order)
    except OSError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(_report(order))


def _found(source: str | None) -> str | None:
    """*source* as it must be named from another folder; `click.BadParameter` when there is no such file."""
    if source is None or source in _SOURCE_WORDS or "://" in source or source.startswith("synthetic:"):
        return source
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise click.BadParameter(f"there is no file {path}; it may be a file, an address such as rtsp://…, or demo", param_hint="--source")
    return str(path)


def _start(order: Order) -> None:
    config = order.config
    if _runs(config.run_dir):
        click.echo("It runs already. To start it otherwise, stop it first (scripts/stop.sh).")
        return
    _clear(config.run_dir)
    run = prepared(order)
    try:
        _wait_until_up(config, run, _launch(order))
    except BaseException:
        stop_suite(config.run_dir)
        raise


def _clear(run_dir: Path) -> None:
    if any(left := stop_suite(run_dir)):
        click.echo(f"Ended what was left of an earlier run: {', '.join(left[0] + left[1])}.")


def _runs(run_dir: Path) -> bool:
    try:
        overseen(run_dir)
    except SupervisorAway:
        return False
    return True


@contextmanager
def _one_start_at_a_time(run_dir: Path) -> Iterator[None]:
    """Wait for another start of the same suite to finish; the lock goes with the process."""
    run_dir.mkdir(parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    with (run_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _launch(order: Order) -> subprocess.Popen[bytes]:
    """Start supervisord, which outlives this process and its terminal."""
    with (order.config.logs_dir / "supervisord.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            ["nohup", *_SUPERVISORD],  # noqa: S607
            cwd=order.config.run_dir,
            env=_environment(order),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _become_supervisord(order: Order) -> NoReturn:
    """Go on as supervisord, in the place of one that runs already."""
    run_dir = order.config.run_dir
    _clear(run_dir)
    prepared(order)
    os.chdir(run_dir)
    os.execve(sys.executable, _SUPERVISORD, _environment(order))  # noqa: S606


def _environment(order: Order) -> dict[str, str]:
    """What supervisord and its programs are started with."""
    config = order.config
    given = {FOLDER_VARIABLE: str(config.folder), RUN_VARIABLE: str(config.run_dir), "LOG_CFG": str(glances_logging(config))}
    environment = os.environ | _ONE_THREAD | given | {"PYTHONUNBUFFERED": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    for variable, value in ((PROFILE_VARIABLE, order.profile), (SOURCE_VARIABLE, order.source)):
        environment.pop(variable, None)
        if value:
            environment[variable] = value
    return environment


def _wait_until_up(config: Config, run: Sequence[Program], supervisord: subprocess.Popen[bytes]) -> None:
    """Wait until each of *run* works; `SuiteError` with the end of its log when one does not come up."""
    deadline_s = time.monotonic() + UP_WITHIN_S
    ends: dict[str, set[int]] = defaultdict(set)
    with closing(State(config.redis.url)) as state:
        while down := _down(config, state, run):
            if supervisord.poll() is not None:
                raise SuiteError(_failure(config, "supervisord"))
            for name, known in down.items():
                ends[name].add(known.ended_s if known else 0)
                if len(ends[name] - {0}) > _ENDS_ALLOWED or time.monotonic() > deadline_s:
                    raise SuiteError(_failure(config, name))
            time.sleep(_LOOK_EVERY_S)
        state.initialise_switches()


def _down(config: Config, state: State, run: Sequence[Program]) -> dict[str, Overseen | None]:
    """Those of *run* that do not work yet, by name, and what supervisord knows of each."""
    try:
        known = overseen(config.run_dir)
    except SupervisorAway:
        return dict.fromkeys([program.name for program in run])
    beats = _beats(state)
    found = {program.name: known.get(program.name) for program in run}
    return {program.name: found[program.name] for program in run if not _is_up(config, program, found[program.name], beats)}


def _beats(state: State) -> dict[str, Heartbeat] | None:
    """The heartbeats; None when Redis does not answer."""
    try:
        return state.heartbeats()
    except StateUnavailable:
        return None


def _is_up(config: Config, program: Program, known: Overseen | None, beats: dict[str, Heartbeat] | None) -> bool:
    if known is None or not known.pid or beats is None:
        return False
    if program.kind == programs.GLANCES:
        return glances_page.answers(config)
    # An earlier run's heartbeat may still be there.
    return program.heart is None or (program.heart in beats and beats[program.heart].pid == known.pid)


def _failure(config: Config, name: str) -> str:
    log = config.logs_dir / f"{name}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = "\n".join(f"  {line}" for line in lines[-_LOG_LINES:]) or "  (nothing)"
    return f"{name} did not come up, so everything was stopped again. The end of {log}:\n{said}"


def _report(order: Order) -> str:
    """What runs and where to look."""
    config = order.config
    checkup = check_up(config)
    rows = [(health.name, str(health.pid or "-"), health.state, _log(config, health)) for health in checkup.programs]
    lines = [table(("program", "pid", "state", "log"), rows), *troubled(checkup.programs), "", *_places(order, checkup)]
    return "\n".join(lines)


def _log(config: Config, health: Health) -> str:
    return "-" if health.state == UNSUPERVISED else _short(config.logs_dir / f"{health.name}.log")


def _places(order: Order, checkup: Checkup) -> list[str]:
    config = order.config
    asked = "" if config.folder == config_folder() else f" --config {shlex.quote(_short(config.folder))}"
    if order.profile and not os.environ.get(PROFILE_VARIABLE):
        asked += f" --profile {shlex.quote(order.profile)}"
    lines = [f"Alerts:   {_alerts(config)}", f"Pictures: {_short(config.data_dir / 'events')}"]
    if any(health.name == programs.GLANCES for health in checkup.programs):
        password = _short(glances_page.password_file(config))
        lines.append(f"Glances:  {glances_page.page(config)} (user {glances_page.USER}, password in {password})")
    lines.append(f"Slack:    {_slack(config)}")
    return [*lines, f"How it goes: scripts/status.sh{asked}   End it: scripts/stop.sh{asked}"]


def _alerts(config: Config) -> str:
    """Where alerts go."""
    services = {"slack": slack_access(config), "twilio": not config.twilio.missing(), "apprise": config.apprise.urls}
    ways: Sequence[str] = config.notify.backends
    if config.notify.backends == "auto":
        ways = [name for name, there in services.items() if there] or ["folder"]
    folder = _short(config.data_dir / Path(config.notify.folder).expanduser())
    return ", ".join(folder if way == "folder" else f"by {way.capitalize()}" for way in ways) or "to nobody: notify.backends is empty"


def _slack(config: Config) -> str:
    """How Slack reaches this house."""
    kinds = {post.kind for post in posts(config)}
    if SLACK_SERVER in kinds:
        return f"{config.slack.bind} answers its commands"
    if SLACK_SOCKET in kinds:
        return "answers its commands through a connection of its own; no port is open for it"
    return "not set up, so no commands and no buttons; setup.md says how"


def _short(path: Path) -> str:
    """*path* from the folder we are in, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)

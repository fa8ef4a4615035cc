"""The verb `start`: starts all programs under supervisord."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from app.cli.options import doubts, loaded
from app.cli.table import table
from app.config import PROFILE_VARIABLE, Config, config_folder
from app.config.options import config_options
from app.config.password import PasswordFile, is_demo
from app.launcher import extras, glances, specs
from app.launcher.health import UNSUPERVISED, Checkup, Health, check_up, troubled
from app.launcher.launch import become_supervisord, one_start_at_a_time, start_suite
from app.launcher.prepare import Order
from app.launcher.specs import page_at
from app.programs import SLACK_SERVER, SLACK_SOCKET, expected_programs

#: Sources that are neither files nor addresses.
_SOURCE_WORDS = ("auto", "demo")


@click.command()
@config_options
@click.option(
    "--source",
    metavar="PATH|URL|demo",
    help="The source that every camera plays, instead of its configured one.",
)
@click.option("--only", metavar="PROGRAM...", multiple=True, help="Start only these programs.")
@click.option(
    "--foreground",
    is_flag=True,
    help="Run as a service, and end a suite that runs already.",
)
@click.argument("more", metavar="", nargs=-1)
def start(
    *,
    folder: Path | None,
    profile: str | None,
    source: str | None,
    only: tuple[str, ...],
    foreground: bool,
    more: tuple[str, ...],
) -> None:
    """Start every program, and wait until each works. They continue after you log out."""
    if more and not only:
        raise click.UsageError(
            f"{more[0]}: unknown. Name a profile after --profile, a program after --only, a video "
            "or camera after --source"
        )
    only += more
    config = loaded(folder, profile)
    for doubt in doubts(config):
        click.echo(doubt, err=True)
    order = Order(config, profile or os.environ.get(PROFILE_VARIABLE), _resolved(source), only)
    try:
        specs.check_names(only, config)
        for name in extras.install(extras.needed(config)):
            click.echo(
                f"{name} could not be installed, so it is not used until it is: "
                f"scripts/setup.sh --with {name}",
                err=True,
            )
        with one_start_at_a_time(config.run_dir):
            if foreground:
                become_supervisord(order)
            if not start_suite(order):
                click.echo(
                    "It runs already. To start it differently, stop it first (scripts/stop.sh)."
                )
    except PermissionError as error:
        click.echo(_not_yours(error, config), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    # The start may have made a password for Redis.
    click.echo(_report(replace(order, config=loaded(folder, profile))))


def _not_yours(error: PermissionError, config: Config) -> str:
    """Return why a file or folder cannot be used, with the cure."""
    folders = shlex.join(str(folder) for folder in (config.data_dir, config.logs_dir))
    return (
        f"{error.filename}: {error.strerror}. It may belong to root after a start with sudo. "
        f'Make it yours: sudo chown --recursive "$USER:" {folders}'
    )


def _resolved(source: str | None) -> str | None:
    """Return *source* with a whole path; `click.BadParameter` when there is no such file."""
    if source is None or source in _SOURCE_WORDS:
        return source
    if "://" in source or source.startswith("synthetic:"):
        return source
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise click.BadParameter(
            f"there is no file {path}; it may be a file, an address such as rtsp://…, or demo",
            param_hint="--source",
        )
    return str(path)


def _report(order: Order) -> str:
    """Return lines on the running programs and where to look."""
    config = order.config
    checkup = check_up(config)
    rows = [
        (health.name, str(health.pid or "-"), health.state, _log(config, health))
        for health in checkup.programs
    ]
    lines = [
        table(("program", "pid", "state", "log"), rows),
        *troubled(checkup.programs),
        "",
        *_places(order, checkup),
    ]
    return "\n".join(lines)


def _log(config: Config, health: Health) -> str:
    return (
        "-"
        if health.state == UNSUPERVISED
        else _short(config.logs_dir / f"{specs.process_of(health.name)}.log")
    )


def _places(order: Order, checkup: Checkup) -> list[str]:
    config = order.config
    options = ""
    if config.folder != config_folder():
        options += f" --config {shlex.quote(_short(config.folder))}"
    if order.profile and not os.environ.get(PROFILE_VARIABLE):
        options += f" --profile {shlex.quote(order.profile)}"
    lines = [
        f"Alerts:    {_alerts(config)}",
        f"Pictures:  {_short(config.data_dir / 'events')}",
        f"Copies:    {', '.join(_stores(config)) or 'nowhere; setup.md says how'}",
    ]
    if any(health.name == specs.GLANCES for health in checkup.programs):
        password = _short(glances.password_file(config))
        lines.append(
            f"Glances:   {glances.page(config)} (user {glances.USER}, password in {password})"
        )
    if config.dashboard.enabled:
        lines.append(f"Dashboard: {_dashboard(order, options)}")
    lines.append(f"Slack:     {_slack(config)}")
    return [*lines, f"Status: scripts/status.sh{options}   Stop: scripts/stop.sh{options}"]


def _alerts(config: Config) -> str:
    """Return the receivers of alerts."""
    services = {
        "slack": not config.slack.missing(),
        "twilio": not config.twilio.missing(),
        "apprise": config.apprise.urls,
    }
    backends: Sequence[str] = config.notify.backends
    if config.notify.backends == "auto":
        backends = [name for name, is_set_up in services.items() if is_set_up] or ["folder"]
    if not backends:
        return "to nobody: notify.backends is empty"
    folder = _short(config.data_dir / Path(config.notify.folder).expanduser())
    return ", ".join(folder if one == "folder" else f"by {one.capitalize()}" for one in backends)


def _stores(config: Config) -> Iterator[str]:
    """Yield the stores that get copies."""
    if config.s3.bucket:
        place = f" at {config.s3.endpoint_url}" if config.s3.endpoint_url else ""
        yield f"S3 bucket {config.s3.bucket}{place}"
    if config.dropbox.is_set_up:
        yield "Dropbox"
    if config.uploads.folder:
        yield f"folder {config.uploads.folder}"


def _slack(config: Config) -> str:
    """Return a line on the way of commands from Slack to this house."""
    kinds = {program.kind for program in expected_programs(config)}
    if SLACK_SERVER in kinds:
        return f"commands are answered at {config.slack.bind}"
    if SLACK_SOCKET in kinds:
        return "commands are answered over a connection to Slack; no port is open"
    return "not set up, so no commands and no buttons; setup.md says how"


def _dashboard(order: Order, options: str) -> str:
    """Return the address of the dashboard for a browser on this machine, and what is missing."""
    address = page_at(order.config.dashboard.bind)
    if PasswordFile(order.config.data_dir).path.exists():
        return address
    if is_demo(order.config, order.source):
        return f"{address} (a demo, so it asks for no password)"
    command = f"{_short(Path(sys.executable))} -m app set-password{options}"
    return f"{address} (nobody can log in yet; set a password: {command})"


def _short(path: Path) -> str:
    """Return *path* relative to the current folder if it is below it."""
    here = Path.cwd()
    is_below = path.is_relative_to(here) and here != Path(here.anchor)
    return str(path.relative_to(here) if is_below else path)

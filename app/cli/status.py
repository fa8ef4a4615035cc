"""The verb `status`: shows the health of every program."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.cli.table import table
from app.config import config_folder, load_config
from app.config.options import config_options
from app.errors import ConfigError, SuiteError
from app.launcher import processes, set_aside
from app.launcher.health import Checkup, Health, check_up
from app.launcher.running import running_configs
from app.launcher.specs import redis_folder
from app.logs import printable
from app.protocol import Counters

_NOTHING = "Nothing runs. scripts/start.sh starts it."
_HEADINGS = ("program", "state", "pid", "up since", "heartbeat")


@click.command()
@config_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def status(*, folder: Path | None, profile: str | None, as_json: bool) -> None:
    """Show the health of every program. The exit code is 0 only if all is well."""
    try:
        checkup = _check_up(folder, profile)
    except SuiteError as error:
        checkup = Checkup([], [str(error)])
    if as_json:
        click.echo(json.dumps(_plain(checkup), default=datetime.isoformat))
    elif checkup.programs:
        click.echo(_table(checkup.programs))
    for remark in (*checkup.remarks, *checkup.notes):
        click.echo(remark, err=True)
    sys.exit(0 if checkup.healthy else 1)


def _check_up(folder: Path | None, profile: str | None) -> Checkup:
    """Judge the suite by the settings with which it runs, whatever its files say now."""
    mistakes: list[str] = []
    try:
        configured = load_config(folder, profile)
    except ConfigError as error:
        configured, mistakes = None, error.problems
    running = running_configs(folder, profile)
    config = configured
    if configured is None or configured.run_dir not in running:
        config = next(filter(None, running.values()), configured)
    elif kept := running[configured.run_dir]:
        config = kept
    if config is None:
        return Checkup([], [*mistakes, _runs_unknown(folder)])
    checkup = check_up(config)
    if mistakes and checkup.programs:
        mistakes.append("The programs run with the settings from before.")
    nothing = [] if checkup.programs or checkup.remarks else [_NOTHING]
    remarks = [*mistakes, *checkup.remarks, *nothing]
    notes = [*set_aside.sentences(config.data_dir, redis_folder(config))]
    return replace(checkup, remarks=remarks, notes=notes)


def _runs_unknown(folder: Path | None) -> str:
    """Return a sentence on the programs that run with settings that are not known."""
    started = processes.started_from(config_folder(folder))
    names = sorted({processes.name_of(environment) for environment in started})
    if names:
        return f"These run with the settings from before: {', '.join(names)}"
    return _NOTHING


def _plain(checkup: Checkup) -> dict[str, Any]:
    return {
        "healthy": checkup.healthy,
        "programs": [asdict(health) for health in checkup.programs],
        "remarks": checkup.remarks,
        "notes": checkup.notes,
    }


def _table(healths: Sequence[Health]) -> str:
    """Return a row for each program, with its counters and its trouble on lines below it."""
    heading, *rows = table(_HEADINGS, [_row(health) for health in healths]).splitlines()
    return "\n".join(
        [
            heading,
            *(
                line
                for row, health in zip(rows, healths, strict=True)
                for line in (row, *_details(health))
            ),
        ]
    )


def _row(health: Health) -> tuple[str, ...]:
    up_since = f"{health.up_since.astimezone():%Y-%m-%d %H:%M:%S}" if health.up_since else "-"
    heartbeat = "-" if health.heartbeat_age_s is None else f"{health.heartbeat_age_s:.0f} s ago"
    return health.name, health.state, str(health.pid or "-"), up_since, heartbeat


def _details(health: Health) -> Iterator[str]:
    if progress := ", ".join(_figures(health.counters)):
        yield f"    {progress}"
    if health.last_error:
        yield f"    last error: {printable(health.last_error)}"


def _figures(counters: Counters) -> Iterator[str]:
    """Yield each known counter as `name 3`, or as `name label 3` where it has labels."""
    for name, value in counters.items():
        labelled = value if isinstance(value, Mapping) else {"": value}
        for label, figure in labelled.items():
            if figure is not None:
                yield " ".join(filter(None, (name, label, str(figure))))

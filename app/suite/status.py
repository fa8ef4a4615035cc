"""The verb `status`: how every program is."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.errors import SuiteError
from app.suite.check import config_options, loaded
from app.suite.health import Checkup, Health, check_up
from app.suite.table import table

_HEADINGS = ("program", "state", "pid", "up since", "heartbeat", "progress", "last error")


@click.command()
@config_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def status(*, folder: Path | None, profile: str | None, as_json: bool) -> None:
    """Show how every program is; the exit code is 0 only if all is well."""
    try:
        checkup = check_up(loaded(folder, profile))
    except SuiteError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(_plain(checkup), default=datetime.isoformat))
    elif checkup.programs:
        click.echo(table(_HEADINGS, [_row(health) for health in checkup.programs]))
    if not checkup.programs:
        click.echo("Nothing runs. scripts/start.sh starts it.", err=True)
    for remark in checkup.remarks:
        click.echo(remark, err=True)
    sys.exit(0 if checkup.healthy else 1)


def _plain(checkup: Checkup) -> dict[str, Any]:
    return {"healthy": checkup.healthy, "programs": [asdict(health) for health in checkup.programs]}


def _row(health: Health) -> tuple[str, ...]:
    up_since = f"{health.up_since.astimezone():%Y-%m-%d %H:%M:%S}" if health.up_since else "-"
    heartbeat = "-" if health.heartbeat_age_s is None else f"{health.heartbeat_age_s:.0f} s ago"
    progress = ", ".join(f"{name} {value}" for name, value in health.counters.items()) or "-"
    return health.name, health.state, str(health.pid or "-"), up_since, heartbeat, progress, health.last_error or "-"

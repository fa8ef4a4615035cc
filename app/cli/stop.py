"""The verb `stop`: ends every program, gently and within 10 s."""

import os
from pathlib import Path

import click

from app.config import PROFILE_VARIABLE, config_folder, load_config
from app.config.options import config_options
from app.errors import ConfigError, SuiteError
from app.launcher import processes
from app.launcher.processes import RUN_VARIABLE
from app.launcher.stopping import stop_suite


@click.command()
@config_options
def stop(*, folder: Path | None, profile: str | None) -> None:
    """Stop every program that start has started."""
    try:
        results = [
            result
            for run_dir in sorted(_run_dirs(folder, profile))
            if any(result := stop_suite(run_dir))
        ]
    except SuiteError as error:
        raise click.ClickException(str(error)) from None
    for ended, killed in results:
        if ended:
            click.echo(f"Stopped {', '.join(ended)}.")
        if killed:
            click.echo(f"Had to kill {', '.join(killed)}.")
    if not results:
        click.echo("Nothing runs.")


def _run_dirs(folder: Path | None, profile: str | None) -> set[Path]:
    """Return the `run_dir` of this configuration, and of running suites with its earlier files."""
    named = profile or os.environ.get(PROFILE_VARIABLE) or None
    found = set()
    try:
        found.add(load_config(folder, profile).run_dir)
    except ConfigError as error:
        click.echo(
            f"The configuration is wrong, but everything can be stopped all the same:\n{error}",
            err=True,
        )
    started = processes.started_from(config_folder(folder))
    if found or named:
        started = [
            environment for environment in started if environment.get(PROFILE_VARIABLE) == named
        ]
    return found | {Path(environment[RUN_VARIABLE]) for environment in started}

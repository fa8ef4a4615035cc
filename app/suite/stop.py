"""The verb `stop`: end every program, gently and within 10 s."""

import os
from pathlib import Path

import click

from app.config import PROFILE_VARIABLE, config_folder, load_config
from app.errors import ConfigError, SuiteError, SupervisorAway
from app.suite import processes
from app.suite.check import config_options
from app.suite.overseer import shut_down
from app.suite.processes import RUN_VARIABLE
from app.suite.programs import REDIS

# Together under 10 s. supervisord itself allows the programs 5 s and then Redis 2 s, and looks once a second (config/supervisord.conf).
_SUPERVISED_S = 8.5
_PROGRAMS_S = 4.5
_REDIS_S = 1.5


@click.command()
@config_options
def stop(*, folder: Path | None, profile: str | None) -> None:
    """End every program that start has started."""
    try:
        results = [result for run_dir in sorted(_run_dirs(folder, profile)) if any(result := stop_suite(run_dir))]
    except SuiteError as error:
        raise click.ClickException(str(error)) from None
    for ended, killed in results:
        if ended:
            click.echo(f"Stopped {', '.join(ended)}.")
        if killed:
            click.echo(f"Had to kill {', '.join(killed)}.")
    if not results:
        click.echo("Nothing runs.")


def stop_suite(run_dir: Path) -> tuple[list[str], list[str]]:
    """End the suite in *run_dir*; returns the names of what ended by itself and of what had to be killed."""
    ours = processes.processes_of(run_dir)
    if _asked_to_shut_down(run_dir):
        processes.gone(ours, _SUPERVISED_S)
    else:
        processes.end([process for process, name in ours.items() if name != REDIS], _PROGRAMS_S)
        processes.end([process for process, name in ours.items() if name == REDIS], _REDIS_S)
    late = processes.processes_of(run_dir)
    processes.kill(late)
    killed = sorted(set(late.values()))
    return sorted(set(ours.values()) - set(killed)), killed


def _asked_to_shut_down(run_dir: Path) -> bool:
    try:
        shut_down(run_dir)
    except SupervisorAway:
        return False
    return True


def _run_dirs(folder: Path | None, profile: str | None) -> set[Path]:
    """Where the suite of this configuration runs, and where it ran before somebody changed or broke its files."""
    named = profile or os.environ.get(PROFILE_VARIABLE) or None
    found = set()
    try:
        found.add(load_config(folder, profile).run_dir)
    except ConfigError as error:
        click.echo(f"The configuration is wrong, but that does not keep anything from being stopped:\n{error}", err=True)
    started = processes.started_from(config_folder(folder))
    if found or named:
        started = [environment for environment in started if environment.get(PROFILE_VARIABLE) == named]
    return found | {Path(environment[RUN_VARIABLE]) for environment in started}

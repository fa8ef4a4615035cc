"""The verb `set-password`: sets or removes the password of the dashboard."""

import sys
from pathlib import Path

import click

from app.cli.options import loaded
from app.config import Config
from app.config.options import config_options
from app.config.password import MOST_CHARACTERS, PasswordFile, check_strength
from app.errors import Refused
from app.launcher.specs import page_at


@click.command()
@config_options
@click.option("--stdin", "from_pipe", is_flag=True, help="Read the password from a pipe: one line.")
@click.option("--remove", is_flag=True, help="Remove the password, so that nobody can log in.")
def set_password(
    *, folder: Path | None, profile: str | None, from_pipe: bool, remove: bool
) -> None:
    """Set the password of the dashboard. Every browser must then log in again."""
    config = loaded(folder, profile)
    file = PasswordFile(config.data_dir)
    try:
        if remove:
            was_there = file.remove()
            click.echo(
                "The password is removed. Nobody can log in until there is a new one."
                if was_there
                else "There was no password."
            )
            return
        password = _piped() if from_pipe else _asked()
        check_strength(password)
        file.write(password)
    except Refused as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"The password was not changed: {file.path}: {error.strerror or error}"
        ) from None
    click.echo(_done(config))


def _asked() -> str:
    """Return what a person types twice, and nobody sees."""
    return str(click.prompt("New password", hide_input=True, confirmation_prompt="Once more"))


def _piped() -> str:
    """Return the first line of the standard input."""
    return sys.stdin.readline(4 * MOST_CHARACTERS).removesuffix("\n").removesuffix("\r")


def _done(config: Config) -> str:
    lines = ["The password is set. Every browser must log in again; no restart is needed."]
    if config.dashboard.enabled:
        lines.append(f"Dashboard: {page_at(config.dashboard.bind)}")
    else:
        lines.append("dashboard.enabled is false in the configuration, so there is no page.")
    return "\n".join(lines)

"""The options by which every verb finds its configuration."""

from pathlib import Path

import click
from click.testing import CliRunner

from app.config.options import config_options


@click.command()
@config_options
def show(folder: Path | None, profile: str | None) -> None:
    """Print what was chosen."""
    click.echo(f"{folder} {profile}")


def test_a_verb_gets_the_folder_and_the_profile() -> None:
    run = CliRunner().invoke
    assert run(show).output == "None None\n"
    assert run(show, ["--config", "there", "--profile", "fridge-camera"]).output == (
        "there fridge-camera\n"
    )

"""The names of the commands in Slack."""

import pytest

from app.commands.registry import COMMANDS
from app.commands.slack_names import OTHER_NAMES, command_named, slack_name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_found_by_its_name_in_slack(command: str) -> None:
    assert command_named(f"/{slack_name(command)}") == command


@pytest.mark.parametrize("command", OTHER_NAMES)
def test_a_reserved_name_is_replaced_and_still_works(command: str) -> None:
    assert slack_name(command) == f"house_{command}"
    assert command_named(f"/{command}") == command


def test_an_unknown_name_stays_as_it_is() -> None:
    assert command_named("/nonsense") == "nonsense"

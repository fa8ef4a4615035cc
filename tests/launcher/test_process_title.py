"""What others see of a process that has written over its words."""

import json
import subprocess
import sys

import psutil
import pytest

PROGRAM = """
import json, os, sys
from app.launcher import process_title
argv, environment = json.loads(sys.argv[1])
process_title.become(argv, environment)
print(json.dumps(dict(os.environ)), flush=True)
sys.stdin.read()
"""
SHORT = ["/usr/bin/python3", "-m", "app.daemons.notifier"]
LONG = [*SHORT, "--camera", "a" * 600]


def shown(argv: list[str], environment: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a process that has become *argv*."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps([argv, environment])],
        env={"WHOS_THERE_ROOM": "." * 1000, "PYTHONPATH": "."},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline()) == environment
        seen = psutil.Process(process.pid)
        return seen.cmdline(), seen.environ()


@pytest.mark.parametrize("argv", [SHORT, LONG], ids=["short", "long"])
def test_its_command_and_its_environment_are_seen(argv: list[str]) -> None:
    environment = {"PATH": "/bin", "SUPERVISOR_PROCESS_NAME": "notifier", "ODD": "a=b c"}
    assert shown(argv, environment) == (argv, environment)


def test_the_newest_entries_are_seen_where_room_is_short() -> None:
    environment = {"OLD": "x" * 5000, "SUPERVISOR_PROCESS_NAME": "notifier"}
    assert shown(SHORT, environment) == (SHORT, {"SUPERVISOR_PROCESS_NAME": "notifier"})

"""What others see of a process that has written over its words."""

import json
import subprocess
import sys

import psutil
import pytest

PROGRAM = """
import json, os, sys
from app.launcher import process_title
argv, environment, beyond = json.loads(sys.argv[1])
if beyond is not None:
    start, _, entries_start, _ = process_title._addresses()
    argv.append("a" * (entries_start - start + beyond - len(" ".join(argv)) - 1))
process_title.become(argv, environment)
print(json.dumps([argv, dict(os.environ)]), flush=True)
sys.stdin.read()
"""
SHORT = ["/usr/bin/python3", "-m", "app.daemons.notifier"]
LONG = [*SHORT, "--camera", "a" * 600]
ENVIRONMENT = {"PATH": "/bin", "SUPERVISOR_PROCESS_NAME": "notifier", "ODD": "a=b c"}


def shown(
    argv: list[str], environment: dict[str, str], beyond: int | None = None
) -> tuple[str, dict[str, str]]:
    """The command line and the environment of a process that has become *argv*.

    *argv* gets one more word, so that the whole is *beyond* bytes longer than the room for it.
    """
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps([argv, environment, beyond])],
        env={"WHOS_THERE_ROOM": "." * 1000, "PYTHONPATH": "."},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        argv[:], own = json.loads(process.stdout.readline())
        assert own == environment
        seen = psutil.Process(process.pid)
        return " ".join(seen.cmdline()).rstrip(), seen.environ()


@pytest.mark.parametrize("argv", [SHORT, LONG], ids=["short", "long"])
def test_its_command_and_its_environment_are_seen(argv: list[str]) -> None:
    assert shown(argv, ENVIRONMENT) == (" ".join(argv), ENVIRONMENT)


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2])
def test_no_length_of_the_command_hides_the_environment(beyond: int) -> None:
    argv = [*SHORT, "--camera"]
    assert shown(argv, ENVIRONMENT, beyond) == (" ".join(argv), ENVIRONMENT)


def test_the_newest_entries_are_seen_where_room_is_short() -> None:
    environment = {"OLD": "x" * 5000, "SUPERVISOR_PROCESS_NAME": "notifier"}
    assert shown(SHORT, environment) == (" ".join(SHORT), {"SUPERVISOR_PROCESS_NAME": "notifier"})

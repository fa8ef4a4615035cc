"""A process for a model is forked once, and then executed; either waits, answers and ends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.people.child import ExecutedChild, Spawner
from app.people.framing import PipeBroken
from tests.people.processes import await_end_of_models, model_processes
from tests.servers.programs import REPO

FIRST_TWO = """
import json, psutil, time
from app.people.child import ForkedChild, Spawner
from app.people.framing import read_message, write_message
spawner = Spawner(ForkedChild())
kinds = []
for _ in range(2):
    child = spawner.spawn()
    write_message(child.writer, {"settings": {"backend": "scripted"}, "folder": "."}, b"", 60.0)
    report = read_message(child.reader, 60.0).fields
    (process,) = psutil.Process().children()
    assert not child.has_ended()
    child.end()
    while not child.has_ended():
        time.sleep(0.01)
    child.close()
    child.end()
    assert not psutil.Process().children()
    kinds.append((type(child).__name__, report["name"]))
print(json.dumps(kinds))
"""
#: A program that supervisord starts has such a timer.
TIMED = """
import faulthandler
from app.people.child import ForkedChild
from app.people.framing import read_message, write_message
faulthandler.dump_traceback_later(300)
child = ForkedChild()
write_message(child.writer, {"settings": {"backend": "scripted"}, "folder": "."}, b"", 60.0)
read_message(child.reader, 60.0)
write_message(child.writer, {"rows": 1, "columns": 1}, b"abc", 60.0)
print(read_message(child.reader, 30.0).fields["found"])
child.close()
"""
UNWANTED = """
import psutil
from app.people.child import ForkedChild, Spawner
spawner = Spawner(ForkedChild())
assert len(psutil.Process().children()) == 1
spawner.close()
print(len(psutil.Process().children()), type(spawner.spawn()).__name__)
"""


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    """The models of one test do not run in the next one."""
    yield
    await_end_of_models()


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_first_process_is_forked_and_the_next_is_not() -> None:
    assert json.loads(run(FIRST_TWO)) == [
        ["ForkedChild", "scripted"],
        ["ExecutedChild", "scripted"],
    ]


def test_a_fork_of_a_program_with_a_timer_answers() -> None:
    assert run(TIMED) == "[]"


def test_a_forked_process_that_nobody_wants_ends() -> None:
    assert run(UNWANTED) == "0 ExecutedChild"


def test_without_a_fork_each_process_is_executed() -> None:
    child = Spawner().spawn()
    assert isinstance(child, ExecutedChild)
    child.close()
    assert child.has_ended()
    assert not model_processes()


def test_a_python_that_is_gone_is_a_trouble_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(PipeBroken, match="cannot be started"):
        ExecutedChild()

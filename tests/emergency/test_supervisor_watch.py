"""The end of the program that started others, as those others see it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.clock import SystemClock
from app.emergency.supervisor_watch import STARTED_VARIABLE, SupervisorWatch
from app.protocol import Fact
from app.state import State
from tests.servers.programs import REPO
from tests.servers.redis_server import RedisServer
from tests.waiting import until

_CHILD = """
import os, sys, time
from app.emergency import supervisor_watch
from app.emergency.supervisor_watch import SupervisorWatch
from app.state import State
from tests.clocks import NoonClock
supervisor_watch.STOPPED_S = 0.2
watch = SupervisorWatch(State(sys.argv[1]), NoonClock(), others_too=True)
os.write(1, b"watches\\n")  # in one piece: two programs have this pipe
for _ in range(600):
    watch.step()
    time.sleep(0.05)
"""
#: Starts two programs and Glances, as supervisord does, and waits.
_PARENT = """
import os, subprocess, sys, time
named = os.environ | {"SUPERVISOR_PROCESS_NAME": "glances"}
glances = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=named)
print(glances.pid, flush=True)
for _ in range(2):
    subprocess.Popen([sys.executable, "-c", *sys.argv[1:]])
time.sleep(60)
"""


@pytest.fixture
def supervisor(redis_server: RedisServer) -> Iterator[subprocess.Popen[str]]:
    """A parent with two watching programs, which end with the test."""
    environment = {"SUPERVISOR_ENABLED": "1", STARTED_VARIABLE: "2026-11-20T10:15:00+00:00"}
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, _CHILD, redis_server.url],
        cwd=REPO,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        yield parent
        os.killpg(parent.pid, signal.SIGKILL)


def await_watches(supervisor: subprocess.Popen[str]) -> int:
    """Return when both programs watch, with the process id of Glances."""
    assert supervisor.stdout
    pid = int(supervisor.stdout.readline())
    assert [supervisor.stdout.readline() for _ in range(2)] == ["watches\n"] * 2
    return pid


def facts(state: State) -> list[Fact]:
    return [fact for _, fact in state.facts("test", "test").new(0)]


def test_the_end_of_supervisord_is_published_once(
    supervisor: subprocess.Popen[str], state: State
) -> None:
    reader = state.facts("test", "test")
    await_watches(supervisor)
    assert reader.new(0.3) == []
    supervisor.kill()
    found = until(lambda: list(reader.new(0.1)), "the end is published")
    found += reader.new(1.0)
    (fact,) = [fact for _, fact in found]
    assert fact.kind == "process_silent"
    assert fact.text.startswith("supervisord has ended on ")
    assert "Run scripts/start.sh" in fact.text


@pytest.mark.parametrize("name", ["supervisord", "glances"])
def test_a_stopped_process_is_published_once(
    supervisor: subprocess.Popen[str], state: State, name: str
) -> None:
    reader = state.facts("test", "test")
    glances = await_watches(supervisor)
    stopped = glances if name == "glances" else supervisor.pid
    os.kill(stopped, signal.SIGSTOP)
    found = until(lambda: list(reader.new(0.1)), "the stop is published")
    found += reader.new(1.0)
    (fact,) = [fact for _, fact in found]
    assert fact.text.startswith(f"The process {name} of ")
    assert f"“kill -CONT {stopped}” lets it continue." in fact.text


def test_a_program_without_supervisord_watches_nothing(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUPERVISOR_ENABLED", raising=False)
    watch = SupervisorWatch(state, SystemClock())
    monkeypatch.setattr(os, "getppid", lambda: 1)
    for _ in range(3):
        watch.step()
    assert facts(state) == []

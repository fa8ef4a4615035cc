"""The process of a person model ends with its parent, is light, and believes no nonsense."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.servers.programs import REPO
from tests.waiting import until

ORPHAN = """
import sys, time
from pathlib import Path
from app.people.base import PeopleSettings
from app.people.child import ForkedChild, Spawner
from app.people.host import ModelCounts, ModelHost
spawner = Spawner(ForkedChild() if sys.argv[1] == "forked" else None)
host = ModelHost(PeopleSettings("scripted"), Path(), ModelCounts(), spawner=spawner)
host.start()
while not host.ready:
    time.sleep(0.02)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["executed", "forked"])
@pytest.mark.parametrize("state", ["idle", "stopped"])
def test_it_ends_when_its_parent_is_killed(kind: str, state: str) -> None:
    command = [sys.executable, "-c", ORPHAN, kind]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
            child = psutil.Process(parent.pid).children()[-1]
            if state == "stopped":
                child.send_signal(signal.SIGSTOP)
            assert child.nice() == min(psutil.Process().nice() + 10, 19)
            for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                child.send_signal(signum)
        finally:
            parent.kill()
        until(lambda: not child.is_running() or child.status() == "zombie", "the process ends")


def test_it_imports_nothing_that_it_does_not_use() -> None:
    heavy = ("pydantic", "pydantic_core", "yaml", "redis", "av", "asyncio", "multiprocessing")
    code = (
        "import sys, app.people.process\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "said", [b"", b"\0\0\0\2\0\0\0\0{}"[:5], b"\xff" * 100, b"\0\0\0\2\0\0\0\0[]"]
)
def test_it_ends_quietly_when_its_parent_says_nothing_useful(said: bytes) -> None:
    command = [sys.executable, "-m", "app.people.process", str(os.getpid())]
    done = subprocess.run(command, cwd=REPO, input=said, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_it_ends_at_once_when_its_parent_has_ended_before() -> None:
    command = [sys.executable, "-m", "app.people.process", "1"]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE) as process:
        assert process.wait(20) == 0

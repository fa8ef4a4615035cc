"""A module that runs in a forked process ends as a Python of its own does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.programs import REPO

# Forks, like supervisord, with handlers of its own; then it says how the fork has ended.
PARENT = """
import gc, os, signal, sys
from app.launcher import forking
gc.disable()
for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(signum, lambda *_: print("a handler of the parent"))
child = os.fork()
if not child:
    command = [sys.executable, "-m", "odd", *sys.argv[1:]]
    start_s = float(os.environ.get("START_S", 0))
    forking.run_module(command, os.environ | {"MORE": "yes"}, start_s)
print("ended", os.waitpid(child, 0)[1], flush=True)
"""


def ran(folder: Path, code: str, *arguments: str) -> tuple[str, str, int]:
    """What a module with *code* wrote to both streams when it ran in a fork, and how it ended."""
    (folder / "odd.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-c", PARENT, *arguments],
        env=os.environ | {"PYTHONPATH": f"{REPO}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    out, _, status = done.stdout.rpartition("ended ")
    return out, done.stderr, int(status)


def executed(folder: Path, code: str) -> tuple[str, str, int]:
    """The same of a module for which a Python was started."""
    (folder / "odd.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "odd"],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize(
    "code",
    [
        "print('done', end='')",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('no good')",
        "import atexit; atexit.register(print, 'last'); 1 / 0",
        "import threading, time; threading.Thread(target=lambda: print(time.sleep(0.1))).start()",
    ],
    ids=["well", "code", "words", "mistake", "thread"],
)
def test_its_end_and_its_words_are_the_same(tmp_path: Path, code: str) -> None:
    out, err, status = ran(tmp_path, code)
    expected_out, expected_err, expected_code = executed(tmp_path, code)
    assert (out, os.waitstatus_to_exitcode(status)) == (expected_out, expected_code)
    # Only the lines on the module that runs it are different.
    assert err.splitlines()[-1:] == expected_err.splitlines()[-1:]


def test_a_signal_ends_it_as_usual(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); print('it goes on')"
    assert ran(tmp_path, code) == ("", "", signal.SIGTERM)


def test_it_has_its_arguments_and_its_environment(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; print(sys.argv[1:], os.environ['MORE'], __name__, "
        "signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    assert ran(tmp_path, code, "--camera", "front") == (
        "['--camera', 'front'] yes __main__ True\n",
        "",
        0,
    )


def test_a_module_that_hangs_in_an_import_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("START_S", "0.3")
    out, err, status = ran(tmp_path, "import time; time.sleep(50)")
    assert (out, os.waitstatus_to_exitcode(status)) == ("", 1)
    assert "Timeout" in err
    assert "odd.py" in err


def test_its_garbage_is_collected_though_its_parents_is_not(tmp_path: Path) -> None:
    assert ran(tmp_path, "import gc; print(gc.isenabled(), end='')")[0] == "True"

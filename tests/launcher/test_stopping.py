"""Stopping a suite whose supervisord is gone. `test_launch.py` stops whole suites."""

import os
import subprocess
import sys
from pathlib import Path

from app.launcher.processes import RUN_VARIABLE
from app.launcher.stopping import stop_suite
from tests.waiting import Stopwatch, patience

ORDER = """
import signal, sys, time
def end(*_):
    open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""


def test_programs_end_before_redis(tmp_path: Path) -> None:
    record, run_dir = tmp_path / "ended", tmp_path / "run"
    started = []
    for name in ("redis", "notifier", "uploader"):
        process = subprocess.Popen(
            [sys.executable, "-c", ORDER, str(record), name],
            env=os.environ | {RUN_VARIABLE: str(run_dir), "SUPERVISOR_PROCESS_NAME": name},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "up\n"
    assert stop_suite(run_dir) == (["notifier", "redis", "uploader"], [])
    for process in started:
        process.wait(5)
        if process.stdout:
            process.stdout.close()
    assert record.read_text().splitlines()[-1] == "redis"


def test_stopping_nothing_takes_no_time(tmp_path: Path) -> None:
    with Stopwatch() as watch:
        assert stop_suite(tmp_path) == ([], [])
    assert watch.seconds < patience(5)

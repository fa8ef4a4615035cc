"""The verb `stop`, where nothing or something odd runs. `launcher/test_launch.py` stops suites."""

import os
import subprocess
import sys
from pathlib import Path

from app.config import FOLDER_VARIABLE, load_config
from app.launcher.processes import RUN_VARIABLE
from tests.servers.programs import write_config
from tests.servers.suite import run_verb
from tests.waiting import until

SLEEP = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(60)"]


def test_with_nothing_to_stop_it_says_so(tmp_path: Path) -> None:
    config = write_config(tmp_path, "redis://127.0.0.1:9/0")
    done = run_verb("stop", "--config", str(config))
    assert (done.returncode, done.stdout, done.stderr) == (0, "Nothing runs.\n", "")


def test_a_process_of_a_broken_configuration_is_stopped(tmp_path: Path) -> None:
    config = write_config(tmp_path, "redis://127.0.0.1:9/0")
    run_dir = load_config(config).run_dir
    environment = {FOLDER_VARIABLE: str(config), RUN_VARIABLE: str(run_dir)}
    environment["SUPERVISOR_PROCESS_NAME"] = "notifier"
    with subprocess.Popen(
        SLEEP, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        (config / "config.yml").write_text("data_dir: [elsewhere")
        done = run_verb("stop", "--config", str(config))
        assert done.stdout == "Stopped notifier.\n"
        assert "config.yml:1" in done.stderr
        until(lambda: process.poll() is not None, "the process ends")

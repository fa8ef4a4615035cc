"""Covers several modules: `python -m app`, called with the Python of the system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPO


def verb(project: Path) -> subprocess.CompletedProcess[str]:
    """Run a verb in *project* with a Python that has no packages."""
    (project / "app").mkdir(exist_ok=True)
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(REPO / "app" / name, project / "app")
    command = [sys.executable, "-S", "-m", "app", "check-camera", "front door"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_the_python_of_the_system_leads_to_that_of_the_suite(tmp_path: Path) -> None:
    done = verb(tmp_path)
    assert done.stderr == (
        f"The packages are missing. Run {tmp_path}/scripts/setup.sh, then this again.\n"
    )
    assert done.returncode == 1
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o755)
    done = verb(tmp_path)
    assert (done.stdout, done.stderr) == ("-m|app|check-camera|front door|", "")


def test_a_terminal_of_another_encoding_gets_its_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "check-config", tmp_path / "house → garden"],
        cwd=REPO,
        env={**os.environ, "PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert b"house ? garden/config.yml: there is no such file" in done.stdout
    assert (done.returncode, done.stderr) == (1, b"")

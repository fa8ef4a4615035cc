"""Covers several modules: what each script of the owner prints for --help."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPO


@pytest.mark.parametrize("name", ["start", "setup", "wheelhouse", "install-service"])
def test_help_is_printed_and_nothing_is_done(tmp_path: Path, name: str) -> None:
    shutil.copytree(REPO / "scripts", tmp_path / "scripts")
    script = f"scripts/{name}.sh"
    done = subprocess.run(
        [tmp_path / script, "--help"], cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"  {script}" in done.stdout
    assert "set -euo" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["scripts"]

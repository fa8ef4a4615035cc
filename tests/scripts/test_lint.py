"""Covers several modules: the contracts on imports, which `scripts/lint.sh` checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and its contracts."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(REPO / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO / "pyproject.toml", folder)
    return folder


def lint(checkout: Path) -> str:
    """Check the contracts; returns the broken ones, "" when there are none."""
    done = subprocess.run(
        [LINT, "--no-logo", "--cache-dir", str(checkout / ".cache")],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_code_keeps_all_contracts(checkout: Path) -> None:
    assert lint(checkout) == ""


@pytest.mark.parametrize(
    ("module", "statement", "named"),
    [
        ("app/clock.py", "import app.cameras.base", "app.clock -> app.cameras.base"),
        ("app/motion/base.py", "import app.state", "app.motion.base -> app.state"),
        ("app/cameras/base.py", "import app.motion.base", "app.cameras.base -> app.motion.base"),
        ("app/state/store.py", "import app.config", "app.state.store -> app.config"),
        ("app/config/checks.py", "import app.cli.who", "app.config.checks -> app.cli.who"),
        (
            "app/daemons/notifier/mute.py",
            "import app.daemons.uploader.daemon",
            "app.daemons.notifier.mute -> app.daemons.uploader.daemon",
        ),
        ("app/web/slack/app.py", "import app.cli.who", "app.web.slack.app -> app.cli.who"),
        ("app/commands/snooze.py", "import redis", "app.commands.snooze -> redis"),
        ("app/uploads/folder.py", "import yaml", "app.uploads.folder -> yaml"),
        ("app/files.py", "import pickle", "app.files -> pickle"),
    ],
)
def test_a_wrong_import_is_named(checkout: Path, module: str, statement: str, named: str) -> None:
    path = checkout / module
    before = path.read_text()
    path.write_text(f"{before}\n{statement}\n")
    try:
        assert named in lint(checkout)
    finally:
        path.write_text(before)


def test_a_module_without_a_place_is_named(checkout: Path) -> None:
    path = checkout / "app" / "whim.py"
    path.write_text("")
    try:
        assert "whim" in lint(checkout)
    finally:
        path.unlink()

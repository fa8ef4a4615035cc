"""The verb `unpainted`, and what `check-config` says about old pictures."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.recording.unpainted import note_privacy
from tests.servers.programs import write_config
from tests.servers.suite import run_verb

BEFORE = "20261120T101459.000Z-front"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A house with a privacy mask, and an event from before it."""
    (tmp_path / "data" / "events" / "2026-11-20" / BEFORE).mkdir(parents=True)
    since = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    note_privacy(tmp_path / "data", "front", (((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)),), since)
    return write_config(tmp_path, "redis://127.0.0.1:9/0")


def run(verb: str, config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    done = run_verb(verb, "--config", str(config), *options)
    assert done.returncode == 0
    return done


def test_old_pictures_are_named_and_deleted(config: Path, tmp_path: Path) -> None:
    assert "`python -m app unpainted front` lists them" in run("check-config", config).stderr
    event = tmp_path / "data" / "events" / "2026-11-20" / BEFORE
    assert run("unpainted", config).stdout == f"{event}\n"
    assert event.is_dir()
    deleted = run("unpainted", config, "front", "--delete").stdout
    assert deleted.startswith(f"deleted {event}\n")
    assert "Copies in Slack, Dropbox and S3 stay where they are." in deleted
    assert not event.exists()
    assert "nothing from before a privacy mask" in run("unpainted", config).stdout
    assert "unpainted" not in run("check-config", config).stderr

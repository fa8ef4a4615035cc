"""A disk that refuses is logged once, and its trouble ends when it accepts files again."""

import logging
from pathlib import Path

import pytest

from app.daemons.security_system.disk_writer import DiskWriter
from app.errors import WorldError


def test_a_refusal_is_logged_once_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk = DiskWriter()
    for _ in range(2):
        assert not disk.attempt((tmp_path / "nowhere" / "file").touch)
        assert "the disk accepts no files: [Errno 2]" in (disk.trouble or "")
    for _ in range(2):
        assert disk.attempt((tmp_path / "file").touch)
        assert disk.trouble is None
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("the disk accepts no files, so events are kept in memory: [Errno 2]")
    assert last == "the disk accepts files again"


def test_a_failure_that_is_not_the_disks_is_raised() -> None:
    def fail() -> None:
        raise WorldError("running twice")

    disk = DiskWriter()
    with pytest.raises(WorldError, match="running twice"):
        disk.attempt(fail)
    assert disk.trouble is None

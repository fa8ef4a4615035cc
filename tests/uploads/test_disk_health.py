"""Finding out that a disk accepts no files, on a small real disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.uploads import disk_health
from app.uploads.disk_health import OPEN_EVERY_S, RETRY_EVERY_S, WRITE_EVERY_S, DiskHealth
from tests.servers.small_disk import SmallDisk
from tests.uploads.events import noon


@pytest.fixture
def card(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "card", 1) as disk:
        yield disk


def test_a_read_only_disk_that_does_not_say_so_is_noticed(
    card: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ext4 after an error: `emergency_ro` is in no flag of the file system."""
    monkeypatch.setattr(disk_health, "is_read_only", lambda _: False)
    clock: FakeClock = noon()
    health = DiskHealth(card.path, clock)
    health.check()
    card.let_write(False)
    clock.advance(OPEN_EVERY_S)
    with pytest.raises(OSError, match="Read-only file system") as raised:
        health.check()
    assert "The system no longer writes to the disk" in disk_health.trouble_text(raised.value)
    card.let_write(True)
    with pytest.raises(OSError, match="Read-only file system"):
        health.check()
    clock.advance(RETRY_EVERY_S)
    health.check()


def test_the_disk_is_written_to_only_twice_an_hour(tmp_path: Path) -> None:
    clock: FakeClock = noon()
    health = DiskHealth(tmp_path, clock)
    health.check()
    (probe,) = tmp_path.iterdir()
    written_ns = probe.stat().st_mtime_ns
    for _ in range(29):
        clock.advance(OPEN_EVERY_S)
        health.check()
    assert probe.stat().st_mtime_ns == written_ns
    clock.advance(WRITE_EVERY_S - 29 * OPEN_EVERY_S)
    health.check()
    assert probe.stat().st_mtime_ns > written_ns


def test_a_full_disk_is_no_error(card: SmallDisk) -> None:
    card.fill()
    clock: FakeClock = noon()
    health = DiskHealth(card.path, clock)
    for _ in range(2):
        health.check()
        clock.advance(WRITE_EVERY_S)

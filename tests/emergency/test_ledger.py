"""The file of the reports: which copy counts, what is in the way, and who may deliver."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.emergency.ledger import FILE, EmergencyReport, Ledger
from tests.servers.small_disk import SmallDisk

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def test_a_restart_finds_the_reports(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert (ledger.load(), ledger.exists()) == ([], False)
    report = EmergencyReport(
        "redis", AT, AT, "Redis is away.", stages={"begun:slack:posting:": "x"}
    )
    ledger.load().append(report)
    ledger.save()
    assert Ledger(tmp_path).load() == [report]
    ledger.clear()
    assert (Ledger(tmp_path).load(), ledger.exists()) == ([], False)


@pytest.mark.parametrize("content", [b"", b"garbage", b'{"revision": 1}', b"\xff\x00", b"[]"])
def test_a_file_that_is_garbage_is_ignored(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    ledger = Ledger(tmp_path)
    ledger.load().append(EmergencyReport("redis", AT, AT, "Redis is away."))
    ledger.save()
    assert len(Ledger(tmp_path).load()) == 1


def test_without_a_disk_the_second_folder_has_the_file(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", 1) as disk:
        data_dir, second = disk.path / "data", tmp_path / "second"
        first = Ledger(data_dir, second)
        first.load().append(EmergencyReport("redis", AT, AT, "Redis is away."))
        first.save()
        disk.let_write(False)
        first.load()[0].stages["begun:slack:done"] = "yes"
        first.save()
        assert Ledger(data_dir, second).load()[0].stages == {"begun:slack:done": "yes"}
        disk.let_write(True)


def test_without_any_disk_it_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ledger = Ledger(tmp_path / "file" / "data")
    ledger.load().append(EmergencyReport("redis", AT, AT, "Redis is away."))
    ledger.save()
    assert len(ledger.load()) == 1
    with ledger.lock() as is_free:
        assert is_free


def test_one_program_at_a_time_may_deliver(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    with first.lock() as ours, second.lock() as theirs:
        assert (ours, theirs) == (True, False)
    with second.lock() as theirs:
        assert theirs

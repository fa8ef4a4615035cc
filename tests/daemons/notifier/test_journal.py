"""The journal on a real disk, also on one that is full, and after a power cut."""

import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.daemons.notifier.journal import MOST_SUBJECTS, DeliveryJournal, JournalInUse
from tests.servers.small_disk import SmallDisk

SIZE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notifier" / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[DeliveryJournal]:
    made = DeliveryJournal(path, SIZE_BYTES)
    made.open()
    yield made
    made.close()


def reopened(journal: DeliveryJournal, path: Path) -> DeliveryJournal:
    """Return the journal that the next process finds."""
    journal.close()
    found = DeliveryJournal(path, SIZE_BYTES)
    found.open()
    return found


def test_marks_are_there_for_another_process(journal: DeliveryJournal, path: Path) -> None:
    journal.write(["f1"], {"slack:posting": "then"}, sync=True)
    journal.write(["f1"], {"slack:posting": ""}, sync=False)
    journal.write(["f1", "f2"], {"slack:digest": "d1"}, sync=True)
    found = reopened(journal, path)
    assert found.marks("f1") == {"slack:posting": "", "slack:digest": "d1"}
    assert found.marks("f2") == {"slack:digest": "d1"}
    assert found.marks("f3") == {}
    found.write(["f1"], {"slack:posted": "now"}, sync=True)
    assert reopened(found, path).marks("f1")["slack:posted"] == "now"


def test_the_newest_marks_overwrite_the_oldest(journal: DeliveryJournal, path: Path) -> None:
    for number in range(500):
        journal.write([f"f{number}"], {"slack:posted": f"{number}" * 5}, sync=False)
        if number % 50 == 0:
            journal = reopened(journal, path)
    found = reopened(journal, path)
    assert found.marks("f0") == {}
    assert all(found.marks(f"f{number}") for number in range(470, 500))
    assert path.stat().st_size == SIZE_BYTES
    found.close()


def test_a_line_that_was_cut_costs_only_itself(journal: DeliveryJournal, path: Path) -> None:
    for number in range(10):
        journal.write([f"f{number}"], {"slack:posted": "then"}, sync=True)
    journal.close()
    content = path.read_bytes()
    end = content.rstrip(b"\0\n").rindex(b"f9")
    for garbage in (b"", b"\0" * 300, random.Random(1).randbytes(300), b"\n" * 9):
        path.write_bytes(content[:end] + garbage)
        found = DeliveryJournal(path, SIZE_BYTES)
        found.open()
        assert [bool(found.marks(f"f{number}")) for number in range(10)] == [True] * 9 + [False]
        found.write(["f10"], {"slack:posted": "then"}, sync=True)
        found = reopened(found, path)
        assert found.marks("f10")
        found.close()


def test_a_synced_mark_is_on_the_disk_with_all_before(
    journal: DeliveryJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def sync(file: int) -> None:
        synced.append(os.pread(file, SIZE_BYTES, 0))

    monkeypatch.setattr(os, "fdatasync", sync)
    journal.write(["f1"], {"slack:file": "F1"}, sync=False)
    assert synced == []
    journal.write(["f1"], {"slack:posting": "then"}, sync=True)
    assert b"F1" in synced[0]
    assert b"slack:posting" in synced[0]
    assert len(synced) == 1


def test_a_full_disk_takes_marks_too(caplog: pytest.LogCaptureFixture) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="disk-") as folder,
        SmallDisk(Path(folder) / "d", 4) as disk,
    ):
        journal = DeliveryJournal(disk.path / "journal", SIZE_BYTES)
        journal.open()
        disk.fill()
        for number in range(100):
            journal.write([f"f{number}"], {"slack:posted": "then"}, sync=True)
        disk.empty()
        assert reopened(journal, disk.path / "journal").marks("f99")
        assert caplog.text == ""


def test_without_a_file_marks_are_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "notifier").write_text("a file stands where the folder should be")
    journal = DeliveryJournal(tmp_path / "notifier" / "journal", SIZE_BYTES)
    journal.open()
    for number in range(MOST_SUBJECTS + 1):
        journal.write([f"f{number}"], {"slack:posted": "then"}, sync=True)
    assert journal.marks("f1") == {"slack:posted": "then"}
    assert journal.marks("f0") == {}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "after a power cut an alert may be delivered twice" in caplog.text


def test_two_notifiers_do_not_share_it(journal: DeliveryJournal, path: Path) -> None:
    second = DeliveryJournal(path, SIZE_BYTES)
    with pytest.raises(JournalInUse, match="another notifier uses"):
        second.open()
    journal.close()
    second.open()
    second.close()


def test_one_sync_serves_all_threads_that_wait(
    journal: DeliveryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[float] = []
    sync = os.fdatasync

    def slow_sync(file: int) -> None:
        syncs.append(time.monotonic())
        time.sleep(0.1)
        sync(file)

    monkeypatch.setattr(os, "fdatasync", slow_sync)
    began_s: dict[int, float] = {}

    def write(number: int) -> None:
        began_s[number] = time.monotonic()
        journal.write([f"f{number}"], {"slack:posted": "now"}, sync=True)
        # Its line is on the disk: a sync has begun since.
        assert any(at_s >= began_s[number] for at_s in syncs)
        ended.append(number)

    ended: list[int] = []
    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == list(range(8))
    assert len(syncs) < 8

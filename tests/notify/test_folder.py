import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import DeliveryError
from app.notify import FolderNotifier, Message
from tests.notify.progress import MemoryProgress
from tests.servers.small_disk import SmallDisk

KEY = "20261120T233000.000Z-front"
MESSAGE = Message(
    KEY,
    datetime(2026, 11, 20, 23, 30, tzinfo=UTC),
    "Motion in front of\ncamera front.",
    "front",
    b"a picture",
)


@pytest.fixture
def an_hour_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "CET-1")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def alerts(tmp_path: Path, an_hour_ahead: None) -> Path:
    return tmp_path / "alerts"


def test_the_day_and_time_are_those_of_the_house(alerts: Path) -> None:
    FolderNotifier(alerts).deliver(MESSAGE, MemoryProgress())
    assert (alerts / "2026-11-21" / f"{KEY}.jpg").read_bytes() == b"a picture"
    assert (
        alerts / "2026-11-21" / f"{KEY}.txt"
    ).read_text() == "2026-11-21 00:30:00  Motion in front of camera front.\n"
    assert len(list(alerts.rglob("*"))) == 3


def test_a_second_delivery_writes_only_what_is_missing(alerts: Path) -> None:
    FolderNotifier(alerts).deliver(MESSAGE, MemoryProgress())
    picture, text = alerts / "2026-11-21" / f"{KEY}.jpg", alerts / "2026-11-21" / f"{KEY}.txt"
    before = picture.stat()
    text.unlink()
    FolderNotifier(alerts).deliver(MESSAGE, MemoryProgress())
    assert text.exists()
    assert (picture.stat().st_ino, picture.stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )


def test_unfinished_files_of_a_killed_run_are_removed(alerts: Path) -> None:
    old_day = alerts / "2026-11-19"
    old_day.mkdir(parents=True)
    (old_day / ".20261119T101500.000Z-front.jpg.part").write_bytes(b"half a pic")
    (old_day / "20261119T091500.000Z-front.txt").write_text("whole")
    FolderNotifier(alerts).deliver(MESSAGE, MemoryProgress())
    assert [path.name for path in old_day.iterdir()] == ["20261119T091500.000Z-front.txt"]


@pytest.mark.usefixtures("an_hour_ahead")
def test_a_full_disk_is_an_error_and_leaves_no_unfinished_file(tmp_path: Path) -> None:
    other = Message("20261120T233100.000Z-front", MESSAGE.at, "Motion.", picture=b"another")
    with SmallDisk(tmp_path / "small", 1) as disk:
        alerts = disk.path / "alerts"
        notifier = FolderNotifier(alerts)
        notifier.deliver(MESSAGE, MemoryProgress())
        disk.fill()
        with pytest.raises(DeliveryError, match=f"{alerts}.*the disk is full: free some space"):
            notifier.deliver(other, MemoryProgress())
        assert not list(alerts.rglob(f"*{other.key}*"))
        disk.empty()
        notifier.deliver(other, MemoryProgress())
        assert (alerts / "2026-11-21" / f"{other.key}.jpg").read_bytes() == b"another"


def test_a_file_in_place_of_the_folder_is_an_error_with_a_cure(alerts: Path) -> None:
    alerts.write_text("a file")
    with pytest.raises(DeliveryError, match=f"{alerts}.*set notify.folder to another"):
        FolderNotifier(alerts).deliver(MESSAGE, MemoryProgress())


def test_the_text_says_where_a_clip_is(alerts: Path) -> None:
    clip = Message(
        f"{KEY}-clip_ready",
        MESSAGE.at,
        "The clip.",
        topic="clip",
        clip=Path("/data/events/clip.mp4"),
    )
    gone = Message(
        f"{KEY}-clip_ready-2",
        MESSAGE.at,
        "The clip.",
        topic="clip",
        remark="The clip is on the machine garage.",
    )
    for message in (clip, gone):
        FolderNotifier(alerts).deliver(message, MemoryProgress())
    lines = [path.read_text() for path in sorted(alerts.rglob("*.txt"))]
    assert lines == [
        "2026-11-21 00:30:00  The clip.  The clip is on the machine garage.\n",
        "2026-11-21 00:30:00  The clip.  /data/events/clip.mp4\n",
    ]

"""The sources of an upload queue: events, whose uploads are published, and stills."""

from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import StateUnavailable
from app.uploads.base import Receipt
from app.uploads.folder_reader import UploadFile
from app.uploads.inventory import Inventory
from app.uploads.sources import EventFiles, StillFiles
from tests.uploads.events import event_of, make_event, noon, write_file

RECEIPT = Receipt(1000, "ab" * 32)
EVENT = event_of(1)


class Published:
    """Remembers what is published, unless Redis is away or does not know the event."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.is_away = False
        self.is_known = True

    def publish(self, file: UploadFile) -> bool:
        if self.is_away:
            raise StateUnavailable("away")
        if self.is_known:
            self.keys.append(file.key)
        return self.is_known


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def source(tmp_path: Path, published: Published) -> EventFiles:
    clock: FakeClock = noon()
    return EventFiles(Inventory(tmp_path, ["s3"]), "s3", clock, published.publish)


def upload_all(source: EventFiles | StillFiles) -> None:
    for file in source.waiting():
        source.confirm(file, RECEIPT)


def test_clips_and_pictures_are_published_once(
    tmp_path: Path, source: EventFiles, published: Published
) -> None:
    make_event(tmp_path, EVENT, "clip.mp4", "snapshot.jpg", "sample.tar")
    upload_all(source)
    assert source.waiting() == []
    assert sorted(published.keys) == [f"clips/{EVENT}.jpg", f"clips/{EVENT}.mp4"]


@pytest.mark.parametrize("why", ["is_away", "is_known"])
def test_what_could_not_be_published_is_published_later(
    tmp_path: Path, source: EventFiles, published: Published, why: str
) -> None:
    make_event(tmp_path, EVENT, "clip.mp4")
    setattr(published, why, why == "is_away")
    upload_all(source)
    assert source.waiting() == []
    assert published.keys == []
    setattr(published, why, why != "is_away")
    for _ in range(2):
        assert source.waiting() == []
    assert published.keys == [f"clips/{EVENT}.mp4"]


def test_only_finished_jpegs_are_stills(tmp_path: Path) -> None:
    for name in ("a.jpg", ".b.jpg.part", ".c.jpg", "notes.txt"):
        write_file(tmp_path / "stills" / name, b"still")
    assert [file.key for file in StillFiles(tmp_path).waiting()] == ["a.jpg"]
    assert StillFiles(tmp_path / "elsewhere").waiting() == []


def test_an_uploaded_still_is_deleted(tmp_path: Path) -> None:
    path = write_file(tmp_path / "stills" / "a.jpg", b"still")
    source = StillFiles(tmp_path)
    upload_all(source)
    assert not path.exists()
    assert source.waiting() == []


def test_an_undeletable_still_is_uploaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_file(tmp_path / "stills" / "a.jpg", b"still")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    source = StillFiles(tmp_path)
    upload_all(source)
    assert source.waiting() == []
    assert caplog.text.count("is uploaded, but cannot be deleted") == 1


def test_a_still_that_is_a_link_is_not_uploaded(tmp_path: Path) -> None:
    secret = write_file(tmp_path / "private.yml", b"secret")
    (tmp_path / "stills").mkdir()
    (tmp_path / "stills" / "front.jpg").symlink_to(secret)
    assert StillFiles(tmp_path).waiting() == []

"""Reading the folder of an event."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.uploads.folder_reader import EventFolder, FolderReader
from tests.uploads.events import NOON, age, event_of, make_event

EVENT = event_of(1)


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def reader(complaints: list[str]) -> FolderReader:
    return FolderReader(["s3"], {}, lambda path, why: complaints.append(f"{path.name} {why}"))


def read(reader: FolderReader, folder: Path) -> EventFolder:
    found = reader.read(folder.parent, folder.name, NOON)
    assert found is not None
    return found


def test_only_known_finished_files_have_keys_and_types(
    tmp_path: Path, reader: FolderReader
) -> None:
    names = [
        "sample.tar",
        "snapshot.jpg",
        "snapshot-clean.jpg",
        "clip.mp4",
        "clip-2.mp4",
        "event.json",
        "trace.json",
        ".clip-3.mp4.part",
        "clip.mp4.bak",
    ]
    found = read(reader, make_event(tmp_path, EVENT, *names, label="occupied"))
    assert {(file.key, file.content_type) for file in found.files} == {
        (f"training/{EVENT}.tar", "application/x-tar"),
        (f"labels/{EVENT}.json", "application/json"),
        (f"clips/{EVENT}.jpg", "image/jpeg"),
        (f"clips/{EVENT}.mp4", "video/mp4"),
        (f"clips/{EVENT}-2.mp4", "video/mp4"),
    }


def test_a_missing_folder_is_none_and_another_is_reported(
    tmp_path: Path, reader: FolderReader, complaints: list[str]
) -> None:
    assert reader.read(tmp_path, EVENT, NOON) is None
    assert complaints == []
    (tmp_path / EVENT).write_bytes(b"no folder")
    assert reader.read(tmp_path, EVENT, NOON) is None
    assert reader.read(tmp_path, "20261399T101500.123Z-front", NOON) is None
    (complaint,) = complaints
    assert complaint.startswith(f"{EVENT} skipped: [Errno 20]")


@pytest.mark.parametrize(
    ("changed_s", "settled"), [(-3600, True), (-3, True), (-1, False), (1, False), (3600, True)]
)
def test_only_a_change_just_now_may_be_followed_unseen(
    tmp_path: Path, reader: FolderReader, changed_s: float, settled: bool
) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4")
    age(folder, NOON + timedelta(seconds=changed_s))
    assert read(reader, folder).settled is settled


def test_a_folder_with_an_unfinished_file_is_not_settled(
    tmp_path: Path, reader: FolderReader
) -> None:
    found = read(reader, make_event(tmp_path, EVENT, ".clip.mp4.part"))
    assert (found.unfinished, found.settled) == (True, False)


def test_the_size_is_that_of_all_files(tmp_path: Path, reader: FolderReader) -> None:
    found = read(reader, make_event(tmp_path, EVENT, "clip.mp4", "event.json", size=4096))
    assert (found.size, found.labelled, found.uploaded) == (8192, False, False)


def test_a_file_renamed_meanwhile_costs_only_another_look(
    tmp_path: Path, reader: FolderReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_event(tmp_path, EVENT, "snapshot.jpg", ".clip.mp4.part")

    class Renaming:
        """Lists a folder in which a clip gets its final name then."""

        def __init__(self, path: str) -> None:
            self._entries = os.scandir(path)

        def __enter__(self) -> list["os.DirEntry[str]"]:
            listed = list(self._entries)
            (folder / ".clip.mp4.part").rename(folder / "clip.mp4")
            return listed

        def __exit__(self, *_: object) -> None:
            self._entries.close()

    with monkeypatch.context() as patched:
        patched.setattr("app.uploads.folder_reader.scandir", Renaming)
        found = read(reader, folder)
    assert ([file.path.name for file in found.files], found.settled) == (["snapshot.jpg"], False)
    assert len(read(reader, folder).files) == 2

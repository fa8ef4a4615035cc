"""The inventory: which files wait for which store, and what stays after the upload."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from os import DirEntry
from pathlib import Path

import pytest

from app.uploads.base import Receipt
from app.uploads.folder_reader import EventFolder, UploadFile
from app.uploads.inventory import Inventory
from app.uploads.markers import read_confirmations
from tests.uploads.events import NOON, event_of, make_event, set_label

RECEIPT = Receipt(1000, "ab" * 32)
EVENT = event_of(1)
QUIET = event_of(2)


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return Inventory(tmp_path, ["s3"])


def scan(inventory: Inventory) -> list[EventFolder]:
    return inventory.scan(NOON)


def files(inventory: Inventory) -> list[UploadFile]:
    return [file for folder in scan(inventory) for file in folder.files]


def waiting(inventory: Inventory) -> dict[str, UploadFile]:
    return {file.key: file for file in files(inventory) if inventory.missing_stores(file)}


def confirm(inventory: Inventory, key: str, store: str = "s3") -> None:
    file = next(file for file in files(inventory) if file.key == key)
    inventory.confirm(file, store, RECEIPT, NOON)


def test_the_oldest_event_comes_first_and_others_never(
    tmp_path: Path, inventory: Inventory
) -> None:
    make_event(tmp_path, EVENT, "snapshot.jpg")
    make_event(tmp_path, event_of(30), "snapshot.jpg")
    for stranger in ("notes", "20261399T101500.123Z-front"):
        (tmp_path / "events" / "2026-11-20" / stranger).mkdir()
    (tmp_path / "events" / "holiday").mkdir()
    assert [folder.event for folder in scan(inventory)] == [event_of(30), EVENT]


def test_an_unreadable_day_is_passed_over_and_logged_once(
    tmp_path: Path, inventory: Inventory, caplog: pytest.LogCaptureFixture
) -> None:
    make_event(tmp_path, EVENT, "snapshot.jpg")
    (tmp_path / "events" / "2026-11-17").write_bytes(b"no folder")
    (tmp_path / "events" / "2026-11-18").symlink_to("2026-11-18")
    for _ in range(2):
        assert [folder.event for folder in scan(inventory)] == [EVENT]
    assert caplog.text.count("2026-11-17: skipped: [Errno 20]") == 1
    assert caplog.text.count("2026-11-18: skipped: it is a link") == 1


def test_a_day_that_was_just_removed_is_not_logged(
    tmp_path: Path,
    inventory: Inventory,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_event(tmp_path, EVENT, "snapshot.jpg")
    removed = tmp_path / "events" / "2026-11-18"
    removed.mkdir()

    def scandir_after_removal(folder: Path) -> "AbstractContextManager[Iterator[DirEntry[str]]]":
        if folder == removed:
            removed.rmdir()
        return os.scandir(folder)

    monkeypatch.setattr("app.uploads.inventory.scandir", scandir_after_removal)
    assert [folder.event for folder in scan(inventory)] == [EVENT]
    assert not caplog.text


def test_without_any_event_there_is_no_folder(inventory: Inventory) -> None:
    assert scan(inventory) == []


def test_a_confirmed_file_waits_no_more_even_after_a_restart(
    tmp_path: Path, inventory: Inventory
) -> None:
    make_event(tmp_path, EVENT, "clip.mp4", "snapshot.jpg")
    confirm(inventory, f"clips/{EVENT}.mp4")
    for current in (inventory, Inventory(tmp_path, ["s3"])):
        assert list(waiting(current)) == [f"clips/{EVENT}.jpg"]


def test_with_two_stores_a_file_waits_for_each_by_itself(tmp_path: Path) -> None:
    both = Inventory(tmp_path, ["s3", "folder"])
    make_event(tmp_path, EVENT, "clip.mp4")
    confirm(both, f"clips/{EVENT}.mp4", "folder")
    (file,) = files(both)
    assert both.missing_stores(file) == {"s3"}
    confirm(both, f"clips/{EVENT}.mp4", "s3")
    assert not waiting(both)


def test_an_uploaded_clip_stays_on_disk(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4", "snapshot.jpg", label="occupied")
    for key in list(waiting(inventory)):
        confirm(inventory, key)
    assert {"clip.mp4", "snapshot.jpg", "label.json"} <= {path.name for path in folder.iterdir()}


def test_a_sample_is_deleted_when_the_last_store_has_it(tmp_path: Path) -> None:
    both = Inventory(tmp_path, ["s3", "folder"])
    folder = make_event(tmp_path, EVENT, "sample.tar", "event.json")
    confirm(both, f"training/{EVENT}.tar", "folder")
    assert (folder / "sample.tar").exists()
    confirm(both, f"training/{EVENT}.tar", "s3")
    assert [path.name for path in folder.iterdir()] == ["event.json"]


def test_a_folder_with_only_a_sample_is_deleted_with_it(
    tmp_path: Path, inventory: Inventory
) -> None:
    folder = make_event(tmp_path, QUIET, "sample.tar")
    confirm(inventory, f"training/{QUIET}.tar")
    assert not folder.exists()
    assert scan(inventory) == []


def test_a_sample_uploaded_before_a_kill_is_deleted_later(tmp_path: Path) -> None:
    folder = make_event(tmp_path, QUIET, "sample.tar")
    confirm(Inventory(tmp_path, ["s3", "folder"]), f"training/{QUIET}.tar")
    scan(Inventory(tmp_path, ["s3"]))
    assert not folder.exists()


def test_without_a_store_nothing_waits_and_no_sample_goes(tmp_path: Path) -> None:
    folder = make_event(tmp_path, EVENT, "sample.tar", "clip.mp4")
    none = Inventory(tmp_path, [])
    assert not waiting(none)
    assert (folder / "sample.tar").exists()


def test_a_sample_that_was_replaced_meanwhile_stays(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "sample.tar")
    (file,) = files(inventory)
    (folder / "sample.tar").write_bytes(b"newer")
    inventory.confirm(file, "s3", RECEIPT, NOON)
    assert (folder / "sample.tar").read_bytes() == b"newer"
    assert list(waiting(inventory)) == [f"training/{EVENT}.tar"]


def test_a_new_or_changed_label_waits_again(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "snapshot.jpg")
    confirm(inventory, f"clips/{EVENT}.jpg")
    assert not waiting(inventory)
    set_label(folder, "occupied")
    assert list(waiting(inventory)) == [f"labels/{EVENT}.json"]
    confirm(inventory, f"labels/{EVENT}.json")
    assert not waiting(inventory)
    set_label(folder, "unoccupied")
    assert list(waiting(inventory)) == [f"labels/{EVENT}.json"]


def test_a_label_that_changes_during_its_upload_waits_again(
    tmp_path: Path, inventory: Inventory
) -> None:
    folder = make_event(tmp_path, EVENT, label="occupied")
    (file,) = files(inventory)
    set_label(folder, "unoccupied")
    inventory.confirm(file, "s3", RECEIPT, NOON)
    assert list(waiting(inventory)) == [f"labels/{EVENT}.json"]


def test_a_removed_label_is_removed_in_the_stores(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "event.json", label="occupied")
    confirm(inventory, f"labels/{EVENT}.json")
    (folder / "label.json").unlink()
    withdrawn = waiting(inventory)[f"labels/{EVENT}.json"]
    assert json.loads(withdrawn.path.read_text()) == {"label": None, "event": EVENT}
    assert not scan(inventory)[0].labelled
    confirm(inventory, f"labels/{EVENT}.json")
    assert [path.name for path in folder.iterdir()] == ["event.json"]
    assert not waiting(inventory)


def test_a_label_that_comes_back_at_once_is_just_uploaded(
    tmp_path: Path, inventory: Inventory
) -> None:
    folder = make_event(tmp_path, EVENT, label="occupied")
    confirm(inventory, f"labels/{EVENT}.json")
    (folder / "label.json").unlink()
    assert waiting(inventory)
    set_label(folder, "unoccupied")
    (again,) = waiting(inventory).values()
    assert again.path.name == "label.json"
    assert not (folder / "label-withdrawn.json").exists()


def test_a_removed_label_that_no_store_has_uploads_nothing(
    tmp_path: Path, inventory: Inventory
) -> None:
    folder = make_event(tmp_path, EVENT, "event.json", label="occupied")
    scan(inventory)
    (folder / "label.json").unlink()
    assert not waiting(inventory)


def make_unwritable(folder: Path) -> list[Path]:
    """Make markers in *folder* unwritable, until the returned folders are removed.

    A folder in place of a file stops root too.
    """
    blocks = [folder / f".{name}.uploaded.part" for name in (".clip.mp4", ".sample.tar")]
    for block in blocks:
        block.mkdir()
    return blocks


def test_markers_that_the_disk_refuses_are_written_later(
    tmp_path: Path, inventory: Inventory, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4", "sample.tar")
    blocks = make_unwritable(folder)
    for key in list(waiting(inventory)):
        confirm(inventory, key)
    assert not waiting(inventory)
    assert not (folder / "sample.tar").exists()
    assert caplog.text.count("cannot be marked") == 1
    for block in blocks:
        block.rmdir()
    scan(inventory)
    assert (folder / ".clip.mp4.uploaded").exists()


def test_a_file_deleted_during_its_upload_leaves_no_marker(
    tmp_path: Path, inventory: Inventory
) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4", "event.json")
    (file,) = files(inventory)
    file.path.unlink()
    inventory.confirm(file, "s3", RECEIPT, NOON)
    assert [path.name for path in folder.iterdir()] == ["event.json"]


def test_only_a_changed_folder_is_read_again(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4")
    first = scan(inventory)
    assert scan(inventory)[0] is first[0]
    (folder / "clip-2.mp4").touch()
    assert len(scan(inventory)[0].files) == 2


def test_a_folder_that_changed_just_now_is_read_again(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4")
    os.utime(folder, (NOON.timestamp() - 1, NOON.timestamp() - 1))
    scan(inventory)
    (folder / "clip-2.mp4").touch()
    os.utime(folder, (NOON.timestamp() - 1, NOON.timestamp() - 1))
    assert len(scan(inventory)[0].files) == 2


def test_the_marker_says_whether_the_upload_is_published(
    tmp_path: Path, inventory: Inventory
) -> None:
    make_event(tmp_path, EVENT, "clip.mp4")
    (file,) = files(inventory)
    inventory.confirm(file, "s3", RECEIPT, NOON, published=False)
    (unpublished,) = files(inventory)
    assert unpublished.confirmed
    assert not unpublished.confirmed["s3"].published
    inventory.set_published(unpublished, "s3")
    for current in (inventory, Inventory(tmp_path, ["s3"])):
        assert files(current) == []
    assert read_confirmations(unpublished.path)["s3"].published


def test_links_are_neither_followed_nor_deleted_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outside = tmp_path / "outside"
    secret = make_event(outside, event_of(3), "clip.mp4") / "clip.mp4"
    data_dir = tmp_path / "data"
    folder = make_event(data_dir, EVENT, "snapshot.jpg")
    (folder / "clip.mp4").symlink_to(secret)
    (folder.parent / event_of(3)).symlink_to(secret.parent)
    (folder.parent.with_name("2026-11-01")).symlink_to(secret.parent.parent)
    inventory = Inventory(data_dir, ["s3"])
    assert set(waiting(inventory)) == {f"clips/{EVENT}.jpg"}
    assert caplog.text.count("skipped: it is a link") == 3
    inventory.remove(folder.parent / event_of(3))
    inventory.remove(folder)
    assert secret.exists()
    assert not folder.exists()


def test_a_change_in_an_older_day_is_found_within_a_round(
    tmp_path: Path, inventory: Inventory
) -> None:
    for hours_ago in (1, 25, 49):
        make_event(tmp_path, event_of(hours_ago), "event.json")
    old = make_event(tmp_path, event_of(200), "event.json")
    assert not waiting(inventory)
    set_label(old, "occupied")
    assert not waiting(inventory)
    for _ in range(8):
        inventory.walk(NOON, 0.125)
    assert list(waiting(inventory)) == [f"labels/{old.name}.json"]


def test_new_and_deleted_events_of_older_days_are_found_at_once(
    tmp_path: Path, inventory: Inventory
) -> None:
    for hours_ago in (1, 25, 200):
        make_event(tmp_path, event_of(hours_ago), "snapshot.jpg")
    assert len(waiting(inventory)) == 3
    shutil.rmtree(tmp_path / "events" / "2026-11-12" / event_of(200))
    restored = [make_event(tmp_path, event_of(hours), "snapshot.jpg") for hours in (300, 201)]
    expected = [*(folder.name for folder in restored), event_of(25), event_of(1)]
    assert [folder.event for folder in scan(inventory)] == expected
    shutil.rmtree(restored[0].parent)
    assert [folder.event for folder in scan(inventory)] == expected[1:]


def test_what_is_confirmed_in_an_older_day_is_known_at_once(
    tmp_path: Path, inventory: Inventory
) -> None:
    for hours_ago in (1, 25, 200):
        make_event(tmp_path, event_of(hours_ago), "snapshot.jpg")
    confirm(inventory, f"clips/{event_of(200)}.jpg")
    assert sorted(waiting(inventory)) == [f"clips/{event_of(hours)}.jpg" for hours in (25, 1)]
    uploaded = next(folder for folder in scan(inventory) if folder.event == event_of(200))
    assert uploaded.uploaded


def test_one_event_is_looked_at_without_a_scan(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "snapshot.jpg")
    earlier = make_event(tmp_path, QUIET, "snapshot.jpg")
    for known in (folder, earlier):
        found = inventory.look(known.name, NOON)
        assert found is not None
        assert [file.path for file in found.files] == [known / "snapshot.jpg"]
    assert [one.event for one in scan(inventory)] == [QUIET, EVENT]
    for unknown in (event_of(3), "../../etc"):
        assert inventory.look(unknown, NOON) is None


def test_a_day_that_became_a_link_is_no_longer_read(tmp_path: Path, inventory: Inventory) -> None:
    folder = make_event(tmp_path, EVENT, "clip.mp4", ".clip-2.mp4.part")
    assert scan(inventory)
    folder.parent.rename(tmp_path / "elsewhere")
    folder.parent.symlink_to(tmp_path / "elsewhere")
    assert scan(inventory) == []
    assert inventory.look(EVENT, NOON) is None

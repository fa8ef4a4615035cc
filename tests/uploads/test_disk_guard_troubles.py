"""Covers several modules: what the disk guard reports of a disk that is full, broken or foreign."""

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.uploads import disk_guard
from tests.servers.small_disk import SmallDisk
from tests.uploads.events import NOON, age, event_of
from tests.uploads.guarded_disk import MB, GuardedDisk, MakeScene


def test_a_broken_link_does_not_stop_the_guard(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(stores=(), max_gb=0.000001)
    scene.event(10)
    (tmp_path / "stills").mkdir()
    (tmp_path / "stills" / "odd.jpg").symlink_to("odd.jpg")
    scene.run_s(1)
    assert (scene.trouble(), scene.left()) == ("", [])


@pytest.mark.parametrize("unreadable", ["stills", "stills/a.jpg", "alerts", "alerts/2026-11-10"])
def test_an_unreadable_path_is_logged_once_and_passed_over(
    make_scene: MakeScene, tmp_path: Path, caplog: pytest.LogCaptureFixture, unreadable: str
) -> None:
    scene = make_scene(stores=(), max_gb=0.000001)
    scene.event(10)
    (tmp_path / unreadable).parent.mkdir(exist_ok=True)
    # The kernel cannot follow this link for any user; permissions would not stop root.
    (tmp_path / unreadable).symlink_to("a" * 256)
    scene.run_s(700)
    assert (scene.trouble(), scene.left()) == ("", [])
    code = errno.ELOOP if "/" in unreadable else errno.ENAMETOOLONG
    assert caplog.text.count(f"{tmp_path / unreadable} is skipped: [Errno {code}]") == 1


def test_a_disk_that_others_fill_is_low_until_there_is_room(make_scene: MakeScene) -> None:
    scene = make_scene(min_free_gb=0.05)
    scene.taken_by_others = 80 * MB
    scene.run_s(60)
    assert scene.low() == (
        "The disk is nearly full: 0.02 GB are free, less than the 0.05 GB of disk.min_free_gb. "
        "To delete all recordings that may go would not be enough. Make room on the disk, or lower "
        "disk.min_free_gb: while less than half of that is free, no clips and samples are kept. "
        "Alerts still come."
    )
    scene.taken_by_others = 49 * MB
    scene.run_s(60)
    assert scene.guard.low
    scene.taken_by_others = 40 * MB
    scene.run_s(6)
    assert (scene.low(), scene.guard.free_gb) == (None, 0.06)


def test_a_full_disk_is_low_although_nothing_must_stay_free(make_scene: MakeScene) -> None:
    scene = make_scene(min_free_gb=0)
    scene.guard.step()
    assert scene.low() is None
    scene.taken_by_others = scene.free() - 1000
    scene.run_s(60)
    assert (scene.low() or "").startswith("The disk is full.")
    assert scene.guard.deleted == 0
    scene.taken_by_others = 0
    scene.run_s(60)
    assert scene.low() is None


def test_a_disk_that_can_be_freed_is_not_low(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), min_free_gb=0.05)
    for hours in range(3, 23):
        scene.event(hours)
    scene.run_s(30)
    assert (scene.guard.low, scene.guard.deleted) == (None, 9)
    assert scene.left()[0] == event_of(13)


def test_undeletable_events_do_not_count_as_freed(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene(stores=(), min_free_gb=0.05)
    for hours in range(3, 23):
        scene.event(hours)
    remove, stuck = scene.inventory.remove, (event_of(22), event_of(21))

    def refused(path: Path) -> None:
        if path.name in stuck:
            raise PermissionError(13, "Permission denied")
        remove(path)

    monkeypatch.setattr(scene.inventory, "remove", refused)
    scene.run_s(1)
    assert (scene.guard.low, scene.guard.deleted) == (None, 9)
    assert scene.free() >= 50 * MB
    assert scene.left()[:3] == [*stuck, event_of(11)]


def test_a_lost_upload_keeps_the_disk_low_for_a_while(make_scene: MakeScene) -> None:
    scene = make_scene(min_free_gb=0.05)
    scene.event(10)
    scene.taken_by_others = 49 * MB
    scene.run_s(30)
    assert scene.left() == []
    assert "files that still waited for their upload were deleted" in str(scene.guard.low)
    scene.taken_by_others = 0
    scene.run_s(600)
    assert scene.guard.low
    scene.run_s(3600)
    assert scene.guard.low is None


def test_an_undeletable_event_is_logged_once_and_goes_later(
    make_scene: MakeScene, caplog: pytest.LogCaptureFixture
) -> None:
    scene = make_scene(stores=(), keep_days=0.3)
    stuck = scene.event(11)
    (stuck / "folder").mkdir()
    age(stuck, NOON - timedelta(hours=11))
    scene.event(10)
    young = scene.event(2).name
    scene.run_s(700)
    assert scene.left() == [event_of(11), young]
    assert caplog.text.count("cannot be deleted") == 1
    (stuck / "folder").rmdir()
    age(stuck, NOON - timedelta(hours=11))
    scene.run_s(300)
    assert scene.left() == [young]


def test_on_a_read_only_disk_nothing_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with SmallDisk(tmp_path / "card", 8) as disk:
        scene = GuardedDisk(disk.path, monkeypatch, stores=(), max_gb=0.000001)
        scene.event(10)
        disk.let_write(False)
        scene.run_s(30)
        assert "Read-only file system" in scene.trouble()
        assert scene.trouble().endswith(
            "If that does not end with a restart, the disk is worn out or loose: replace it. "
            "Nothing is kept meanwhile; alerts still come."
        )
        assert "cannot be deleted" not in caplog.text
        disk.let_write(True)
        scene.run_s(6)
        assert (scene.trouble(), scene.left()) == ("", [])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            errno.EIO,
            "[Errno 5] Input/output error. The system reports errors of the disk (“dmesg” shows "
            "them). If that does not end with a restart, the disk is worn out or loose: replace "
            "it. Nothing is deleted meanwhile; alerts still come.",
        ),
        (
            errno.EACCES,
            "[Errno 13] Permission denied. This user may not write there any more: chown it. "
            "Nothing is deleted meanwhile; alerts still come.",
        ),
    ],
    ids=["worn out", "no permission"],
)
def test_an_unreadable_disk_is_logged_once_and_read_again(
    make_scene: MakeScene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
    text: str,
) -> None:
    scene = make_scene()

    def gone(_: Path) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(disk_guard, "free_bytes", gone)
        scene.run_s(30)
        assert scene.trouble() == f"The disk cannot be kept within its limits: {text}"
    scene.guard.step()
    assert (scene.guard.trouble, caplog.text.count("cannot be kept within its limits")) == (None, 1)


def test_a_full_disk_is_not_called_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmallDisk(tmp_path / "card", 1) as disk:
        scene = GuardedDisk(disk.path, monkeypatch, stores=())
        disk.fill()
        scene.run_s(130)
        assert scene.trouble() == ""
        disk.empty()


def test_a_disk_without_inodes_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmallDisk(tmp_path / "card", 8, inodes=500) as disk:
        scene = GuardedDisk(disk.path, monkeypatch, stores=())
        scene.run_s(5)
        assert scene.guard.few_inodes is None
        many = [disk.path / f"small-{number}" for number in range(494)]
        for path in many:
            path.touch()
        scene.run_s(10)
        assert "has room for only 4 more files" in str(scene.guard.few_inodes)
        assert "of its 500 inodes" in str(scene.guard.few_inodes)
        assert scene.trouble() == ""
        for path in many[:200]:
            path.unlink()
        scene.run_s(10)
        assert scene.guard.few_inodes is None

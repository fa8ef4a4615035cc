"""The disk guard on real files and a simulated free space: its deletions and reports."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.uploads import disk_guard
from app.uploads.base import DiskSettings, Receipt
from app.uploads.disk_guard import DiskGuard
from app.uploads.inventory import Inventory
from app.uploads.retention import DAY_S
from tests.servers.small_disk import SmallDisk
from tests.uploads.events import NOON, age, event_of, make_event, noon, set_label

GB, MB = 10**9, 10**6
SIZE = 4 * MB


class Scene:
    """A disk guard over *data_dir* on a simulated disk of 100 MB, whose events go to *stores*."""

    def __init__(
        self,
        data_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        stores: tuple[str, ...] = ("s3",),
        **settings: float,
    ) -> None:
        self.data_dir = data_dir
        self.clock: FakeClock = noon()
        self.inventory = Inventory(data_dir, stores)
        self.taken_by_others = 0
        self.size = 100 * MB
        self.guard = DiskGuard(
            data_dir,
            DiskSettings(**{"min_free_gb": 0.0, **settings}),
            self.inventory,
            self.clock,
            every_s=300,
            alerts=data_dir / "alerts",
            stills_wait=bool(stores),
        )
        monkeypatch.setattr(disk_guard, "free_bytes", lambda _: self.free())

    def event(self, hours_ago: float, *names: str, label: str | None = None) -> Path:
        return make_event(
            self.data_dir, event_of(hours_ago), *(names or ("clip.mp4",)), label=label, size=SIZE
        )

    def upload(self, folder: Path) -> Path:
        """Have S3 confirm all files of the event in *folder*; returns that."""
        for found in self.inventory.scan(NOON):
            for file in found.files if found.path == folder else ():
                self.inventory.confirm(file, "s3", Receipt(file.size, "00"), NOON)
        age(folder, NOON - timedelta(hours=1))
        return folder

    def low(self) -> str | None:
        """Return the alert for the owner."""
        return self.guard.low

    def trouble(self) -> str:
        """Return why the guard cannot do its work."""
        return self.guard.trouble or ""

    def run_s(self, seconds: float) -> None:
        """Let the guard check as often as it wants in *seconds*."""
        until_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() <= until_s:
            self.clock.advance(self.guard.step())

    def free(self) -> int:
        """Return the free bytes of the simulated disk."""
        files = [
            path for path in self.data_dir.rglob("*") if not path.is_symlink() and path.is_file()
        ]
        return self.size - self.taken_by_others - sum(path.stat().st_blocks * 512 for path in files)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.data_dir.glob("events/*/*"))


MakeScene = Callable[..., Scene]


@pytest.fixture
def make_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeScene:
    return partial(Scene, tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def test_with_room_nothing_is_deleted(make_scene: MakeScene) -> None:
    scene = make_scene(min_free_gb=0.05)
    scene.event(10)
    scene.run_s(400)
    assert len(scene.left()) == 1
    assert (scene.guard.deleted, scene.guard.low, scene.guard.free_gb) == (0, None, 0.096)


def order_of_deletion(scene: Scene) -> list[Path]:
    """Return the events in the order of their deletion.

    Others fill the disk to the last byte each time that something was deleted.
    """
    order: list[Path] = []
    while before := set(scene.data_dir.glob("events/*/*")):
        scene.taken_by_others = 0
        scene.taken_by_others = scene.free() - 1
        scene.run_s(16)
        gone = before - set(scene.data_dir.glob("events/*/*"))
        assert len(gone) == 1
        order += gone
    return order


def test_on_a_full_disk_uploaded_files_are_deleted_first(
    make_scene: MakeScene, caplog: pytest.LogCaptureFixture
) -> None:
    scene = make_scene(min_free_gb=0.001)
    waiting = scene.event(9)
    nothing_to_upload = scene.event(8, "event.json")
    uploaded = scene.upload(scene.event(7))
    assert order_of_deletion(scene) == [uploaded, nothing_to_upload, waiting]
    why = "less than disk.min_free_gb (0.001) is free"
    assert f"deleted {uploaded} (4.0 MB; it is uploaded), since {why}" in caplog.text
    assert caplog.text.count("deleted /") == 3


def test_without_a_store_labelled_events_go_last(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), min_free_gb=0.001)
    labelled = scene.event(9, label="occupied")
    old, untagged, young = scene.event(8), scene.event(7), scene.event(6)
    (untagged / "label.json").write_text('{"label": null}')
    age(untagged, NOON - timedelta(hours=7))
    assert order_of_deletion(scene) == [old, untagged, young, labelled]


def test_what_is_deleted_next_is_known_beforehand(make_scene: MakeScene) -> None:
    scene = make_scene(stores=("s3",), keep_days=30)
    uploaded = scene.upload(scene.event(1))
    waiting = [scene.event(hours_ago) for hours_ago in (5, 4, 3)]
    ancient = scene.upload(scene.event(31 * 24))
    assert (scene.guard.recordings_gb, scene.guard.next_deleted) == (None, ())
    scene.run_s(1)
    assert not ancient.exists()
    assert [one.path for one in scene.guard.next_deleted] == [uploaded, *waiting[:2]]
    assert scene.guard.recordings_gb == pytest.approx(4 * SIZE / GB, rel=0.1)


def test_markers_are_deleted_last(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene(max_gb=0.000001)
    folder = scene.upload(scene.event(10, "clip.mp4", "snapshot.jpg"))
    gone: list[str] = []
    unlink = Path.unlink

    def record(path: Path, missing_ok: bool = False) -> None:
        gone.extend([path.name] if path.exists() else [])
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", record)
    scene.run_s(1)
    assert not folder.exists()
    ours = [name for name in gone if not name.startswith(".probe")]
    assert [name.startswith(".") for name in ours] == [False, False, True, True]


def test_an_unfinished_deletion_removes_no_label_in_the_stores(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene(max_gb=0.000001)
    folder = scene.upload(scene.event(10, "clip.mp4", label="occupied"))
    unlink = Path.unlink

    def fail_after_the_label(path: Path, missing_ok: bool = False) -> None:
        if not (folder / "label.json").exists():
            raise OSError("it ends here")
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail_after_the_label)
        scene.run_s(1)
    assert not (folder / "label.json").exists()
    scene.inventory.scan(NOON)
    assert not (folder / "label-withdrawn.json").exists()


def test_an_old_event_is_deleted_with_its_empty_day(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(stores=(), keep_days=5)
    scene.event(24 * 6)
    scene.event(24 * 4)
    scene.run_s(1)
    assert scene.left() == [event_of(24 * 4)]
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["2026-11-16"]


def test_an_event_that_waits_is_never_too_old(make_scene: MakeScene) -> None:
    scene = make_scene(keep_days=5)
    scene.event(24 * 60)
    scene.run_s(1)
    assert scene.left() == [event_of(24 * 60)]


def test_old_alerts_and_stills_are_deleted_too(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(stores=(), keep_days=5)
    for name, days in (("alerts/2026-11-10", 10), ("alerts/2026-11-19", 1)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.jpg").write_bytes(b"a" * MB)
        age(tmp_path / name, NOON - timedelta(days=days))
    for name, days in (("old.jpg", 10), ("new.jpg", 1)):
        (tmp_path / "stills").mkdir(exist_ok=True)
        (tmp_path / "stills" / name).touch()
        age(tmp_path / "stills" / name, NOON - timedelta(days=days))
    scene.run_s(1)
    assert [path.name for path in (tmp_path / "alerts").iterdir()] == ["2026-11-19"]
    assert [path.name for path in (tmp_path / "stills").iterdir()] == ["new.jpg"]


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


def test_nothing_else_in_the_data_folder_is_deleted(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(stores=(), keep_days=0.01, max_gb=0.000001, min_free_gb=99)
    for name in (
        "redis/appendonly.aof",
        "spool/front/0000000001.json",
        "run/redis.conf",
        "alerts/notes.txt",
        "events/notes/a",
        "mine.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        age(tmp_path / name, NOON - timedelta(days=99))
    before = {*tmp_path.rglob("*"), tmp_path / ".probe"}
    scene.run_s(60)
    assert set(tmp_path.rglob("*")) == before


def test_recently_changed_or_unfinished_events_are_spared(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), max_gb=0.000001)
    age(scene.event(5), NOON - timedelta(seconds=30))
    age(scene.event(4, "event.json", ".clip.mp4.part"), NOON - timedelta(minutes=20))
    scene.guard.step()
    assert len(scene.left()) == 2
    scene.run_s(300)
    assert scene.left() == [event_of(4)]
    scene.run_s(7200)
    assert scene.left() == []


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


def test_a_wrong_min_free_gb_costs_only_uploaded_events(make_scene: MakeScene) -> None:
    scene = make_scene(stores=("s3",), min_free_gb=500)
    scene.upload(scene.event(48))
    uploaded_today, waiting = scene.upload(scene.event(20)), scene.event(49)
    scene.run_s(400)
    assert scene.left() == [waiting.name, uploaded_today.name]
    assert "lower disk.min_free_gb" in str(scene.low())


def test_with_the_clock_behind_events_are_still_deleted(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), min_free_gb=0.05)
    for hours in range(3, 23):
        scene.event(hours)
    scene.clock.jump(-300 * DAY_S)
    age(scene.event(2), NOON - timedelta(days=300, seconds=20))
    scene.run_s(1)
    assert (scene.low(), scene.guard.deleted) == (None, 10)
    assert scene.left()[-1] == event_of(2)


def test_with_the_clock_ahead_nothing_goes_for_its_age(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), keep_days=5)
    scene.event(10)
    scene.clock.jump(900 * DAY_S)
    scene.run_s(400)
    assert scene.left() == [event_of(10)]
    scene.event(-900 * 24)
    scene.run_s(400)
    assert len(scene.left()) == 2


def test_an_old_event_that_was_just_tagged_stays(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), max_gb=0.018)
    tagged, plain, *_ = [scene.event(hours_ago) for hours_ago in (100, 90, 30, 3)]
    scene.run_s(301)
    set_label(tagged, "occupied")
    age(tagged, NOON - timedelta(hours=1))
    scene.event(2)
    scene.run_s(602)
    assert tagged.exists()
    assert not plain.exists()


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


def test_more_than_max_gb_goes_at_the_next_search(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), max_gb=0.01, min_free_gb=0)
    for hours in (3, 4, 5, 6):
        scene.event(hours)
    scene.run_s(1)
    assert scene.left() == [event_of(4), event_of(3)]
    scene.event(2)
    scene.run_s(200)
    assert len(scene.left()) == 3
    scene.run_s(120)
    assert scene.left() == [event_of(3), event_of(2)]


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
        scene = Scene(disk.path, monkeypatch, stores=(), max_gb=0.000001)
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
        scene = Scene(disk.path, monkeypatch, stores=())
        disk.fill()
        scene.run_s(130)
        assert scene.trouble() == ""
        disk.empty()


def test_a_disk_without_inodes_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmallDisk(tmp_path / "card", 8, inodes=500) as disk:
        scene = Scene(disk.path, monkeypatch, stores=())
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


def test_an_event_in_use_shows_that_the_clock_is_right(make_scene: MakeScene) -> None:
    scene = make_scene(stores=(), keep_days=5)
    scene.event(24 * 6)
    age(scene.event(0.1), NOON)
    scene.guard.step()
    assert scene.left() == [event_of(0.1)]


def test_a_changed_day_of_alerts_is_measured_again(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(stores=())
    day = tmp_path / "alerts" / "2026-11-19"
    day.mkdir(parents=True)
    for number in (1, 2):
        (day / f"{number}.jpg").write_bytes(b"a" * SIZE)
        age(day, NOON - timedelta(hours=9 - number))
        scene.run_s(301)
        assert scene.guard.recordings_gb == pytest.approx(number * SIZE / GB, rel=0.1)


def test_with_much_room_the_disk_is_checked_less_often(make_scene: MakeScene) -> None:
    scene = make_scene(min_free_gb=0.05)
    assert scene.guard.step() == disk_guard.CHECK_EVERY_S
    scene.size = 3 * GB
    assert scene.guard.step() == pytest.approx(29.5, abs=0.1)


def test_nothing_is_deleted_through_a_link(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(keep_days=1.0)
    outside = make_event(tmp_path / "outside", event_of(200), "clip.mp4")
    day = scene.data_dir / "events" / "2026-11-02"
    day.parent.mkdir(exist_ok=True)
    day.symlink_to(outside.parent)
    alerts = scene.data_dir / "alerts"
    alerts.mkdir()
    (alerts / "2026-11-02").symlink_to(outside)
    os.utime(alerts / "2026-11-02", (0, 0), follow_symlinks=False)
    scene.run_s(400)
    assert (outside / "clip.mp4").exists()
    assert scene.guard.deleted == 0

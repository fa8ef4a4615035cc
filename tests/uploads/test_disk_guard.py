"""The disk guard on real files and a simulated free space: what it deletes, and in which order."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.uploads import disk_guard
from app.uploads.retention import DAY_S
from tests.uploads.events import NOON, age, event_of, make_event, set_label
from tests.uploads.guarded_disk import GB, MB, SIZE, GuardedDisk, MakeScene


def test_with_room_nothing_is_deleted(make_scene: MakeScene) -> None:
    scene = make_scene(min_free_gb=0.05)
    scene.event(10)
    scene.run_s(400)
    assert len(scene.left()) == 1
    assert (scene.guard.deleted, scene.guard.low, scene.guard.free_gb) == (0, None, 0.096)


def order_of_deletion(scene: GuardedDisk) -> list[Path]:
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

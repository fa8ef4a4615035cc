"""The events of an archive, also of one with garbage in it."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.evaluation.archive.files import FolderFiles
from app.evaluation.archive.index import Archive, read_archive
from tests.evaluation.tagged import NOON, TaggedHouse, picture


def read(folder: Path) -> Archive:
    return read_archive(FolderFiles(folder))


def test_events_have_their_records_files_and_tags(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    first = house.add(NOON, "occupied", score=0.75, person=True, decision="sent")
    second = house.add(NOON + timedelta(hours=1))
    house.add_sample(NOON, [picture(1)])
    archive = read(tmp_path)
    assert [one.id for one in archive.events] == [first, second]
    one = archive.events[0]
    assert (one.camera, one.started_at, one.label) == ("front", NOON, "occupied")
    assert one.record and (one.record.score, one.record.decision) == (0.75, "sent")
    assert set(one.files) == {
        "event.json",
        "label.json",
        "sample.tar",
        "snapshot.jpg",
        "snapshot-clean.jpg",
    }
    assert archive.tagged() == [one]
    assert archive.skipped == {}


def test_a_copy_of_a_store_is_read_like_the_house(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path / "house")
    event = house.add(NOON, "unoccupied")
    here, copy = house.folder(event, NOON), tmp_path / "nas"
    for name, place in (
        ("label.json", f"labels/{event}.json"),
        ("snapshot.jpg", f"clips/{event}.jpg"),
    ):
        (copy / place).parent.mkdir(parents=True, exist_ok=True)
        (copy / place).write_bytes((here / name).read_bytes())
    (one,) = read(copy).events
    assert (one.id, one.label, one.record) == (event, "unoccupied", None)


def test_a_withdrawn_tag_is_none(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path / "house")
    event = house.add(NOON)
    copy = tmp_path / "nas" / "labels" / f"{event}.json"
    copy.parent.mkdir(parents=True)
    copy.write_text(f'{{"label": null, "event": "{event}"}}')
    archive = read(tmp_path / "nas")
    assert (archive.tagged(), archive.skipped) == ([], {})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("label.json", b'{"label": "occup', "it is not JSON"),
        ("label.json", b"[" * 100_000, "it is not JSON"),
        ("label.json", b"\xff\xfe\x00", "it is not JSON"),
        ("label.json", b"[]", "it holds no fields"),
        ("label.json", b'{"label": "__import__"}', "neither occupied nor unoccupied"),
        ("label.json", b'{"label": ["occupied"]}', "neither occupied nor unoccupied"),
        ("label.json", b'{"label": "occupied", "event": "another"}', "another event"),
        ("event.json", b'{"score": "high"}', "not an event"),
        ("event.json", b" " * (2**20 + 1), "too large"),
    ],
)
def test_garbage_is_skipped_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    house = TaggedHouse(tmp_path)
    good = house.add(NOON, "occupied")
    bad = house.add(NOON + timedelta(hours=1), "occupied")
    path = house.folder(bad, NOON + timedelta(hours=1)) / name
    path.write_bytes(content)
    archive = read(tmp_path)
    assert reason in archive.skipped[f"2026-11-20/{bad}/{name}"]
    assert len(archive.skipped) == 1
    assert archive.events[0].label == "occupied"
    assert [one.id for one in archive.events] == [good, bad]


def test_an_event_of_an_impossible_day_is_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "2026-13-40" / "20261340T101500.123Z-front"
    folder.mkdir(parents=True)
    (folder / "event.json").write_text("{}")
    archive = read(tmp_path)
    assert archive.events == ()
    assert list(archive.skipped) == ["2026-13-40/20261340T101500.123Z-front/event.json"]

"""Facts wait for Redis in order, and on disk until Redis has them for certain."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.daemons.security_system.spool import (
    PICTURES_IN_MEMORY,
    REFUSED,
    SETTLE_S,
    Publication,
    Spool,
)
from app.errors import WorldError
from app.protocol import EventRecord, Fact
from app.recording.event_folder import SnapshotPair
from app.recording.unpainted import note_privacy

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def publication(number: int, record: EventRecord | None = None) -> Publication:
    fact = Fact(f"f{number}", "motion_started", NOW, "Motion.", "front", f"e{number}")
    return Publication(fact, record)


def ids(spool: Spool) -> list[str]:
    found = []
    while waiting := spool.first():
        found.append(waiting.fact.id)
        spool.handed_over(0.0)
    return found


def test_facts_come_out_in_the_order_they_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(12):
        spool.add(publication(number, EventRecord("front", NOW)))
    assert ids(spool) == [f"f{number}" for number in range(12)]


def test_another_run_continues_after_the_facts_that_were_left(tmp_path: Path) -> None:
    before = Spool(tmp_path)
    before.add(publication(0, EventRecord("front", NOW)))
    before.add(publication(1))
    after = Spool(tmp_path)
    after.load()
    after.add(publication(2))
    assert ids(after) == ["f0", "f1", "f2"]


def test_a_fact_stays_on_disk_until_it_has_settled(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(publication(0))
    spool.handed_over(100.0)
    spool.settle(100.0 + SETTLE_S - 0.1)
    assert len(list(tmp_path.iterdir())) == 1
    spool.settle(100.0 + SETTLE_S)
    assert list(tmp_path.iterdir()) == []


def test_unsettled_facts_come_first_when_redis_goes_away(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.add(publication(number))
    spool.handed_over(100.0)
    spool.handed_over(100.1)
    spool.redis_went_away()
    assert ids(spool) == ["f0", "f1", "f2"]


def test_facts_wait_in_memory_with_the_newest_pictures(
    tmp_path: Path,
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "spool")
    for number in range(PICTURES_IN_MEMORY + 5):
        with pytest.raises(OSError, match="spool"):
            spool.add(replace(publication(number), pictures=SnapshotPair(b"marked", b"clean")))
    pictures = []
    while waiting := spool.first():
        pictures.append(waiting.pictures and waiting.pictures.marked)
        spool.handed_over(0.0)
    assert pictures == [None] * 5 + [b"marked"] * PICTURES_IN_MEMORY


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "[" * 9999, '{"fact": "{}", "record": null}', '{"fact": 3, "record": {}}'],
)
def test_a_broken_file_is_left_alone_and_blocks_nothing(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0000000004.json").write_text(content)
    spool = Spool(tmp_path)
    spool.load()
    spool.add(publication(1))
    assert ids(spool) == ["f1"]
    assert "0000000004.json" in caplog.text
    assert (tmp_path / "0000000004.json").read_text() == content


def test_the_note_of_a_privacy_mask_is_no_fact(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool" / "front")
    note_privacy(tmp_path, "front", (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),), NOW)
    spool.add(publication(1))
    assert [one.fact.id for one in Spool(spool.folder).load()] == ["f1"]
    assert not caplog.text


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_refused_fact_is_kept_and_waits_no_more(tmp_path: Path, on_disk: bool) -> None:
    spool = Spool(tmp_path)
    for number in range(2):
        spool.add(publication(number))
    first = spool.first()
    if first and not on_disk:
        first.path = None
    kept = spool.refuse()
    assert kept == tmp_path / REFUSED / "f0.json"
    assert '"f0\\' in kept.read_text()
    assert ids(spool) == ["f1"]


def test_a_fact_that_a_kill_left_unnamed_is_kept_if_it_is_whole(tmp_path: Path) -> None:
    before = Spool(tmp_path)
    before.add(publication(0, EventRecord("front", NOW)))
    whole = tmp_path / "0000000000.json"
    (tmp_path / ".0000000001.json.part").write_bytes(whole.read_bytes()[:-9])
    whole.rename(tmp_path / ".0000000000.json.part")
    after = Spool(tmp_path)
    assert [one.fact.id for one in after.load()] == ["f0"]
    assert list(tmp_path.iterdir()) == [whole]


def test_only_one_program_uses_a_folder(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    first.lock()
    with pytest.raises(WorldError, match="running twice"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()

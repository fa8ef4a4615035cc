"""What waits for Redis: in order, on disk, until it has settled."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.daemons.security_system.spool import PICTURES_IN_MEMORY, SETTLE_S, Spool
from app.protocol import EventRecord, Fact

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def fact(number: int) -> Fact:
    return Fact(f"f{number}", "motion_started", NOW, "Motion.", "front", f"e{number}")


def ids(spool: Spool) -> list[str]:
    found = []
    while waiting := spool.first():
        found.append(waiting.fact.id)
        spool.handed_over(0.0)
    return found


def test_facts_come_out_in_the_order_they_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(12):
        spool.add(fact(number), EventRecord("front", NOW), None)
    assert ids(spool) == [f"f{number}" for number in range(12)]


def test_another_run_takes_up_what_was_left_and_goes_on_behind_it(tmp_path: Path) -> None:
    before = Spool(tmp_path)
    before.add(fact(0), EventRecord("front", NOW), None)
    before.add(fact(1), None, None)
    after = Spool(tmp_path)
    after.load()
    after.add(fact(2), None, None)
    assert ids(after) == ["f0", "f1", "f2"]


def test_a_fact_stays_on_disk_until_redis_has_had_it_for_a_while(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(fact(0), None, None)
    spool.handed_over(100.0)
    spool.settle(100.0 + SETTLE_S - 0.1)
    assert len(list(tmp_path.iterdir())) == 1
    spool.settle(100.0 + SETTLE_S)
    assert list(tmp_path.iterdir()) == []


def test_what_had_not_settled_is_handed_over_again_first_when_redis_goes_away(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.add(fact(number), None, None)
    spool.handed_over(100.0)
    spool.handed_over(100.1)
    spool.redis_went_away()
    assert ids(spool) == ["f0", "f1", "f2"]


def test_a_disk_that_takes_nothing_is_said_and_the_fact_waits_in_memory_with_the_newest_pictures(
    tmp_path: Path,
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "spool")
    for number in range(PICTURES_IN_MEMORY + 5):
        with pytest.raises(OSError, match="spool"):
            spool.add(fact(number), None, b"jpeg")
    pictures = []
    while waiting := spool.first():
        pictures.append(waiting.snapshot)
        spool.handed_over(0.0)
    assert pictures == [None] * 5 + [b"jpeg"] * PICTURES_IN_MEMORY


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"fact": "{}", "record": null}', '{"fact": 3, "record": {}}']
)
def test_a_broken_file_is_left_alone_and_holds_nothing_up(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0000000004.json").write_text(content)
    spool = Spool(tmp_path)
    spool.load()
    spool.add(fact(1), None, None)
    assert ids(spool) == ["f1"]
    assert "0000000004.json" in caplog.text
    assert (tmp_path / "0000000004.json").read_text() == content

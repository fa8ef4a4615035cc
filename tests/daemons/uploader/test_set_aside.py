"""What was set aside is deleted after a month."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.daemons.uploader.set_aside import MOST_LOGS, SetAside
from tests.uploads.events import NOON, age, noon, write_file


def set_aside(path: Path, days_ago: float) -> Path:
    """Make the file or folder *path*, set aside *days_ago*; returns it."""
    if path.suffix:
        write_file(path, b"{}")
    else:
        write_file(path / "appendonly.aof", b"log")
        write_file(path / "published.json", b"{}")
    age(path, NOON - timedelta(days=days_ago))
    return path


def step(data_dir: Path, clock: FakeClock) -> None:
    SetAside(data_dir, data_dir / "redis", clock).step()


def test_only_what_is_old_goes_and_the_newest_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    redis, refused = tmp_path / "redis", tmp_path / "spool" / "front" / "refused"
    old = [set_aside(redis / "damaged-1", 40), set_aside(refused / "a.json", 31)]
    young = [set_aside(redis / "damaged-2", 20), set_aside(refused / "b.json", 1)]
    newest = set_aside(tmp_path / "spool" / "back" / "refused" / "a.json", 99)
    others = [set_aside(redis / "appendonlydir", 99), set_aside(refused.parent / "0.json", 99)]
    step(tmp_path, noon())
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in (*young, newest, *others))
    assert caplog.text.count("which was set aside long ago") == 2


def test_a_log_stays_until_it_is_complete_and_published(tmp_path: Path) -> None:
    redis = tmp_path / "redis"
    unpublished, moving = (set_aside(redis / f"damaged-{number}", 40) for number in (1, 2))
    for number in (3, 4):
        set_aside(redis / f"damaged-{number}", 39)
    write_file(unpublished / "trace.json", b"{}")
    (redis / ".repaired-damaged-2").mkdir()
    step(tmp_path, noon())
    assert sorted(path.name for path in redis.glob("damaged-*")) == [
        "damaged-1",
        "damaged-2",
        "damaged-4",
    ]
    assert moving.exists()


def test_it_is_searched_once_a_day(tmp_path: Path) -> None:
    clock: FakeClock = noon()
    search = SetAside(tmp_path, tmp_path / "redis", clock)
    search.step()
    old = set_aside(tmp_path / "redis" / "damaged-1", 40)
    set_aside(tmp_path / "redis" / "damaged-2", 40)
    clock.advance(80_000)
    search.step()
    assert old.exists()
    clock.advance(10_000)
    search.step()
    assert not old.exists()


def test_a_disk_that_damages_each_log_keeps_only_some(tmp_path: Path) -> None:
    logs = [set_aside(tmp_path / "redis" / f"damaged-{days}", days) for days in range(9)]
    step(tmp_path, noon())
    assert [log for log in logs if log.exists()] == logs[:MOST_LOGS]

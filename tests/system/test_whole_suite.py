"""Covers several modules: the whole suite, killed in the middle of events.

It is back within 15 s, and every event is delivered exactly once.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionError as RedisAway
from redis import Redis

from app.protocol import event_key
from tests.recording.visits import EMPTY, LONG_VISIT, MOTION, visits_video
from tests.servers.suite import Suite
from tests.waiting import until

HOUSE = """
cameras: {{front: {{source: '{video}'}}}}
events: {{motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}}
"""
_CLIP = "-clip_ready"
PROGRAMS = ("security_system-front", "notifier", "redis")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Iterator[Suite]:
    path = tmp_path_factory.mktemp("video") / "visits.mp4"
    video = visits_video(footage, path, [*EMPTY, *EMPTY, *LONG_VISIT])
    with Suite(tmp_path_factory.mktemp("house"), HOUSE.format(video=video) + MOTION) as suite:
        suite.start("security_system-front", "notifier")
        yield suite


@pytest.fixture(scope="module")
def raw(house: Suite) -> Iterator[Redis]:
    with Redis.from_url(house.redis_url, decode_responses=True) as client:
        yield client


def published(raw: Redis, kind: str) -> list[str]:
    """Return the events of the facts of *kind*, each as often as it is on the stream."""
    entries: Any = raw.xrange("events")
    facts = [json.loads(stored["fact"]) for _, stored in entries]
    return [fact["event"] for fact in facts if fact["kind"] == kind]


def open_event(raw: Redis) -> str | None:
    """An event that goes on just now."""
    try:
        going_on = set(published(raw, "motion_started")) - set(published(raw, "motion_ended"))
    except RedisAway:
        return None
    return max(going_on, default=None)


@pytest.mark.parametrize("victims", [[name] for name in PROGRAMS] + [list(PROGRAMS)], ids=" ".join)
def test_a_kill_during_an_event_loses_and_repeats_no_alert(
    house: Suite, raw: Redis, victims: list[str]
) -> None:
    event = until(lambda: open_event(raw), "somebody comes in", 40.0)
    until(lambda: is_being_recorded(house, event), "it is recorded")
    before = house.processes()
    for name in victims:
        before[name].kill()

    until(
        lambda: (
            house.checkup().healthy
            and are_back(house, {name: before[name].pid for name in victims})
        ),
        "all is well again",
        15.0,
    )

    until(lambda: event in published(raw, "motion_ended"), "the event is ended", 30.0)
    until(lambda: raw.hget(event_key(event), "delivered:folder"), "the owner has it")
    until(lambda: alerts(house) >= {event}, "the alert is there")
    assert Counter(published(raw, "motion_started"))[event] == 1
    assert Counter(published(raw, "motion_ended"))[event] == 1


def test_in_the_end_each_event_has_one_alert_and_one_clip(house: Suite, raw: Redis) -> None:
    house.halt("suite:security_system-front")
    started = published(raw, "motion_started")
    until(
        lambda: all(raw.hget(event_key(event), "delivered:folder") for event in started),
        "all are delivered",
    )
    assert Counter(started) == Counter(set(started))
    until(lambda: clips(house) == set(started), "all clips are delivered")
    assert Counter(published(raw, "clip_ready")) == Counter(set(started))
    assert alerts(house) == set(started)
    folder = house.config.data_dir / "alerts"
    assert {path.stem for path in folder.glob("*/*.jpg")} == set(started)
    assert all(len(path.read_text().splitlines()) == 1 for path in folder.glob("*/*.txt"))
    assert not list(Path(house.config.data_dir).rglob("*.part"))
    assert {path.parent.name for path in house.config.data_dir.glob("events/*/*/clip.mp4")} == set(
        started
    )
    recorded = [
        json.loads(path.read_text()) for path in house.config.data_dir.glob("events/*/*/event.json")
    ]
    assert {one["id"] for one in recorded} == set(started)
    assert all(one["ended_at"] for one in recorded)


def are_back(house: Suite, killed: dict[str, int]) -> bool:
    """Return whether each program of *killed*, names to process ids, has a new process."""
    now = {name: process.pid for name, process in house.processes().items()}
    return all(now.get(name, pid) != pid for name, pid in killed.items())


def is_being_recorded(house: Suite, event: str) -> bool:
    """Return whether a part of the clip of *event* is on disk."""
    with suppress(FileNotFoundError):
        return any(
            path.stat().st_size > 10_000
            for path in house.config.data_dir.glob(f"events/*/{event}/*clip.mp4*")
        )
    return False


def alerts(house: Suite) -> set[str]:
    """Return the events whose alert the owner has."""
    return {name for name in _delivered(house) if not name.endswith(_CLIP)}


def clips(house: Suite) -> set[str]:
    """Return the events whose clip the owner has."""
    return {name.removesuffix(_CLIP) for name in _delivered(house) if name.endswith(_CLIP)}


def _delivered(house: Suite) -> set[str]:
    return {path.stem for path in (house.config.data_dir / "alerts").glob("*/*.txt")}


def test_nothing_that_a_suite_writes_is_open_to_others(house: Suite) -> None:
    folders = (house.config.data_dir, house.config.logs_dir)
    written = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    names = {path.name for path in written}
    assert {"snapshot.jpg", "appendonlydir", "redis.log", "supervisord.sock"} <= names
    assert [path for path in written if mode_of(path) & 0o077] == []


def mode_of(path: Path) -> int:
    """Return the mode of *path*; 0 when it is gone."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0

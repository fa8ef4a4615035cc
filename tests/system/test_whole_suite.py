"""The whole suite, killed where it hurts: it is back within 15 s, and every event is told exactly
once.
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
from tests.servers.suite import Suite
from tests.waiting import until

HOUSE = """
cameras: {front: {source: demo}}
events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}
"""
_FILM = "-clip_ready"
PROGRAMS = ("security_system-front", "notifier", "redis")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    with Suite(tmp_path_factory.mktemp("house"), HOUSE) as suite:
        suite.start("security_system-front", "notifier")
        yield suite


@pytest.fixture(scope="module")
def raw(house: Suite) -> Iterator[Redis]:
    with Redis.from_url(house.redis_url, decode_responses=True) as client:
        yield client


def told(raw: Redis, kind: str) -> list[str]:
    """The events that the stream tells of, each as often as it does."""
    entries: Any = raw.xrange("events")
    facts = [json.loads(stored["fact"]) for _, stored in entries]
    return [fact["event"] for fact in facts if fact["kind"] == kind]


def open_event(raw: Redis) -> str | None:
    """An event that goes on just now."""
    try:
        going_on = set(told(raw, "motion_started")) - set(told(raw, "motion_ended"))
    except RedisAway:
        return None
    return max(going_on, default=None)


@pytest.mark.parametrize("victims", [[name] for name in PROGRAMS] + [list(PROGRAMS)], ids=" ".join)
def test_a_kill_in_the_middle_of_an_event_costs_no_alert_and_tells_none_twice(
    house: Suite, raw: Redis, victims: list[str]
) -> None:
    event = until(lambda: open_event(raw), "somebody comes in", 40.0)
    until(lambda: is_being_filmed(house, event), "it is filmed")
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

    until(lambda: event in told(raw, "motion_ended"), "the event is ended", 30.0)
    until(lambda: raw.hget(event_key(event), "delivered:folder"), "the owner was told")
    until(lambda: alerts(house) >= {event}, "the alert is there")
    assert Counter(told(raw, "motion_started"))[event] == 1
    assert Counter(told(raw, "motion_ended"))[event] == 1


def test_in_the_end_there_is_an_alert_with_a_picture_and_a_film_for_every_event_and_for_nothing_else(
    house: Suite, raw: Redis
) -> None:
    house.halt("suite:security_system-front")
    started = told(raw, "motion_started")
    until(
        lambda: all(raw.hget(event_key(event), "delivered:folder") for event in started),
        "all are told",
    )
    assert Counter(started) == Counter(set(started))
    until(lambda: films(house) == set(started), "all films are told of")
    assert Counter(told(raw, "clip_ready")) == Counter(set(started))
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
    """Whether every program of *killed*, names to process ids, runs again in another process."""
    now = {name: process.pid for name, process in house.processes().items()}
    return all(now.get(name, pid) != pid for name, pid in killed.items())


def is_being_filmed(house: Suite, event: str) -> bool:
    """Whether there is something on disk of the film of *event*."""
    with suppress(FileNotFoundError):
        return any(
            path.stat().st_size > 10_000
            for path in house.config.data_dir.glob(f"events/*/{event}/*clip.mp4*")
        )
    return False


def alerts(house: Suite) -> set[str]:
    """The events that the owner was told of."""
    return {name for name in _told_of(house) if not name.endswith(_FILM)}


def films(house: Suite) -> set[str]:
    """The events of which the owner was told that there is a film."""
    return {name.removesuffix(_FILM) for name in _told_of(house) if name.endswith(_FILM)}


def _told_of(house: Suite) -> set[str]:
    return {path.stem for path in (house.config.data_dir / "alerts").glob("*/*.txt")}

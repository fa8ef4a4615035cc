"""Covers several modules: a suite whose Redis finds a damaged log, or a read-only disk."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app import protocol
from app.errors import StateUnavailable
from app.protocol import Fact
from app.state import State
from tests.servers.small_disk import SmallDisk
from tests.servers.suite import Suite
from tests.waiting import until

GARBAGE = b"\x00\xff" * 10


class House:
    """A suite with its data on *disk* and its *alerts* and logs elsewhere."""

    def __init__(self, suite: Suite, disk: SmallDisk, alerts: Path) -> None:
        self.suite = suite
        self.disk = disk
        self._alerts = alerts

    def alerts(self) -> str:
        return "".join(path.read_text() for path in self._alerts.glob("*/*.txt"))

    def publish(self, text: str) -> None:
        at = datetime.now(UTC)
        fact = Fact(protocol.derived_fact_id(at, text), "camera_lost", at, text)
        until(lambda: self._publish(fact), "the fact is published")

    def _publish(self, fact: Fact) -> bool:
        with closing(State(self.suite.redis_url)) as state:
            try:
                state.publish(fact)
            except StateUnavailable:
                return False
        return True

    def kinds(self) -> list[str]:
        with Redis.from_url(self.suite.redis_url, decode_responses=True) as raw:
            entries: Any = raw.xrange("events")
        return [json.loads(stored["fact"])["kind"] for _, stored in entries]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    alerts = tmp_path / "alerts"
    with (
        SmallDisk(tmp_path / "small", 24) as disk,
        Suite(
            tmp_path,
            f"{{data_dir: {disk.path}, notify: {{folder: {alerts}}}, disk: {{min_free_gb: 0}}}}",
        ) as suite,
    ):
        suite.start("notifier", "uploader")
        yield House(suite, disk, alerts)


def test_a_damaged_log_is_set_aside_and_the_owner_notified(house: House) -> None:
    with Redis.from_url(house.suite.redis_url, decode_responses=True) as raw:
        raw.set("home", "True")
        for number in range(1000):
            raw.set("filler", str(number))
    house.suite.halt("redis")
    (log,) = house.disk.path.glob("redis/appendonlydir/*.incr.aof")
    with log.open("r+b") as file:
        file.seek(log.stat().st_size // 2)
        file.write(GARBAGE)
    house.suite.resume("redis")
    until(lambda: "Redis's log was damaged." in house.alerts(), "the owner is notified", 30.0)
    (kept,) = house.disk.path.glob("redis/damaged-*")
    assert str(kept) in house.alerts()
    assert str(kept) in house.suite.log("redis")
    assert house.kinds().count("redis_trouble") == 1
    with Redis.from_url(house.suite.redis_url, decode_responses=True) as raw:
        assert raw.get("home") == "True"


def test_alerts_go_out_although_the_disk_is_read_only(house: House) -> None:
    # The notifier keeps its journal open, and tmpfs becomes read-only only when nobody writes.
    house.suite.halt("suite:notifier")
    house.suite.halt("redis")
    house.disk.let_write(False)
    house.suite.resume("redis")
    house.suite.resume("suite:notifier")
    house.publish("The camera front is lost.")
    until(lambda: "The camera front is lost." in house.alerts(), "the alert goes out", 30.0)
    until(lambda: "started without its log" in house.alerts(), "the owner is notified", 30.0)
    house.disk.let_write(True)
    until(lambda: "keeps its log on the disk again" in house.alerts(), "the log is back", 40.0)
    assert list(house.disk.path.glob("redis/appendonlydir/*.base.rdb"))

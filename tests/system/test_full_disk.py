"""Covers several modules: a whole suite on a real disk that is filled to the last byte."""

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from redis import ConnectionError as RedisAway
from redis import Redis

from tests.recording.visits import EMPTY, LONG_VISIT, MOTION, visits_video
from tests.servers.small_disk import SmallDisk
from tests.servers.suite import Suite
from tests.waiting import until

HOUSE = """
cameras: {{front: {{source: '{video}'}}}}
events:
  {{motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0, train: true,
    min_save_seconds: 5}}
notify: {{folder: {alerts}}}
disk: {{min_free_gb: 0.016}}
recording: {{pre_roll_s: 1, post_roll_s: 1}}
"""
PROGRAMS = ("security_system-front", "notifier", "uploader")
#: The longest wait for somebody, who comes every 9 s.
VISIT_S = 60.0


class House:
    """A suite whose files are on *disk*, except its *alerts*."""

    def __init__(self, suite: Suite, disk: SmallDisk, alerts: Path, raw: Redis) -> None:
        self.suite = suite
        self.disk = disk
        self.raw = raw
        self._alerts = alerts

    def delivered(self) -> set[str]:
        """Return the alerts that the owner has, each with its picture."""
        return {
            path.stem
            for path in self._alerts.glob("*/*Z-front.jpg")
            if path.with_suffix(".txt").exists()
        }

    def await_alert(self, what: str) -> str:
        """Return the next alert from now on."""
        before = self.delivered()
        return max(until(lambda: self.delivered() - before, what, VISIT_S))

    def facts(self, kind: str) -> list[str]:
        """Return the ids of the facts of *kind*, each as often as it is on the stream."""
        entries: Any = self.raw.xrange("events")
        facts = [json.loads(stored["fact"]) for _, stored in entries]
        return [fact["id"] for fact in facts if fact["kind"] == kind]

    def keeps_log(self) -> bool:
        """Return whether Redis keeps its log on disk."""
        try:
            facts: Any = self.raw.info("persistence")
        except RedisAway:
            return False
        return (
            bool(facts["aof_enabled"])
            and not facts["aof_rewrite_in_progress"]
            and facts["aof_last_bgrewrite_status"] == "ok"
        )

    def chatter(self, times: int) -> None:
        """Let the uploader log so often that the last page of its log is full."""
        uploader = self.suite.processes()["uploader"]
        for _ in range(times):
            uploader.send_signal(signal.SIGHUP)
            time.sleep(0.005)

    def log_grows(self, name: str) -> bool:
        """Return whether what a program logs now is in its log."""
        before = len(self.suite.log(name))
        self.chatter(1)
        return len(self.suite.log(name)) > before

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.suite.processes().items()}


@pytest.fixture
def house(tmp_path: Path, footage: Path) -> Iterator[House]:
    alerts = tmp_path / "alerts"
    video = visits_video(footage, tmp_path / "visits.mp4", [*EMPTY, *EMPTY, *LONG_VISIT])
    private = HOUSE.format(video=video, alerts=alerts) + MOTION
    with (
        SmallDisk(tmp_path / "small", 64) as disk,
        Suite(disk.path, private) as suite,
    ):
        suite.start(*PROGRAMS)
        with Redis.from_url(suite.redis_url, decode_responses=True) as raw:
            yield House(suite, disk, alerts, raw)
        for log in suite.config.logs_dir.glob("*.log"):
            sys.stdout.write(f"--- {log.name}\n{log.read_text()}")


def test_a_full_disk_stops_no_alert_and_the_suite_recovers(
    house: House,
) -> None:
    first = house.await_alert("somebody comes while there is room")
    until((house.disk.path / "data" / "events").is_dir, "it is on disk")
    before = house.pids()

    house.disk.fill()
    second = house.await_alert("an alert comes while the disk is full")
    until(lambda: house.facts("disk_low"), "the owner is warned of the disk")
    assert not house.keeps_log()
    assert_nothing_is_half(house.disk.path / "data")

    house.chatter(300)
    house.suite.processes()["redis"].kill()
    until(
        lambda: house.pids().get("redis", before["redis"]) != before["redis"],
        "Redis starts again",
        30.0,
    )
    third = house.await_alert("an alert comes after Redis has started again on the full disk")
    assert house.disk.free() < 4096
    assert_nothing_is_half(house.disk.path / "data")

    house.disk.empty()
    until(lambda: house.log_grows("uploader"), "logs are written again")
    until(house.keeps_log, "Redis keeps its log again", 40.0)
    until(lambda: house.facts("disk_ok"), "the owner hears that there is room")
    fourth = house.await_alert("an alert comes when there is room again")
    until(
        lambda: list(house.disk.path.glob(f"data/events/*/{fourth}/event.json")),
        "its event is on disk",
    )
    until(
        lambda: list(house.disk.path.glob(f"data/events/*/{fourth}/clip.mp4")),
        "and its clip",
        VISIT_S,
    )
    assert {name: pid for name, pid in house.pids().items() if name != "redis"} == {
        name: pid for name, pid in before.items() if name != "redis"
    }
    until(lambda: house.suite.checkup().healthy, "all are healthy")
    assert_nothing_is_half(house.disk.path / "data")

    house.suite.processes()["redis"].kill()
    # What Redis had in memory only when it was killed is delivered and gone.
    until(
        lambda: {third, fourth} <= known(house), "Redis has read the later events from disk", 30.0
    )
    assert set(Counter(house.facts("motion_started")).values()) == {1}
    assert house.delivered() >= {first, second, third, fourth}


def known(house: House) -> set[str]:
    """The events that Redis knows of."""
    try:
        return {fact.removesuffix("-motion_started") for fact in house.facts("motion_started")}
    except RedisAway:
        return set()


def assert_nothing_is_half(data_dir: Path) -> None:
    """Every file with a final name is whole. The newest may go any moment."""
    for path in data_dir.glob("events/*/*/*"):
        if not path.name.startswith("."):
            assert is_whole(path), f"{path} is not whole"


def is_whole(path: Path) -> bool:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return True
    if path.suffix == ".json":
        return isinstance(json.loads(content), dict)
    if path.suffix == ".mp4":
        with av.open(str(path)) as clip:
            return sum(1 for _ in clip.decode(video=0)) > 0
    if path.suffix == ".jpg":
        return (
            content.endswith(b"\xff\xd9")
            and cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
        )
    return len(content) > 0

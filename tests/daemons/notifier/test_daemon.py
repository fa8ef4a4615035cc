"""The notifier as a process, with a real Redis, real files and real signals."""

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from app import protocol
from app.protocol import EventRecord, Fact, FactKind
from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

START = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


class House:
    """A notifier, the Redis it listens to, and the folder it writes to."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.state = State(server.url)
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.alerts = folder / "data" / "alerts"
        self.config = write_config(folder, server.url)
        self.notifier = Program("app.daemons.notifier", self.config)

    def configure(self, more: str) -> None:
        write_config(self.config.parent, self.server.url, more)

    def start(self) -> None:
        self.notifier.start()
        self.notifier.wait_until_beating(self.server.url)

    def publish(self, number: int, kind: FactKind = "motion_started", alert: bool = True) -> Fact:
        fact = fact_of(number, kind, alert)
        record = EventRecord("front", fact.at) if fact.event else None
        self.state.publish(fact, record, picture_of(number) if record else None)
        return fact

    def told(self) -> list[str]:
        """The keys of the alerts in the folder."""
        return sorted(path.stem for path in self.alerts.glob("*/*.txt"))

    def await_told(self, *keys: str) -> None:
        until(lambda: set(self.told()) >= set(keys), f"alerts {keys}")

    def await_more_than(self, count: int) -> None:
        until(lambda: len(self.told()) > count, f"more than {count} alerts")

    def await_all_done(self) -> None:
        until(
            lambda: self.groups() and self.groups()[0]["lag"] == 0 and self.pending() == 0,
            "every fact is acknowledged",
        )

    def groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = self.redis.xinfo_groups("events")
        return groups

    def pending(self) -> int:
        return int(self.redis.xpending("events", "notifier")["pending"])

    def marks(self, fact: Fact) -> dict[str, str]:
        return self.state.delivery_marks(fact)

    def counter(self, name: str) -> object:
        beat = self.notifier.heartbeat(self.server.url)
        return beat and beat.counters[name]

    def trouble(self) -> str:
        beat = self.notifier.heartbeat(self.server.url)
        return beat.last_error.what if beat and beat.last_error else ""

    def close(self) -> None:
        self.redis.close()
        self.state.close()


@pytest.fixture
def house(tmp_path: Path, redis_server: RedisServer) -> Iterator[House]:
    made = House(tmp_path, redis_server)
    yield made
    made.notifier.__exit__()
    made.close()


@pytest.fixture
def durable_house(tmp_path: Path, durable_redis_server: RedisServer) -> Iterator[House]:
    made = House(tmp_path, durable_redis_server)
    yield made
    made.notifier.__exit__()
    made.close()


def fact_of(number: int, kind: FactKind = "motion_started", alert: bool = True) -> Fact:
    at = START + timedelta(seconds=number)
    event = event_of(number) if kind.startswith("motion") else None
    return Fact(
        f"{event_of(number)}-{kind}", kind, at, f"Fact {number}: {kind}.", "front", event, alert
    )


def event_of(number: int) -> str:
    return protocol.event_id(START + timedelta(seconds=number), "front")


def picture_of(number: int) -> bytes:
    return b"picture %d" % number * 2000


def test_an_alert_is_told_with_its_picture_marked_on_its_event_and_acknowledged(
    house: House,
) -> None:
    house.start()
    fact = house.publish(1)
    house.await_told(event_of(1))
    house.await_all_done()
    (picture,) = house.alerts.glob("*/*.jpg")
    assert (picture.stem, picture.read_bytes()) == (event_of(1), picture_of(1))
    assert picture.with_suffix(".txt").read_text().endswith("  Fact 1: motion_started.\n")
    datetime.fromisoformat(house.marks(fact)["delivered:folder"])
    assert house.state.event(event_of(1)) == EventRecord("front", fact.at)


def test_what_was_published_before_the_first_start_is_told(house: House) -> None:
    house.publish(1)
    house.start()
    house.await_told(event_of(1))


def test_a_lost_camera_is_told_without_an_event_and_marked_by_itself(house: House) -> None:
    house.start()
    fact = house.publish(1, "camera_lost")
    house.await_told(fact.id)
    house.await_all_done()
    assert "delivered:folder" in house.marks(fact)
    assert 0 < house.redis.ttl(protocol.delivery_key(fact.id)) <= protocol.DELIVERY_LIFE_S


def test_the_end_of_motion_and_what_is_no_alert_are_only_acknowledged(house: House) -> None:
    house.start()
    house.publish(1, "motion_ended")
    house.publish(2, alert=False)
    house.publish(3)
    house.await_told(event_of(3))
    house.await_all_done()
    assert house.told() == [event_of(3)]


def test_the_heartbeat_counts_what_was_done(house: House) -> None:
    house.start()
    house.publish(1)
    house.state.set_switch("camera_notifications", True)
    house.await_told(event_of(1))
    house.notifier.signal(signal.SIGHUP)
    until(lambda: house.counter("delivered") == 1, "the heartbeat counts the alert")
    assert (house.counter("held"), house.counter("waiting"), house.counter("folder_trouble")) == (
        0,
        0,
        None,
    )


def test_a_fact_that_is_on_the_stream_again_is_not_told_again(house: House) -> None:
    house.start()
    fact = house.publish(1)
    house.await_all_done()
    house.redis.delete(protocol.published_key(fact.id))
    house.publish(1)
    house.await_all_done()
    assert house.redis.xlen("events") == 2
    assert house.notifier.log.count("delivered by folder") == 1


def test_killed_again_and_again_it_tells_every_alert_once(house: House) -> None:
    chance = random.Random(1)
    for number in range(30):
        house.publish(number, "camera_lost" if number % 5 == 4 else "motion_started")
        if number % 6 == 5:
            house.notifier.start()
            house.await_more_than(len(house.told()))
            time.sleep(chance.uniform(0, 0.02))
            house.notifier.kill()
    house.start()
    assert_each_is_told_once(house)


def test_with_redis_killed_under_it_it_tells_every_alert_once(durable_house: House) -> None:
    house = durable_house
    house.start()
    chance = random.Random(2)
    for number in range(30):
        house.publish(number, "camera_lost" if number % 5 == 4 else "motion_started")
        time.sleep(chance.uniform(0, 0.02))
        if number % 10 == 9:
            house.server.kill()
            house.server.start()
    assert_each_is_told_once(house)
    assert house.notifier.log.count("Redis is not reachable") == house.notifier.log.count(
        "it works again"
    )


def assert_each_is_told_once(house: House) -> None:
    facts = [
        fact_of(number, "camera_lost" if number % 5 == 4 else "motion_started")
        for number in range(30)
    ]
    house.await_told(*(protocol.opened_event(fact) or fact.id for fact in facts))
    house.await_all_done()
    assert house.told() == sorted(protocol.opened_event(fact) or fact.id for fact in facts)
    assert all("delivered:folder" in house.marks(fact) for fact in facts)
    pictures = {path.stem: path.read_bytes() for path in house.alerts.glob("*/*.jpg")}
    assert pictures == {
        fact.event: picture_of(number) for number, fact in enumerate(facts) if fact.event
    }
    assert len(list(house.alerts.glob("*/*"))) == len(facts) + len(pictures)
    assert not list(house.alerts.glob("*/.*"))


def test_with_notifications_off_alerts_are_held_back_for_good_and_say_so_on_the_event(
    house: House,
) -> None:
    house.state.set_switch("camera_notifications", False)
    house.start()
    held = house.publish(1)
    house.await_all_done()
    house.state.set_switch("camera_notifications", True)
    house.publish(2)
    house.await_told(event_of(2))
    house.notifier.kill()
    house.start()
    house.publish(3)
    house.await_told(event_of(3))
    assert house.told() == [event_of(2), event_of(3)]
    at, reason = house.marks(held)["held"].split(" ", 1)
    assert (datetime.fromisoformat(at).tzinfo, reason) == (UTC, "camera_notifications is False")
    assert house.state.snapshot(event_of(1)) == picture_of(1)


def test_a_snooze_holds_back_until_its_time(house: House) -> None:
    until_then = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    house.redis.set("snoozed_until", until_then)
    house.start()
    held = house.publish(1)
    house.await_all_done()
    house.redis.set("snoozed_until", (datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    house.publish(2)
    house.await_told(event_of(2))
    assert house.told() == [event_of(2)]
    assert house.marks(held)["held"].endswith(f" snoozed until {until_then}")


def test_a_snooze_and_a_switch_that_cannot_be_read_are_reported_once_and_hold_nothing_back(
    house: House,
) -> None:
    house.redis.set("snoozed_until", "after lunch")
    house.redis.set("camera_notifications", "yes")
    house.start()
    house.publish(1)
    house.publish(2)
    house.await_told(event_of(1), event_of(2))
    assert house.notifier.log.count("snoozed_until is 'after lunch' in Redis") == 1
    assert house.notifier.log.count("camera_notifications is 'yes' in Redis") == 1
    assert house.redis.get("snoozed_until") == "after lunch"


def test_a_folder_that_cannot_be_written_to_delays_no_other_way_and_recovers_by_itself(
    house: House,
) -> None:
    house.configure("notify: {backends: [folder, memory]}\n")
    house.alerts.parent.mkdir()
    house.alerts.write_text("a file stands where the folder should be")
    house.start()
    facts = [house.publish(number) for number in range(3)]
    until(
        lambda: all("delivered:memory" in house.marks(fact) for fact in facts),
        "the other way has told all",
    )
    assert not any("delivered:folder" in house.marks(fact) for fact in facts)
    assert house.pending() == 3
    house.notifier.signal(signal.SIGHUP)
    until(lambda: str(house.alerts) in house.trouble(), "the heartbeat names the folder")
    assert [house.counter(name) for name in ("waiting", "folder_waiting", "memory_waiting")] == [
        3,
        3,
        0,
    ]
    house.alerts.unlink()
    house.await_told(*(event_of(number) for number in range(3)))
    house.await_all_done()
    assert house.notifier.log.count(f"no alert can be written to {house.alerts}") == 1


def test_garbage_on_the_stream_is_dropped_and_logged(house: House) -> None:
    house.start()
    for rubbish in ({"fact": "not JSON"}, {"fact": '{"id": "../../escaped"}'}, {"other": "field"}):
        house.redis.xadd("events", rubbish)
    escaping = protocol.encode(fact_of(1)).replace(event_of(1), "../" * 9 + "tmp/escaped")
    house.redis.xadd("events", {"fact": escaping})
    house.publish(2)
    house.await_told(event_of(2))
    house.await_all_done()
    assert house.notifier.log.count("dropped from the stream events") == 4
    assert house.told() == [event_of(2)]


def test_a_fact_whose_marks_cannot_be_read_is_dropped_and_logged(house: House) -> None:
    house.redis.set(protocol.delivery_key(fact_of(1, "camera_lost").id), "a string")
    house.start()
    fact = house.publish(1, "camera_lost")
    house.publish(2)
    house.await_told(event_of(2))
    house.await_all_done()
    assert f"fact {fact.id} is not delivered" in house.notifier.log


def test_more_than_one_page_of_unfinished_facts_is_told_after_a_start(house: House) -> None:
    for number in range(250):
        house.publish(number, alert=number >= 240)
    reader = house.state.facts("notifier", protocol.host_name())
    while reader.new(0):
        pass
    assert house.pending() == 250
    house.start()
    house.await_told(*(event_of(number) for number in range(240, 250)))
    house.await_all_done()


def test_what_a_notifier_on_a_dead_machine_left_is_taken_over(house: House) -> None:
    house.publish(1)
    ((entry, _),) = house.state.facts("notifier", "another-machine").new(0)
    house.redis.xclaim("events", "notifier", "another-machine", 0, [entry], idle=120_000)
    house.start()
    house.await_told(event_of(1))
    house.await_all_done()


def test_sighup_takes_over_another_folder_and_tells_there_what_waits(house: House) -> None:
    house.alerts.parent.mkdir()
    house.alerts.write_text("a file stands where the folder should be")
    house.start()
    house.publish(1)
    until(lambda: "no alert can be written" in house.notifier.log, "the folder fails")
    house.configure("notify: {folder: elsewhere}\n")
    house.notifier.signal(signal.SIGHUP)
    house.alerts = house.alerts.parent / "elsewhere"
    house.await_told(event_of(1))


def test_with_no_way_configured_facts_are_acknowledged_and_the_log_says_so(house: House) -> None:
    house.configure("notify: {backends: []}\n")
    house.start()
    house.publish(1)
    house.await_all_done()
    assert "notify.backends is empty" in house.notifier.log


@pytest.mark.parametrize(
    "while_it", ["waits", "fails to deliver", "cannot reach Redis", "hears nothing from Redis"]
)
def test_sigterm_ends_it_within_3_s(house: House, while_it: str) -> None:
    house.start()
    if while_it == "fails to deliver":
        house.alerts.parent.mkdir()
        house.alerts.write_text("a file stands where the folder should be")
        house.publish(1)
        until(lambda: "no alert can be written" in house.notifier.log, "the folder fails")
    elif while_it == "cannot reach Redis":
        house.server.kill()
        until(lambda: "Redis is not reachable" in house.notifier.log, "it sees that Redis is gone")
    elif while_it == "hears nothing from Redis":
        os.kill(house.server.pid, signal.SIGSTOP)
        until(lambda: "Redis is not reachable" in house.notifier.log, "it sees that Redis hangs")
    assert house.notifier.stop(within_s=5) == 0
    assert "notifier stops" in house.notifier.log


def test_it_does_not_spin_whether_idle_or_failing_or_without_redis(house: House) -> None:
    house.start()
    house.alerts.parent.mkdir()
    house.alerts.write_text("a file stands where the folder should be")
    process = psutil.Process(house.notifier.pid)
    assert cpu_s_over(process, 1.0) < 0.2
    house.publish(1)
    until(lambda: "no alert can be written" in house.notifier.log, "the folder fails")
    asked = house.redis.info("commandstats")["cmdstat_xreadgroup"]["calls"]
    assert cpu_s_over(process, 1.0) < 0.2
    assert house.redis.info("commandstats")["cmdstat_xreadgroup"]["calls"] - asked < 10
    house.server.kill()
    assert cpu_s_over(process, 1.0) < 0.2


def cpu_s_over(process: psutil.Process, span_s: float) -> float:
    before = process.cpu_times()
    time.sleep(span_s)
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system)

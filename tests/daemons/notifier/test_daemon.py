"""The notifier's own loop, stepped in this process, with a real Redis and real files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import protocol
from app.clock import FakeClock
from app.config import load_config
from app.errors import StateUnavailable
from app.protocol import EventRecord, Fact, Heartbeat, by_label
from tests.daemons.notifier.daemon_harness import DaemonHarness, picture_of
from tests.waiting import until


def test_an_alert_is_delivered_marked_and_acknowledged(notifier: DaemonHarness) -> None:
    fact = notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    (picture,) = notifier.alerts.glob("*/*.jpg")
    assert (picture.stem, picture.read_bytes()) == (fact.event, picture_of(fact))
    assert picture.with_suffix(".txt").read_text().endswith("  Fact 1.\n")
    datetime.fromisoformat(notifier.marks(fact)["delivered:folder"])
    assert notifier.state.event(fact.event or "") == EventRecord("front", fact.at, score=0.9)


def test_a_lost_camera_has_no_event_and_marks_of_its_own(notifier: DaemonHarness) -> None:
    fact = notifier.publish("camera_lost")
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    assert notifier.in_folder() == [fact.id]
    assert notifier.are_delivered(fact)
    life_s = notifier.redis.ttl(protocol.delivery_key(fact.id))
    assert 0 < life_s <= protocol.DELIVERY_LIFE_S


def test_a_fact_that_is_no_alert_is_only_acknowledged(notifier: DaemonHarness) -> None:
    notifier.publish("motion_ended")
    silent = notifier.publish(alert=False)
    alert = notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "all are acknowledged")
    assert notifier.in_folder() == [alert.event]
    assert notifier.marks(silent)["untold"] == "no alert"


def test_a_confirmed_event_is_delivered_with_its_picture(notifier: DaemonHarness) -> None:
    at = datetime.now(UTC)
    event = protocol.event_id(at, "front")
    waiting = EventRecord("front", at, decision="waiting")
    confirmed = replace(waiting, decision="sent", person=True, score=0.9)
    opening = Fact(
        f"{event}-motion_started", "motion_started", at, "Motion.", "front", event, False
    )
    alert = Fact(f"{event}-motion_confirmed", "motion_confirmed", at, "A person.", "front", event)
    notifier.state.publish(opening, waiting, b"the opening")
    notifier.step_until(notifier.is_all_acknowledged, "the opening is acknowledged")
    assert notifier.in_folder() == []
    notifier.state.publish(alert, confirmed, b"the person")
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    (picture,) = notifier.alerts.glob("*/*.jpg")
    assert (picture.stem, picture.read_bytes()) == (event, b"the person")
    marks = notifier.state.event_fields(event)
    assert "delivered:folder" in marks
    assert "untold" not in marks
    cat = Fact(f"{event}-motion_corrected", "motion_corrected", at, "A cat.", "front", event, False)
    notifier.state.publish(cat)
    notifier.step_until(notifier.is_all_acknowledged, "the correction is acknowledged")
    assert notifier.in_folder() == [event]


def test_the_counters_say_what_was_done(notifier: DaemonHarness) -> None:
    notifier.write_config("notify: {backends: [folder, memory]}\n")
    notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    names = ("folder", "memory", "folder_clips", "memory_clips")
    assert notifier.daemon.counters() == {
        "delivered": 1,
        "held": 0,
        "waiting": 0,
        "channel_waiting": dict.fromkeys(names, 0),
        "channel_trouble": dict.fromkeys(names),
        "channel_digests": {},
        "channel_repeated": {},
        "channel_oldest_s": dict.fromkeys(("folder", "memory")),
        "replied": 0,
        "requests_waiting": 0,
    }


def test_a_redis_that_stays_away_is_reported_without_it(
    durable_notifier: DaemonHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.notifier.daemon.REDIS_AWAY_S", 0.3)
    notifier = durable_notifier
    notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    notifier.server.kill()
    notifier.step_until(lambda: len(notifier.in_folder()) == 2, "the owner is notified")
    notifier.server.start()
    notifier.step_until(lambda: len(notifier.in_folder()) == 3, "the end is reported")
    texts = [path.read_text() for path in notifier.alerts.glob("*/emergency-*.txt")]
    assert sum("Redis has been away since" in text for text in texts) == 1
    assert sum("Redis is back after" in text for text in texts) == 1


def test_a_redis_that_refuses_to_write_is_reported_without_it(
    notifier: DaemonHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.notifier.daemon.REDIS_AWAY_S", 0.3)
    notifier.daemon.attempt()
    notifier.redis.config_set("maxmemory", 1)
    notifier.daemon.report_heartbeat()
    notifier.step_until(lambda: len(notifier.in_folder()) == 1, "the owner is notified")
    notifier.redis.config_set("maxmemory", 0)
    notifier.daemon.report_heartbeat()
    notifier.step_until(lambda: len(notifier.in_folder()) == 2, "the end is reported")


def test_a_fact_that_is_on_the_stream_twice_goes_out_once(
    notifier: DaemonHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    fact = notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    notifier.redis.delete(protocol.published_key(fact.id))
    notifier.state.publish(fact)
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged again")
    assert notifier.redis.xlen("events") == 2
    assert caplog.text.count("delivered by folder") == 1


def test_with_redis_killed_every_alert_goes_out_once(
    durable_notifier: DaemonHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    notifier = durable_notifier
    facts = []
    for number in range(12):
        facts.append(notifier.publish("camera_lost" if number % 4 == 3 else "motion_started"))
        if number % 4 == 1:
            notifier.step_until(lambda: notifier.are_delivered(facts[0]), "the first goes out")
            notifier.server.kill()
            assert notifier.daemon.attempt() > 0
            notifier.server.start()
    notifier.step_until(notifier.is_all_acknowledged, "all are acknowledged")
    assert notifier.in_folder() == sorted(fact.event or fact.id for fact in facts)
    assert notifier.are_delivered(*facts)
    delivered = [one for one in caplog.messages if one.startswith("delivered by folder")]
    assert len(delivered) == len(facts)


def test_with_notifications_off_alerts_are_held_for_good(notifier: DaemonHarness) -> None:
    notifier.state.set_switch("camera_notifications", False)
    held = notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    notifier.state.set_switch("camera_notifications", True)
    second = notifier.publish()
    notifier.step_until(lambda: notifier.are_delivered(second), "the second goes out")
    assert notifier.daemon.counters()["held"] == 1
    notifier.stop()
    third = notifier.publish()
    notifier.step_until(lambda: notifier.are_delivered(third), "the third goes out")
    assert notifier.in_folder() == sorted([second.event or "", third.event or ""])
    at, reason = notifier.marks(held)["held"].split(" ", 1)
    assert (datetime.fromisoformat(at).tzinfo, reason) == (UTC, "camera_notifications is False")
    assert notifier.state.snapshot(held.event or "") == picture_of(held)


def test_a_snooze_holds_until_its_time(notifier: DaemonHarness) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    notifier.redis.set("snoozed_until", end)
    held = notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    assert notifier.marks(held)["held"].endswith(f" snoozed until {end}")
    notifier.redis.set("snoozed_until", (datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    fact = notifier.publish()
    notifier.step_until(lambda: notifier.are_delivered(fact), "it goes out")
    assert notifier.in_folder() == [fact.event]


def test_unreadable_switches_are_left_as_they_are(notifier: DaemonHarness) -> None:
    notifier.redis.set("snoozed_until", "after lunch")
    notifier.redis.set("camera_notifications", "yes")
    fact = notifier.publish()
    notifier.step_until(lambda: notifier.are_delivered(fact), "it goes out")
    assert notifier.redis.mget("snoozed_until", "camera_notifications") == ["after lunch", "yes"]


def test_a_folder_that_fails_delays_no_other_and_recovers(
    notifier: DaemonHarness, caplog: pytest.LogCaptureFixture
) -> None:
    notifier.write_config("notify: {backends: [folder, memory]}\n")
    notifier.break_folder()
    facts = [notifier.publish() for _ in range(3)]
    notifier.step_until(lambda: notifier.are_delivered(*facts, by="memory"), "memory has all")
    notifier.step_until(lambda: notifier.daemon.trouble, "the folder is in trouble")
    assert not any(notifier.are_delivered(fact) for fact in facts)
    assert notifier.pending() == 3
    trouble = notifier.daemon.trouble
    assert trouble
    assert str(notifier.alerts) in trouble.what
    counters = notifier.daemon.counters()
    waiting = by_label(counters, "channel_waiting")
    assert (counters["waiting"], waiting["folder"], waiting["memory"]) == (3, 3, 0)
    notifier.alerts.unlink()
    notifier.daemon.configure()
    notifier.step_until(notifier.is_all_acknowledged, "the folder has all")
    assert caplog.text.count("; trying again") == 1


def test_other_settings_have_what_waits_delivered_there(notifier: DaemonHarness) -> None:
    notifier.break_folder()
    fact = notifier.publish()
    notifier.step_until(lambda: notifier.daemon.trouble, "the folder is in trouble")
    notifier.write_config("notify: {folder: elsewhere}\n")
    notifier.daemon.config = load_config(notifier.config)
    notifier.daemon.configure()
    notifier.alerts = notifier.data_dir / "elsewhere"
    notifier.step_until(lambda: notifier.in_folder() == [fact.event], "it is elsewhere")


def test_garbage_on_the_stream_is_dropped_and_logged(
    notifier: DaemonHarness, caplog: pytest.LogCaptureFixture
) -> None:
    notifier.daemon.attempt()
    for rubbish in ({"fact": "not JSON"}, {"fact": '{"id": "../../escaped"}'}, {"other": "field"}):
        notifier.redis.xadd("events", rubbish)
    fact = notifier.publish()
    escaping = protocol.encode(fact).replace(fact.event or "", "../" * 9 + "tmp/escaped")
    notifier.redis.xadd("events", {"fact": escaping})
    notifier.step_until(notifier.is_all_acknowledged, "all are acknowledged")
    assert caplog.text.count("dropped from the stream events") == 4
    assert notifier.in_folder() == [fact.event]


def test_a_fact_with_unreadable_marks_is_delivered(
    notifier: DaemonHarness, caplog: pytest.LogCaptureFixture
) -> None:
    notifier.daemon.attempt()
    fact = Fact("lost", "camera_lost", datetime.now(UTC), "Lost.", "front")
    notifier.redis.set(protocol.delivery_key(fact.id), "a string")
    notifier.state.publish(fact)
    other = notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "all are acknowledged")
    assert "delivery:lost in Redis was a string and not a hash" in caplog.text
    assert {fact.id, other.event} < set(notifier.in_folder())


def test_several_pages_of_unfinished_facts_are_delivered(notifier: DaemonHarness) -> None:
    facts = [notifier.publish(alert=number >= 240) for number in range(250)]
    reader = notifier.state.facts("notifier", protocol.host_name())
    while reader.new(0):
        pass
    assert notifier.pending() == 250
    notifier.step_until(notifier.is_all_acknowledged, "all are acknowledged")
    assert notifier.in_folder() == sorted(fact.event or "" for fact in facts[240:])


def test_what_a_dead_machine_left_is_taken_over(notifier: DaemonHarness) -> None:
    fact = notifier.publish()
    ((entry, _),) = notifier.state.facts("notifier", "another-machine").new(0)
    notifier.redis.xclaim("events", "notifier", "another-machine", 0, [entry], idle=120_000)
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    assert notifier.are_delivered(fact)


def test_without_channels_facts_are_acknowledged_and_logged(
    notifier: DaemonHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    notifier.write_config("notify: {backends: []}\n")
    notifier.publish()
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    assert "notify.backends is empty" in caplog.text


@pytest.mark.parametrize("mark", ["delivered:folder", "folder:posting", "folder:digest"], ids=str)
def test_what_began_before_a_kill_is_not_held_after_it(notifier: DaemonHarness, mark: str) -> None:
    fact = notifier.publish()
    notifier.state.mark_delivery(fact, {mark: fact.at.isoformat()})
    notifier.state.set_switch("camera_notifications", False)
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    assert "held" not in notifier.marks(fact)
    assert notifier.in_folder() == ([] if mark == "delivered:folder" else [fact.event])


def test_what_was_held_before_a_kill_stays_held_after_it(notifier: DaemonHarness) -> None:
    fact = notifier.publish()
    notifier.state.mark_delivery(fact, {"held": "camera_notifications is False"})
    notifier.step_until(notifier.is_all_acknowledged, "it is acknowledged")
    assert notifier.in_folder() == []


def test_a_fact_read_while_redis_goes_away_is_delivered_later(
    notifier: DaemonHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(subjects: Sequence[Fact | str]) -> list[dict[str, str]]:
        raise StateUnavailable(f"Redis went away before the marks of {subjects} were read")

    notifier.daemon.attempt()
    with monkeypatch.context() as patched:
        patched.setattr(notifier.daemon.state, "all_delivery_marks", unavailable)
        fact = notifier.publish()
        notifier.step_until(lambda: notifier.daemon.trouble, "it cannot read the marks")
    notifier.step_until(lambda: notifier.in_folder() == [fact.event], "it is delivered")


def test_after_an_outage_of_redis_no_program_is_silent_yet(
    durable_notifier: DaemonHarness,
) -> None:
    notifier = durable_notifier
    notifier.clock = clock = FakeClock()
    front = protocol.heartbeat_key("security_system", protocol.host_name(), "front")
    notifier.state.send_heartbeat(front, Heartbeat(1, clock.now(), clock.now(), {}))
    for _ in range(3):
        notifier.daemon.attempt()
        clock.advance(20)
    notifier.server.kill()
    reading = notifier.daemon._workers.intake
    until(lambda: notifier.daemon.attempt() > 0 and reading.trouble, "it notices")
    notifier.server.start()
    notifier.redis.delete(front)
    until(lambda: notifier.daemon.attempt() >= 0 and not notifier.daemon.trouble, "it works again")
    reader = notifier.state.facts("test", "test")
    assert reader.new(0) == []
    notifier.server.settle()
    for _ in range(2):
        clock.advance(20)
        notifier.daemon.attempt()
    assert [fact.kind for _, fact in reader.new(0)] == ["process_silent"]

"""Reports without Redis, delivered to a real Slack stand-in, across restarts and failures."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import FakeClock, SystemClock
from app.config import Config
from app.emergency import reporter as reporter_module
from app.emergency.ledger import FILE, Ledger
from app.emergency.reporter import EmergencyReporter
from tests.servers.slack import SlackServer
from tests.servers.tricks import answer_lost, broken, refused
from tests.waiting import until

POST = "chat.postMessage"
AT = datetime.now(UTC) - timedelta(minutes=7)


@pytest.fixture(autouse=True)
def _short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter_module, "_RETRY_FIRST_S", 0.05)
    monkeypatch.setattr(reporter_module, "RETRY_MAX_S", 0.1)
    monkeypatch.setattr(reporter_module, "LOCK_EVERY_S", 0.05)


@pytest.fixture
def reporter(config: Config) -> EmergencyReporter:
    return EmergencyReporter(config, SystemClock())


def texts(slack: SlackServer) -> list[str]:
    return [message.text for message in slack.messages]


def wait_until_idle(*reporters: EmergencyReporter) -> None:
    until(lambda: all(one.is_idle() for one in reporters), "all is delivered")


def test_a_trouble_is_reported_once_and_so_is_its_end(
    reporter: EmergencyReporter, slack: SlackServer, config: Config
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=7)
    for _ in range(3):
        reporter.begin("redis", "Redis is away.", since)
    wait_until_idle(reporter)
    assert texts(slack) == ["Redis is away."]
    reporter.end("redis", "Redis is back after {lasted}.")
    reporter.end("redis", "Redis is back after {lasted}.")
    wait_until_idle(reporter)
    assert texts(slack) == ["Redis is away.", "Redis is back after 7 min."]
    assert not (config.data_dir / FILE).exists()


def test_the_end_of_what_was_not_reported_is_no_message(
    reporter: EmergencyReporter, slack: SlackServer
) -> None:
    reporter.end("redis", "Redis is back.")
    assert reporter.is_idle()
    reporter.begin("notifier", "The notifier hangs.", AT)
    reporter.end("redis", "Redis is back.")
    wait_until_idle(reporter)
    assert texts(slack) == ["The notifier hangs."]


def test_a_restart_neither_forgets_nor_repeats(
    reporter: EmergencyReporter, slack: SlackServer, config: Config
) -> None:
    reporter.begin("redis", "Redis is away.", AT)
    wait_until_idle(reporter)
    restarted = EmergencyReporter(config, SystemClock())
    restarted.resume()
    restarted.begin("redis", "Redis is away, once more.", AT)
    wait_until_idle(restarted)
    assert texts(slack) == ["Redis is away."]
    restarted.end("redis", "Redis is back.")
    wait_until_idle(restarted)
    assert texts(slack) == ["Redis is away.", "Redis is back."]


def test_a_lost_answer_does_not_repeat_the_report(
    reporter: EmergencyReporter, slack: SlackServer
) -> None:
    slack.trick(POST, answer_lost())
    reporter.begin("redis", "Redis is away.", AT)
    wait_until_idle(reporter)
    assert texts(slack) == ["Redis is away."]


def test_a_failing_service_is_tried_again(
    reporter: EmergencyReporter, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notify.slack.api.REFUSED_RETRY_S", 0.1)
    slack.trick(POST, *[refused("channel_not_found")] * 2)
    reporter.begin("redis", "Redis is away.", AT)
    wait_until_idle(reporter)
    assert texts(slack) == ["Redis is away."]


def test_what_is_over_before_it_was_delivered_is_one_message(
    reporter: EmergencyReporter, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    slack.trick(POST, broken(503))
    reporter.begin("redis", "Redis is away.", AT)
    until(lambda: "not delivered yet" in caplog.text, "Slack was asked")
    reporter.end("redis", "Redis was away for {lasted}.")
    wait_until_idle(reporter)
    assert len(texts(slack)) == 1
    assert texts(slack)[0].startswith("Redis was away for ")


def test_two_programs_report_a_trouble_once(
    reporter: EmergencyReporter, slack: SlackServer, config: Config
) -> None:
    second = EmergencyReporter(config, SystemClock())
    reporter.begin("redis", "Redis is away.", AT)
    second.begin("redis", "Redis is away.", AT)
    wait_until_idle(reporter, second)
    assert texts(slack) == ["Redis is away."]


def test_a_trouble_that_another_program_ended_can_come_back(
    reporter: EmergencyReporter, slack: SlackServer, config: Config
) -> None:
    second = EmergencyReporter(config, SystemClock())
    for _ in range(2):
        reporter.begin("redis", "Redis is away.", AT)
        wait_until_idle(reporter)
        second.end("redis", "Redis is back.")
        wait_until_idle(second)
    assert texts(slack) == ["Redis is away.", "Redis is back."] * 2


def test_a_hung_program_does_not_keep_another_from_reporting(
    reporter: EmergencyReporter,
    slack: SlackServer,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reporter_module, "LOCK_PATIENCE_S", 0.2)
    with Ledger(config.data_dir, config.run_dir).lock():
        reporter.begin("redis", "Redis is away.", AT)
        wait_until_idle(reporter)
    assert texts(slack) == ["Redis is away."]


def test_the_end_is_given_up_after_a_day(
    slack: SlackServer, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    reporter = EmergencyReporter(config, clock)
    slack.trick(POST, *[broken(503)] * 1000)
    reporter.begin("redis", "Redis is away.", AT)
    reporter.end("redis", "Redis is back.")
    until(lambda: "not delivered yet" in caplog.text, "Slack was asked")
    clock.advance(90_000)
    reporter.resume()
    wait_until_idle(reporter)
    assert (texts(slack), (config.data_dir / FILE).exists()) == ([], False)


def test_only_channels_for_alerts_or_programs_get_it(config: Config, tmp_path: Path) -> None:
    notify = replace(config.notify, backends=("folder",), when=("clip",))
    reporter = EmergencyReporter(config.model_copy(update={"notify": notify}), SystemClock())
    reporter.begin("redis", "Redis is away.", AT)
    wait_until_idle(reporter)
    assert not (config.data_dir / "alerts").exists()
    stored = json.loads((config.data_dir / FILE).read_text())
    assert [report["subject"] for report in stored["reports"]] == ["redis"]


def test_there_is_no_thread_without_a_report(reporter: EmergencyReporter) -> None:
    reporter.resume()
    reporter.end("redis", "Redis is back.")
    assert not any(thread.name == "emergency" for thread in threading.enumerate())

"""The router's silences: recorded once, published once, and waited out."""

from datetime import UTC, datetime, timedelta

import pytest

from app.errors import RouterError, RouterRefused
from app.presence.router_health import RouterMonitor
from app.protocol import RouterHealth

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
DOWN = RouterError("router at 192.168.1.1 does not answer")
REFUSED = RouterRefused(
    "router at 192.168.1.1 refuses the password: look at presence.router.password"
)


def miss(monitor: RouterMonitor, after_s: float, error: RouterError = DOWN) -> str | None:
    fact = monitor.missed(error, NOW + timedelta(seconds=after_s), after_s)
    return fact.text if fact else None


@pytest.mark.parametrize("error", [DOWN, REFUSED])
def test_one_missed_poll_is_reported_nowhere_however_often(
    error: RouterError, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = RouterMonitor(900, RouterHealth(True, NOW))
    for after_s in range(0, 4000, 30):
        assert miss(monitor, after_s, error) is None
        assert monitor.health == RouterHealth(True, NOW)
        assert monitor.answered(NOW + timedelta(seconds=after_s + 15)) is None
    assert not caplog.records


def test_a_silence_is_recorded_from_its_start_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitor = RouterMonitor(900, None)
    for after_s in (0, 15, 45):
        assert miss(monitor, after_s) is None
    assert monitor.health == RouterHealth(False, NOW, why=str(DOWN))
    assert [record.getMessage().count("does not answer") for record in caplog.records] == [1]


def test_a_silence_that_becomes_a_refusal_is_logged_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitor = RouterMonitor(900, None)
    for after_s, error in enumerate([DOWN, DOWN, REFUSED, DOWN, REFUSED, REFUSED]):
        miss(monitor, after_s, error)
    assert monitor.health == RouterHealth(False, NOW, why=str(REFUSED))
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        str(DOWN),
        str(REFUSED),
    ]


def test_a_silence_from_an_earlier_run_is_logged_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = NOW - timedelta(hours=1)
    monitor = RouterMonitor(900, RouterHealth(False, before, told=True, why="down"))
    for after_s in range(3):
        miss(monitor, after_s, REFUSED)
    assert monitor.health == RouterHealth(False, before, told=True, why=str(REFUSED))
    assert len(caplog.records) == 1


def test_a_long_silence_and_its_end_are_published_once() -> None:
    monitor = RouterMonitor(900, None)
    texts = [miss(monitor, after_s) for after_s in range(0, 2000, 100)]
    published = [text for text in texts if text]
    assert len(published) == 1
    assert texts.index(published[0]) == 9
    assert "does not answer" in published[0]
    back = monitor.answered(NOW + timedelta(seconds=2400))
    assert back and back.kind == "router_back"
    assert "after 40 min" in back.text
    assert monitor.answered(NOW + timedelta(seconds=2410)) is None


def test_a_short_silence_is_not_published() -> None:
    monitor = RouterMonitor(900, None)
    assert not [miss(monitor, after_s) for after_s in (0, 100, 200) if miss(monitor, after_s)]
    assert monitor.answered(NOW + timedelta(seconds=300)) is None
    assert monitor.health and monitor.health.answering


def test_the_next_run_does_not_publish_the_same_silence_again() -> None:
    monitor = RouterMonitor(
        900, RouterHealth(False, NOW - timedelta(hours=1), told=True, why="down")
    )
    assert not [after_s for after_s in range(0, 2000, 100) if miss(monitor, after_s)]
    back = monitor.answered(NOW + timedelta(seconds=2000))
    assert back and back.kind == "router_back"


def test_a_refusal_says_what_to_do() -> None:
    monitor = RouterMonitor(60, None)
    assert str(REFUSED) in [miss(monitor, after_s, REFUSED) or "" for after_s in (0, 70)][1]
    assert monitor.health and monitor.health.why == str(REFUSED)


def test_a_failing_router_is_asked_less_and_less_often() -> None:
    monitor = RouterMonitor(900, None)
    waits_s = []
    for after_s in range(7):
        miss(monitor, after_s)
        waits_s.append((monitor.wait_s(15.0, True), monitor.wait_s(10.0, False)))
    assert waits_s == [(15, 10), (30, 15), (60, 15), (120, 15), (240, 15), (300, 15), (300, 15)]
    monitor.answered(NOW)
    assert monitor.wait_s(10.0, False) == 10


def test_a_refused_password_is_not_tried_often() -> None:
    monitor = RouterMonitor(900, None)
    for after_s in range(7):
        miss(monitor, after_s, REFUSED)
    assert monitor.wait_s(10.0, False) == 300


def test_one_refusal_after_an_outage_delays_little() -> None:
    monitor = RouterMonitor(900, None)
    for after_s in range(20):
        miss(monitor, after_s)
    miss(monitor, 20, REFUSED)
    assert monitor.wait_s(10.0, False) == 10
    miss(monitor, 21, REFUSED)
    assert monitor.wait_s(10.0, False) == 20

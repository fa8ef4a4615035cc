"""The router's silences: recorded once, and waited out."""

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


def miss(monitor: RouterMonitor, after_s: float, error: RouterError = DOWN) -> None:
    monitor.missed(error, NOW + timedelta(seconds=after_s))


@pytest.mark.parametrize("error", [DOWN, REFUSED])
def test_one_missed_poll_is_reported_nowhere_however_often(
    error: RouterError, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = RouterMonitor(RouterHealth(True, NOW))
    for after_s in range(0, 4000, 30):
        miss(monitor, after_s, error)
        assert monitor.health == RouterHealth(True, NOW)
        monitor.answered(NOW + timedelta(seconds=after_s + 15))
    assert not caplog.records


def test_a_silence_is_recorded_from_its_start_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitor = RouterMonitor(None)
    for after_s in (0, 15, 45):
        miss(monitor, after_s)
    assert monitor.health == RouterHealth(False, NOW, why=str(DOWN))
    assert [record.getMessage().count("does not answer") for record in caplog.records] == [1]


def test_a_silence_that_becomes_a_refusal_is_logged_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitor = RouterMonitor(None)
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
    monitor = RouterMonitor(RouterHealth(False, before, told=True, why="down"))
    for after_s in range(3):
        miss(monitor, after_s, REFUSED)
    assert monitor.health == RouterHealth(False, before, told=True, why=str(REFUSED))
    assert len(caplog.records) == 1


def test_an_answer_after_a_silence_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monitor = RouterMonitor(None)
    for after_s in (0, 100, 200):
        miss(monitor, after_s)
    back = NOW + timedelta(seconds=2400)
    monitor.answered(back)
    assert monitor.health == RouterHealth(True, back)
    assert "the router answers again, after 40 min" in caplog.text


def test_a_failing_router_is_asked_less_and_less_often() -> None:
    monitor = RouterMonitor(None)
    waits_s = []
    for after_s in range(7):
        miss(monitor, after_s)
        waits_s.append((monitor.wait_s(15.0, True), monitor.wait_s(10.0, False)))
    assert waits_s == [(15, 10), (30, 15), (60, 15), (120, 15), (240, 15), (300, 15), (300, 15)]
    monitor.answered(NOW)
    assert monitor.wait_s(10.0, False) == 10


def test_a_refused_password_is_not_tried_often() -> None:
    monitor = RouterMonitor(None)
    for after_s in range(7):
        miss(monitor, after_s, REFUSED)
    assert monitor.wait_s(10.0, False) == 300


def test_one_refusal_after_an_outage_delays_little() -> None:
    monitor = RouterMonitor(None)
    for after_s in range(20):
        miss(monitor, after_s)
    miss(monitor, 20, REFUSED)
    assert monitor.wait_s(10.0, False) == 10
    miss(monitor, 21, REFUSED)
    assert monitor.wait_s(10.0, False) == 20

"""The strangers' share of the log."""

import threading

import pytest

from app.clock import FakeClock
from app.commands.refusals import IN_FULL, PERIOD_S, Refusals


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def refusals(clock: FakeClock) -> Refusals:
    return Refusals(clock)


def test_a_few_are_in_full_and_the_rest_are_summed_up(
    refusals: Refusals, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4300):
        refusals.log("not signed", f"10.0.0.{number % 3}", f"401 no. {number}")
    for _ in range(12):
        refusals.log("malformed", "10.0.0.1", "400")
    assert [record.getMessage() for record in caplog.records] == [
        *(f"401 no. {number}" for number in range(IN_FULL)),
        *["400"] * IN_FULL,
    ]
    caplog.clear()
    refusals.sum_up()
    assert not caplog.records
    clock.advance(PERIOD_S)
    refusals.sum_up()
    refusals.sum_up()
    assert [record.getMessage() for record in caplog.records] == [
        "4,312 requests were refused in the last minute: 4,300 not signed, 12 malformed; from 3 "
        "addresses"
    ]


def test_the_next_minute_has_lines_in_full_again(
    refusals: Refusals, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for minute in range(3):
        for number in range(100):
            refusals.log("not signed", "10.0.0.1", f"minute {minute}, no. {number}")
        clock.advance(PERIOD_S)
    assert sum("minute 2" in record.getMessage() for record in caplog.records) == IN_FULL
    assert sum("100 requests were refused" in one.getMessage() for one in caplog.records) == 2


def test_a_few_refusals_need_no_sum(
    refusals: Refusals, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    refusals.log("not signed", "10.0.0.1", "401")
    clock.advance(PERIOD_S)
    refusals.sum_up()
    assert [record.getMessage() for record in caplog.records] == ["401"]


def test_a_line_and_the_addresses_have_a_limit(
    refusals: Refusals, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5000):
        refusals.log("not signed", str(number), "x" * 10_000)
    clock.advance(PERIOD_S)
    refusals.sum_up()
    assert "from 1,000 or more addresses" in caplog.text
    assert len(caplog.text) < 4000


def test_many_threads_lose_no_refusal(
    refusals: Refusals, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        for _ in range(500):
            refusals.log("not signed", "10.0.0.1", "401")

    threads = [threading.Thread(target=refuse) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.advance(PERIOD_S)
    refusals.sum_up()
    assert "4,000 requests were refused in the last minute: 4,000 not signed" in caplog.text

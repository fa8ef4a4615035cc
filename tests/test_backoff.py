"""A delay that grows with each failure."""

from app.backoff import Backoff


def test_each_failure_doubles_the_delay_up_to_the_longest() -> None:
    backoff = Backoff(longest_s=6.0)
    assert [backoff.failed() for _ in range(5)] == [1.0, 2.0, 4.0, 6.0, 6.0]
    assert (backoff.failures, backoff.delay_s) == (5, 6.0)


def test_the_first_delay_can_be_any_length() -> None:
    backoff = Backoff(longest_s=300.0, first_s=5.0)
    assert [backoff.failed() for _ in range(3)] == [5.0, 10.0, 20.0]


def test_there_is_no_delay_before_the_first_failure() -> None:
    assert Backoff(longest_s=60.0).delay_s == 0.0


def test_a_success_starts_over() -> None:
    backoff = Backoff(longest_s=60.0)
    backoff.failed()
    backoff.failed()
    backoff.reset()
    assert backoff.delay_s == 0.0
    assert backoff.failed() == 1.0


def test_many_failures_do_not_overflow() -> None:
    backoff = Backoff(longest_s=60.0)
    assert [backoff.failed() for _ in range(5000)][-1] == 60.0


def test_a_delay_can_grow_to_an_hour() -> None:
    backoff = Backoff(longest_s=3600.0)
    assert [backoff.failed() for _ in range(13)][-3:] == [1024.0, 2048.0, 3600.0]

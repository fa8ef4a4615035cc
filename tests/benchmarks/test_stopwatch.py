"""The stopwatch adds up CPU time by name."""

from app.benchmarks.stopwatch import Stopwatch


class Worker:
    """Counts its calls."""

    calls = 0

    def work(self, amount: int) -> int:
        self.calls += 1
        return sum(range(amount))


def test_the_time_of_a_method_is_added_under_its_name() -> None:
    watch, worker = Stopwatch(), Worker()
    watch.watch(worker, ["work"])
    assert worker.work(200_000) == sum(range(200_000))
    assert worker.work(200_000) > 0
    assert worker.calls == 2
    total_ms = watch.ms(1)["work"]
    assert total_ms > 0
    assert abs(watch.ms(2)["work"] - total_ms / 2) <= 0.0001
    watch.restart()
    assert watch.ms(1) == {"work": 0.0}


def test_functions_share_a_name_and_keep_their_attributes() -> None:
    watch = Stopwatch()

    def first() -> None:
        sum(range(100_000))

    first.side = 3  # type: ignore[attr-defined]
    timed, other = watch.timed("both", first), watch.timed("both", lambda: None)
    timed()
    before_ms = watch.ms(1)["both"]
    other()
    assert watch.ms(1)["both"] >= before_ms > 0
    assert timed.side == 3  # type: ignore[attr-defined]

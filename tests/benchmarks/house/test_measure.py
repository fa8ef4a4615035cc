"""The measurements end all that they start, and refuse at once when something is missing."""

import os
import signal

import pytest

from app.benchmarks.house.measure import ended_gently, machine, measure_house
from app.errors import StateUnavailable


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_once(kind: signal.Signals) -> None:
    before = signal.getsignal(kind)
    cleaned = False
    with pytest.raises(KeyboardInterrupt), ended_gently():
        try:
            os.kill(os.getpid(), kind)
        finally:
            os.kill(os.getpid(), kind)
            cleaned = True
    assert cleaned
    assert signal.getsignal(kind) is before


def test_a_missing_redis_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StateUnavailable, match="redis-server"):
        measure_house()


def test_the_machine_is_named() -> None:
    assert f"{os.cpu_count()} cores, Python 3." in machine()

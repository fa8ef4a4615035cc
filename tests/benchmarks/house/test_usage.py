"""The usage of processes is read as Linux counts it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.benchmarks.house.usage import (
    Usage,
    available_mb,
    counts_writes,
    ended_cpu_s,
    field,
    private_mb,
    pss_mb,
    usage_of,
)

_STAT = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 31 12 250 50 20 0 1 0 12345"


def test_a_wait_is_a_wake_and_work_is_cpu_time() -> None:
    before = usage_of([os.getpid()])
    for _ in range(20):
        time.sleep(0.001)
    sum(range(300_000))
    used = usage_of([os.getpid()]) - before
    assert used.wakes >= 20
    assert 0 < used.cpu_s < 60


def test_a_process_that_is_gone_has_used_nothing() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert usage_of([done.pid]) == Usage()
    assert pss_mb([done.pid]) == 0


def test_the_times_of_ended_children_follow_any_name() -> None:
    assert ended_cpu_s(_STAT) == pytest.approx(300 / os.sysconf("SC_CLK_TCK"))


def test_what_a_process_shares_with_no_other_is_less_than_all() -> None:
    assert 0 < private_mb([os.getpid()]) <= pss_mb([os.getpid()]) < available_mb() * 100


def test_a_missing_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_text("Pss:  12 kB\nthreads: 3\n")
    assert field(path, "Pss") == 12
    with pytest.raises(ValueError, match="has no line Rss"):
        field(path, "Rss")


def test_usages_add_up() -> None:
    assert sum([Usage(1.0, 2, 3), Usage(1.5, 1, 1)], Usage()) == Usage(2.5, 3, 4)


def test_writes_to_memory_are_not_counted() -> None:
    assert not counts_writes(Path("/dev/shm"))  # noqa: S108 - a folder in memory

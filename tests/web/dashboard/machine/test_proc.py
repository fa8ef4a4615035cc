"""This machine as Linux's /proc shows it."""

import os

from app.web.dashboard.machine.proc import machine_load, memory_mb


def test_the_machine_has_load_memory_and_cores() -> None:
    found = machine_load()
    assert 0 < found.memory_used_mb < found.memory_mb
    assert 0 <= found.swap_used_mb <= found.swap_mb
    assert found.cores >= 1
    assert found.up_s > 0
    assert len(found.load) == 3


def test_the_memory_of_this_process_is_known() -> None:
    assert 10 < (memory_mb(os.getpid()) or 0) < 2000


def test_a_process_that_is_gone_has_no_memory() -> None:
    assert memory_mb(2**22 + 1) is None

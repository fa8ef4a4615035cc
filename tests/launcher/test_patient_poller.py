"""supervisord's wait."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from supervisor.options import ServerOptions

from app.launcher.patient_poller import PatientPoller


@pytest.fixture
def poller() -> Iterator[PatientPoller]:
    """A poller whose signals are received, like supervisord's."""
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    poller = PatientPoller(ServerOptions())
    yield poller
    poller.close()
    signal.signal(signal.SIGUSR2, before)


def test_it_waits_as_long_as_asked(poller: PatientPoller) -> None:
    began_s = time.monotonic()
    assert poller.poll(0.05) == ([], [])
    assert time.monotonic() - began_s >= 0.05


def test_a_signal_ends_a_long_wait(poller: PatientPoller) -> None:
    poller.may_wait = lambda: True
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2))
    timer.start()
    assert poller.poll(0.01) == ([], [])
    timer.join()


def test_what_can_be_read_ends_a_long_wait(poller: PatientPoller) -> None:
    poller.may_wait = lambda: True
    reader, writer = os.pipe()
    poller.register_readable(reader)
    os.write(writer, b"x")
    assert poller.poll(0.01) == ([reader], [])
    for end in (reader, writer):
        os.close(end)

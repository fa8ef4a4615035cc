"""Requests that are tried until they have a reply, each by itself, on a fake clock."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from app.clock import FakeClock
from app.daemons.notifier.retry_queue import PendingRequest, RetryQueue
from app.errors import DeliveryError, ProtocolError
from app.protocol import Request
from tests.daemons.notifier.outbox_harness import AT

Reply = Callable[[], float]


@dataclass
class QueueHarness:
    """A queue whose replies a test gives, by the entry of the request."""

    clock: FakeClock = field(default_factory=FakeClock)
    replies: dict[str, Reply] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = RetryQueue(self.clock, self.reply, self.finish)

    def reply(self, pending: PendingRequest) -> float:
        self.tried.append(pending.entry)
        return self.replies[pending.entry]()

    def finish(self, pending: PendingRequest) -> None:
        self.finished.append(pending.entry)

    def enqueue(self, entry: str, reply: Reply) -> None:
        self.replies[entry] = reply
        self.queue.enqueue(PendingRequest(entry, Request("say", AT, "anna")))

    def wait(self) -> float:
        """Let the time pass until something is due; returns the seconds."""
        wait_s = self.queue.wait_s()
        self.clock.advance(wait_s)
        return wait_s


def failing(error: Exception) -> Reply:
    def fail() -> float:
        raise error

    return fail


def test_a_request_is_finished_after_its_reply() -> None:
    harness = QueueHarness()
    assert harness.queue.wait_s() == float("inf")
    harness.enqueue("1", lambda: 0.0)
    assert harness.queue.wait_s() == 0
    harness.queue.reply_to_due()
    harness.queue.reply_to_due()
    assert (harness.tried, harness.finished) == (["1"], ["1"])


def test_a_request_that_is_here_already_is_not_added_again() -> None:
    harness = QueueHarness()
    for _ in range(2):
        harness.enqueue("1", lambda: 5.0)
    harness.queue.reply_to_due()
    assert harness.tried == ["1"]


def test_a_request_that_waits_delays_no_other() -> None:
    harness = QueueHarness()
    harness.enqueue("1", lambda: 5.0)
    harness.queue.reply_to_due()
    harness.enqueue("2", lambda: 0.0)
    harness.queue.reply_to_due()
    assert (harness.tried, harness.finished) == (["1", "2"], ["2"])
    assert harness.wait() == 5
    harness.queue.reply_to_due()
    assert harness.tried == ["1", "2", "1"]


def test_rests_grow_to_a_minute_and_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    harness = QueueHarness()
    harness.enqueue("1", failing(DeliveryError("no answer")))
    rests_s = []
    for _ in range(8):
        harness.queue.reply_to_due()
        rests_s.append(harness.wait())
    assert rests_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [record.message for record in caplog.records] == [
        "say of anna has no reply yet: no answer"
    ]


@pytest.mark.parametrize(("wanted_s", "rest_s"), [(30.0, 30.0), (0.0, 0.1)])
def test_the_rest_that_a_service_wants_is_kept(wanted_s: float, rest_s: float) -> None:
    harness = QueueHarness()
    harness.enqueue("1", failing(DeliveryError("wait", wanted_s)))
    harness.queue.reply_to_due()
    assert harness.wait() == pytest.approx(rest_s)


def test_a_request_with_wrong_records_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    harness = QueueHarness()
    harness.enqueue("1", failing(ProtocolError("no JSON")))
    harness.queue.reply_to_due()
    assert harness.finished == ["1"]
    assert "say of anna is dropped: no JSON" in caplog.text

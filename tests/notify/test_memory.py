from datetime import UTC, datetime

import pytest

from app.errors import DeliveryError
from app.notify.base import Message
from app.notify.memory import MemoryNotifier
from tests.notify.progress import MemoryProgress

MESSAGES = [Message(key, datetime(2026, 11, 20, tzinfo=UTC), f"Message {key}.") for key in "abc"]


def test_each_message_is_kept_once_in_the_order_of_arrival() -> None:
    notifier = MemoryNotifier()
    for message in (*MESSAGES, MESSAGES[0]):
        notifier.deliver(message, MemoryProgress())
    assert notifier.messages == MESSAGES


def test_it_fails_as_often_as_it_was_asked_to() -> None:
    notifier = MemoryNotifier()
    notifier.fail_next(2, "no network")
    for _ in range(2):
        with pytest.raises(DeliveryError, match="no network"):
            notifier.deliver(MESSAGES[0], MemoryProgress())
    notifier.deliver(MESSAGES[0], MemoryProgress())
    assert notifier.messages == MESSAGES[:1]


def test_it_says_that_it_was_closed() -> None:
    notifier = MemoryNotifier()
    assert not notifier.closed
    notifier.close()
    assert notifier.closed

"""The stages of a delivery in a real Redis, also while it is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.progress import DeliveryProgress
from app.errors import StateUnavailable
from app.protocol import Stage
from app.state import State
from tests.daemons.notifier.outbox_harness import FACT
from tests.servers.redis_server import RedisServer

THEN = "2026-11-20T10:15:00+00:00"


@pytest.fixture
def lasting_state(durable_redis_server: RedisServer) -> Iterator[State]:
    opened = State(durable_redis_server.url)
    yield opened
    opened.close()


def test_stages_are_there_for_another_process(state: State) -> None:
    progress = DeliveryProgress(state, "memory", FACT)
    assert (progress.get(Stage.FILE), progress.has_begun, progress.delivered) == (
        None,
        False,
        False,
    )
    progress.set(Stage.FILE, "F1")
    progress.set(Stage.POSTING, THEN)
    progress.set_delivered("now")
    other = DeliveryProgress(state, "memory", FACT)
    assert other.get(Stage.FILE) is None
    other.load()
    assert (other.get(Stage.FILE), other.has_begun, other.delivered) == ("F1", True, True)
    marks = {"memory:file": "F1", "memory:posting": THEN, "delivered:memory": "now"}
    assert state.event_fields(FACT.event or "") == marks


def test_each_channel_and_each_subject_has_its_own(state: State) -> None:
    DeliveryProgress(state, "memory", FACT).set(Stage.FILE, "F1")
    for name, subject in (("memory_clips", FACT), ("memory", "answer-1")):
        progress = DeliveryProgress(state, name, subject)
        progress.load()
        assert progress.get(Stage.FILE) is None


def test_an_empty_stage_withdraws_a_message_that_began(state: State) -> None:
    progress = DeliveryProgress(state, "memory", FACT)
    progress.set(Stage.POSTING, THEN)
    progress.set(Stage.POSTING, "")
    assert not progress.has_begun


def test_what_redis_did_not_take_is_written_later(
    lasting_state: State, durable_redis_server: RedisServer
) -> None:
    progress = DeliveryProgress(lasting_state, "memory", FACT)
    durable_redis_server.kill()
    with pytest.raises(StateUnavailable):
        progress.set(Stage.FILE, "F1")
    assert progress.get(Stage.FILE) == "F1"
    durable_redis_server.start()
    progress.load()
    assert lasting_state.delivery_marks(FACT) == {"memory:file": "F1"}


def test_what_redis_has_forgotten_is_in_the_journal(state: State, tmp_path: Path) -> None:
    journal = DeliveryJournal(tmp_path / "journal")
    progress = DeliveryProgress(state, "memory", FACT, journal)
    progress.set(Stage.FILE, "F1")
    progress.set(Stage.POSTING, THEN)
    state._redis.flushall()
    state.mark_delivery(FACT, {"memory:file": "F0"})
    progress = DeliveryProgress(state, "memory", FACT, journal)
    progress.load()
    assert (progress.get(Stage.FILE), progress.is_unconfirmed) == ("F1", True)
    assert state.delivery_marks(FACT) == {"memory:file": "F1", "memory:posting": THEN}
    other = DeliveryProgress(state, "memory_clips", FACT, journal)
    other.load()
    assert not other.has_begun

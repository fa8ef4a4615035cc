import pytest

from app.clock import FakeClock
from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import MessageRefused, NoAnswer
from app.notify.once import posting, unconfirmed_since
from app.protocol import Stage
from tests.notify.progress import Killed, KilledAfter, MemoryProgress


def test_the_time_of_the_call_is_stored_before_it(clock: FakeClock) -> None:
    progress = MemoryProgress()
    with posting(progress, clock):
        assert unconfirmed_since(progress) == clock.now()
    assert progress.stages == {"posting": clock.now().isoformat()}


def test_a_call_with_a_lost_answer_stays_unconfirmed(clock: FakeClock) -> None:
    progress, begun = MemoryProgress(), clock.now()
    with pytest.raises(NoAnswer), posting(progress, clock):
        clock.advance(10.0)
        raise NoAnswer("the connection was reset", sent=True)
    assert unconfirmed_since(progress) == begun


@pytest.mark.parametrize(
    "error",
    [
        NoAnswer("the connection was refused", sent=False),
        MessageRefused("too long", "msg_too_long"),
        DeliveryRefused("the token is wrong"),
        DeliveryError("too many requests", 30.0),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_call_that_did_nothing_is_forgotten(clock: FakeClock, error: DeliveryError) -> None:
    progress = MemoryProgress()
    with pytest.raises(DeliveryError), posting(progress, clock):
        raise error
    assert unconfirmed_since(progress) is None


def test_a_process_killed_in_the_call_leaves_it_unconfirmed(clock: FakeClock) -> None:
    progress = KilledAfter("posting")
    with pytest.raises(Killed), posting(progress, clock):
        pass
    assert unconfirmed_since(progress.afterwards()) == clock.now()


def test_a_new_delivery_has_no_unconfirmed_call() -> None:
    assert unconfirmed_since(MemoryProgress()) is None


@pytest.mark.parametrize("mark", ["then", "2026-11-20T10:15:01", "yes"])
def test_a_mark_without_a_usable_time_is_still_unconfirmed(clock: FakeClock, mark: str) -> None:
    progress = MemoryProgress()
    progress.set(Stage.POSTING, mark)
    begun = unconfirmed_since(progress)
    assert begun and clock.now() != begun

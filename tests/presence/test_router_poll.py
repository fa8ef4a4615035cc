"""A poll of the router that a caller can stop waiting for."""

import threading

import pytest

from app.errors import RouterError
from app.presence.base import Device, Router
from app.presence.router_poll import Poll
from tests.waiting import until

ANNA = Device("aa:bb:cc:00:00:01")


class Slow(Router):
    """Answers when *ready* is set, with *answer*."""

    name = "a slow router"

    def __init__(self, answer: list[Device] | Exception) -> None:
        self.ready = threading.Event()
        self.answer = answer

    def devices(self) -> list[Device]:
        self.ready.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [[ANNA], [], RouterError("it is down")])
def test_an_answer_is_returned_at_once(
    answer: list[Device] | RouterError,
) -> None:
    router = Slow(answer)
    poll = Poll(router)
    assert poll.answer(0.01) is None
    router.ready.set()
    assert poll.answer(10.0) is answer
    assert poll.answer(10.0) is answer


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_is_not_taken_for_silence() -> None:
    router = Slow(KeyError("a mistake"))
    poll = Poll(router)
    router.ready.set()
    with pytest.raises(RuntimeError, match="the thread that asks the router has ended"):
        until(lambda: poll.answer(1.0), "the thread ends")

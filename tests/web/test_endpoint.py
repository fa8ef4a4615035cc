"""What a web program counts and logs about its requests."""

import logging

from app.clock import FakeClock
from app.commands.refusals import IN_FULL, PERIOD_S
from app.web.endpoint import Endpoint


def test_it_counts_what_gunicorn_refuses_and_logs_it_itself() -> None:
    endpoint = Endpoint(FakeClock())
    text = "Invalid request from ip=1.2.3.4: no\nline"
    assert not endpoint.is_gunicorns(logging.makeLogRecord({"msg": text}))
    assert endpoint.is_gunicorns(logging.makeLogRecord({"msg": "Booting worker"}))
    assert endpoint.counters() == {"requests": 0, "refused": 1, "errors": 0, "last_request": None}


def test_a_mistake_that_anybody_can_cause_does_not_fill_the_log() -> None:
    endpoint = Endpoint(clock := FakeClock())
    failed = logging.makeLogRecord({"msg": "Exception on /", "exc_info": (ValueError, None, None)})
    logged = [endpoint.is_bounded(failed) for _ in range(1000)]
    assert logged == [True] * IN_FULL + [False] * (1000 - IN_FULL)
    assert endpoint.is_bounded(logging.makeLogRecord({"msg": "Booting worker"}))
    clock.advance(PERIOD_S)
    assert endpoint.is_bounded(failed)

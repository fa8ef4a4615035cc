"""What a web program counts and logs about its requests."""

import logging

from app.clock import FakeClock
from app.web.endpoint import Endpoint


def test_it_counts_what_gunicorn_refuses_and_logs_it_itself() -> None:
    endpoint = Endpoint(FakeClock())
    text = "Invalid request from ip=1.2.3.4: no\nline"
    assert not endpoint.is_gunicorns(logging.makeLogRecord({"msg": text}))
    assert endpoint.is_gunicorns(logging.makeLogRecord({"msg": "Booting worker"}))
    assert endpoint.counters() == {"requests": 0, "refused": 1, "errors": 0, "last_request": None}

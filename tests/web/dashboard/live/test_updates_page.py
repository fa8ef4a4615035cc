"""The address of the server-sent events."""

import json
from typing import Any

from redis import Redis

from app.web.dashboard.live.updates import MOST_LISTENERS
from tests.servers.redis_server import RedisServer
from tests.waiting import Stopwatch
from tests.web.dashboard.conftest import Site


def test_a_change_by_anybody_comes_within_a_second(site: Site, redis_server: RedisServer) -> None:
    answer = site.get("/updates")
    assert answer.content_type == "text/event-stream; charset=utf-8"
    events = iter(answer.response)
    next(events)
    assert read(next(events))["armed"]["on"] is True
    with Redis.from_url(redis_server.url) as server:
        server.set("camera_status", "False")
    with Stopwatch() as watch:
        assert read(next(events))["armed"]["on"] is False
    assert watch.seconds < 5.0
    answer.close()


def read(event: Any) -> Any:
    return json.loads(event.removeprefix(b"data: "))


def test_one_page_too_many_gets_a_sentence(site: Site) -> None:
    updates = site.app.extensions["dashboard"].updates
    streams = [updates.stream(lambda: True) for _ in range(MOST_LISTENERS)]
    for stream in streams:
        next(stream)
    answer = site.get("/updates", Accept="application/json")
    assert (answer.status_code, answer.get_json()["error"]) == (
        503,
        "12 pages listen already, so this one shows no changes by itself.",
    )
    for stream in streams:
        stream.close()

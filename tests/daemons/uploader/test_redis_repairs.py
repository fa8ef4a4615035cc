"""A log that was set aside is published once, whenever the uploader is killed."""

from contextlib import closing
from pathlib import Path

from app.daemons.uploader.redis_repairs import RedisRepairs
from app.launcher import redis_log
from app.launcher.redis_traces import new_trace
from app.protocol import Fact
from app.state import State
from tests.servers.redis_server import RedisServer


def published(state: State) -> list[Fact]:
    return [fact for _, fact in state.facts("test", "test").new(0.01) if fact]


def test_a_log_that_was_set_aside_is_published_once(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    kept = tmp_path / "damaged-1"
    redis_log.set_aside(tmp_path, kept, new_trace("Redis's log was damaged.", kept))
    (tmp_path / "damaged-2").mkdir()
    (tmp_path / "damaged-2" / "trace.json").write_text("garbage")
    with closing(State(redis_server.url)) as state:
        published(state)
        RedisRepairs(state, tmp_path).step(0)
        # A run that was killed before it could rename the trace.
        (kept / "published.json").rename(kept / "trace.json")
        later = RedisRepairs(state, tmp_path)
        later.step(0)
        later.step(1)
        (fact,) = published(state)
    assert (fact.kind, fact.text) == ("redis_trouble", "Redis's log was damaged.")

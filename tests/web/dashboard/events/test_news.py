"""What Redis knows of events, and a Redis that is away."""

from app.state import State
from app.web.dashboard.events.news import EventNews
from app.web.dashboard.events.row import day_of
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.made_events import an_event, publish_event


def test_redis_that_is_away_is_asked_again_later(redis_server: RedisServer) -> None:
    now_s = 0.0
    state = State(redis_server.url, 1.0)
    news = EventNews(state, lambda: now_s)
    redis_server.kill()
    assert news.refresh() == set()
    assert "not reachable" in str(news.trouble)
    redis_server.start()
    event = publish_event(state, an_event())
    assert news.refresh() == set()
    now_s = 4.0
    assert news.refresh() == {day_of(event)}
    assert news.trouble is None
    assert list(news.rows(day_of(event), [])) == [event]
    state.close()


def test_only_news_is_read_after_the_first_time(redis_server: RedisServer) -> None:
    state = State(redis_server.url)
    news = EventNews(state)
    assert news.refresh() == set()
    event = publish_event(state, an_event())
    assert news.refresh() == {day_of(event)}
    assert news.refresh() == set()
    assert news.rows(day_of(event), [event]) == {}
    state.close()

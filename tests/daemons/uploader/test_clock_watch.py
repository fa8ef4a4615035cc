"""Steps of the clock: which ones the owner reads about."""

from collections.abc import Iterator

import pytest

from app.clock import FakeClock
from app.daemons.uploader.clock_watch import ClockWatch
from app.errors import StateUnavailable
from app.protocol import Fact
from app.state import State
from tests.servers.redis_server import RedisServer


class Scene:
    """A watch on the clock of a machine that was started *booted_before_s* seconds before."""

    def __init__(self, state: State, booted_before_s: float = 86_400.0) -> None:
        self.clock = FakeClock(booted_before_s=booted_before_s)
        self.watch = ClockWatch(state, self.clock)
        self._reader = state.facts("test", "test")
        self._reader.new(0)

    def live(self, seconds: float = 10.0) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(1)
            self.watch.step()

    def facts(self) -> list[Fact]:
        """The facts since the last call."""
        return [fact for _, fact in self._reader.new(0)]


@pytest.fixture
def scene(state: State) -> Iterator[Scene]:
    made = Scene(state)
    made.live()
    yield made


def test_a_step_is_published_once_with_its_cure(scene: Scene) -> None:
    scene.clock.jump(-3 * 3600)
    scene.live()
    (fact,) = scene.facts()
    assert fact.kind == "clock_stepped"
    assert "was set back by 3 h, from 2026-11-20 " in fact.text
    assert "timedatectl" in fact.text


@pytest.mark.parametrize("step_s", [59.0, -59.0, 0.5])
def test_a_small_step_is_none(scene: Scene, step_s: float) -> None:
    scene.clock.jump(step_s)
    scene.live()
    assert scene.facts() == []


def test_the_first_step_forward_after_a_start_is_normal(state: State) -> None:
    scene = Scene(state, booted_before_s=40.0)
    scene.live(100)
    scene.clock.jump(86_400)
    scene.live()
    assert scene.facts() == []
    scene.clock.jump(600)
    scene.live()
    assert "was set forward by 10 min" in scene.facts()[0].text


def test_a_step_back_after_a_start_is_not_normal(state: State) -> None:
    scene = Scene(state, booted_before_s=40.0)
    scene.clock.jump(-600)
    scene.live()
    assert len(scene.facts()) == 1


def test_a_machine_that_slept_has_the_right_time(scene: Scene) -> None:
    scene.clock.advance(8 * 3600)
    scene.live()
    assert scene.facts() == []


def test_a_clock_that_is_set_again_and_again_is_one_message(scene: Scene) -> None:
    for _ in range(20):
        scene.clock.jump(120)
        scene.live(30)
        scene.clock.jump(-120)
        scene.live(30)
    assert len(scene.facts()) == 1
    scene.live(3600)
    scene.clock.jump(120)
    scene.live()
    assert len(scene.facts()) == 1


def test_a_step_while_redis_is_away_is_published_later(
    state: State, redis_server: RedisServer
) -> None:
    scene = Scene(state)
    redis_server.kill()
    scene.clock.jump(600)
    with pytest.raises(StateUnavailable):
        scene.live()
    redis_server.start()
    scene.live()
    assert len(scene.facts()) == 1

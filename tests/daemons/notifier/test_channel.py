"""The outbox step by step, with ways to the owner that a test can watch; and the notifier's own
loop with a way in memory.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from app import protocol
from app.clock import FakeClock, SystemClock
from app.daemons.notifier.channel import SUSPECT_FAILURES, Channel
from app.daemons.notifier.clip_files import ClipFiles
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.daemons.notifier.composer import Composer
from app.daemons.notifier.daemon import NotifierDaemon
from app.daemons.notifier.outbox import Outbox
from app.errors import DeliveryError, DeliveryRefused, StateUnavailable
from app.notify import Digest, MemoryNotifier, Message, Notifier, Progress
from app.protocol import EventRecord, Fact, Heartbeat
from app.state import State
from app.worker import WorkerGroup
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
FACT = Fact(f"{EVENT}-motion_started", "motion_started", AT, "Motion.", "front", EVENT)


class Forgetful(Notifier):
    """Shows a message each time it is given one, as a text message does, and lets Redis die when it
    is given the first.
    """

    name = "forgetful"

    def __init__(self, server: RedisServer) -> None:
        self.shown: list[str] = []
        self._server = server

    def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
        if not self.shown:
            self._server.kill()
        self.shown.append(message.key)


class Staged(Notifier):
    """Takes two steps for a message, and dies between them as often as it is told to."""

    name = "staged"
    makes_digests = True

    def __init__(self, deaths: int = 0) -> None:
        self.steps: list[str] = []
        self.digested: list[list[str]] = []
        self._deaths = deaths

    def deliver(self, message: Message, progress: Progress) -> None:
        self._take_steps(message.key, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        if not progress.get("posted"):
            self.digested.append([message.key for message in digest.messages])
        self._take_steps("digest", progress)

    def _take_steps(self, key: str, progress: Progress) -> None:
        for stage in ("file", "posted"):
            if progress.get(stage) is None:
                self.steps.append(f"{key} {stage}")
                progress.set(stage, "done")
                if self._deaths:
                    self._deaths -= 1
                    raise DeliveryError("died")


@pytest.fixture
def state(durable_redis_server: RedisServer) -> Iterator[State]:
    opened = State(durable_redis_server.url)
    yield opened
    opened.close()


@dataclass
class Post:
    """An outbox on a fake clock, whose ways a test lets take one step after another."""

    outbox: Outbox
    clock: FakeClock
    state: State
    acknowledged: list[str]

    @property
    def way(self) -> Channel:
        return self.outbox.channels[0]

    def add(self, fact: Fact) -> None:
        self.state.publish(
            fact,
            EventRecord("front", fact.at, score=0.5) if fact.event else None,
            b"a picture" if fact.event else None,
        )
        self.outbox.enqueue(fact.id, fact, self.outbox.channels_for(fact))

    def run(self) -> float:
        """Let the first way do all it has to do now; returns how long it would wait then."""
        wait_s = 0.0
        while wait_s == 0:
            wait_s = self.way.step()
        return wait_s


def post_of(state: State, *notifiers: Notifier) -> Post:
    acknowledged: list[str] = []
    clock = FakeClock()
    films = ClipFiles(state, clock, Path("/nowhere"), None, ClipShrinker(), upload_every_s=300.0)
    return Post(
        Outbox(notifiers, Composer(state, clock, films), 120.0, acknowledged.append),
        clock,
        state,
        acknowledged,
    )


def fact_of(number: int, seconds: float = 0.0) -> Fact:
    at = AT + timedelta(seconds=seconds or number)
    event = protocol.event_id(at, "front")
    return Fact(
        f"{event}-motion_started", "motion_started", at, f"Motion {number}.", "front", event
    )


def test_a_fact_is_acknowledged_when_the_last_way_has_told_it(state: State) -> None:
    post = post_of(state, MemoryNotifier(), Staged())
    post.add(FACT)
    post.outbox.channels[0].step()
    assert post.acknowledged == []
    assert post.outbox.waiting == 1
    post.outbox.channels[1].step()
    assert (post.acknowledged, post.outbox.waiting, post.outbox.delivered) == ([FACT.id], 0, 1)
    assert {"delivered:memory", "delivered:staged", "staged:file"} <= state.delivery_marks(
        FACT
    ).keys()


def test_a_message_of_an_event_has_its_picture_its_score_and_what_may_be_tagged(
    state: State,
) -> None:
    way = MemoryNotifier()
    post = post_of(state, way)
    post.add(FACT)
    post.add(Fact("lost", "camera_lost", AT, "Lost.", "front"))
    post.run()
    assert way.messages == [
        Message(EVENT, AT, "Motion.", "front", b"a picture", EVENT, 0.5),
        Message("lost", AT, "Lost.", "front", topic="camera"),
    ]


def test_when_redis_dies_between_the_telling_and_its_mark_only_the_mark_is_made_up_for(
    state: State, durable_redis_server: RedisServer
) -> None:
    way = Forgetful(durable_redis_server)
    post = post_of(state, way)
    post.add(FACT)
    assert post.run() > 0
    assert post.run() > 0
    assert (post.acknowledged, post.way.trouble) == ([], None)
    durable_redis_server.start()
    assert post.run() == float("inf")
    assert (way.shown, post.acknowledged) == ([EVENT], [FACT.id])
    assert "delivered:forgetful" in state.delivery_marks(FACT)


def test_a_delivery_goes_on_at_the_stage_where_it_stopped(state: State) -> None:
    way = Staged(deaths=1)
    post = post_of(state, way)
    post.add(FACT)
    assert post.run() == 1
    another = post_of(state, again := Staged())
    another.outbox.enqueue(FACT.id, FACT, {"staged"})
    another.run()
    assert (way.steps, again.steps) == ([f"{EVENT} file"], [f"{EVENT} posted"])


def test_what_another_notifier_has_told_meanwhile_is_not_told_again(state: State) -> None:
    way = MemoryNotifier()
    post = post_of(state, way)
    way.fail_next(1)
    post.add(FACT)
    post.run()
    assert post.outbox.trouble == "asked to fail"
    state.mark_delivery(FACT, {"delivered:memory": AT.isoformat()})
    post.clock.advance(1)
    post.run()
    assert (way.messages, post.acknowledged) == ([], [FACT.id])
    assert not post.outbox.trouble


def test_a_way_rests_longer_after_each_failure_up_to_a_minute_and_is_well_after_one_success(
    state: State,
) -> None:
    way = MemoryNotifier()
    post = post_of(state, way)
    way.fail_next(8, "no answer")
    post.add(FACT)
    rests_s = []
    for _ in range(8):
        rests_s.append(post.run())
        assert post.way.step() == rests_s[-1]
        post.clock.advance(rests_s[-1])
    assert rests_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert post.outbox.trouble == "no answer"
    post.run()
    assert not post.outbox.trouble
    way.fail_next(1)
    post.add(fact_of(2))
    assert post.run() == 1


class Choosy(MemoryNotifier):
    """Takes nothing of *refused*, for *retry_after_s* if that is given."""

    def __init__(self, *refused: int, retry_after_s: float | None = None) -> None:
        super().__init__()
        self.tried: list[str] = []
        self._refused = [f"Motion {number}." for number in refused]
        self._retry_after_s = retry_after_s

    def deliver(self, message: Message, progress: Progress) -> None:
        self.tried.append(message.text)
        if message.text in self._refused:
            raise DeliveryError("400 Bad Request", self._retry_after_s)
        super().deliver(message, progress)


def test_an_alert_that_is_never_taken_delays_no_fresh_one(state: State) -> None:
    post = post_of(state, way := Choosy(1))
    post.add(fact_of(1))
    for _ in range(6):
        post.clock.advance(post.run())
    assert post.run() == 60
    for number in (2, 3):
        post.add(fact_of(number))
        assert 0 < post.run() < float("inf")
        assert post.acknowledged[-1] == fact_of(number).id
    assert [text for text in way.tried if text != "Motion 1."] == ["Motion 2.", "Motion 3."]


def test_alerts_that_came_with_one_that_is_never_taken_wait_for_a_few_tries_only(
    state: State,
) -> None:
    post = post_of(state, way := Choosy(1))
    for number in (1, 2, 3):
        post.add(fact_of(number))
    for _ in range(SUSPECT_FAILURES):
        assert post.acknowledged == []
        post.clock.advance(post.run())
    post.run()
    assert way.tried == ["Motion 1."] * SUSPECT_FAILURES + ["Motion 2.", "Motion 3.", "Motion 1."]


def test_a_way_that_takes_no_fresh_alert_either_rests_whatever_comes(state: State) -> None:
    post = post_of(state, way := Choosy(1, 2, 3))
    post.add(fact_of(1))
    rest_s = 0.0
    for _ in range(SUSPECT_FAILURES):
        post.clock.advance(rest_s)
        rest_s = post.run()
    for number in (2, 3):
        post.add(fact_of(number))
        rest_s = post.run()
    assert way.tried == ["Motion 1."] * SUSPECT_FAILURES + ["Motion 2."]
    post.clock.advance(rest_s)
    post.run()
    assert way.tried[SUSPECT_FAILURES:] == ["Motion 2.", "Motion 1."]


def test_a_rest_that_is_asked_for_is_kept_also_when_a_fresh_alert_comes(state: State) -> None:
    post = post_of(state, way := Choosy(1))
    post.add(fact_of(1))
    for _ in range(SUSPECT_FAILURES):
        post.clock.advance(post.run())
    way._retry_after_s = 50
    assert post.run() == 50
    post.add(fact_of(2))
    assert post.run() == 50
    post.clock.advance(50)
    post.run()
    assert post.acknowledged == [fact_of(2).id]


def test_a_way_that_is_refused_says_so_loudly_and_tries_at_once_when_it_is_hurried(
    state: State, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(MemoryNotifier):
        refuses = True

        def deliver(self, message: Message, progress: Progress) -> None:
            if self.refuses:
                raise DeliveryRefused("not in the channel: invite me", 60)
            super().deliver(message, progress)

    way = Refusing()
    post = post_of(state, way)
    post.add(FACT)
    assert post.run() == 60
    post.clock.advance(60)
    assert post.run() == 60
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "not in the channel: invite me; trying again")
    ]
    assert post.outbox.trouble == "not in the channel: invite me"
    way.refuses = False
    post.outbox.retry_now()
    assert post.run() == float("inf")
    assert len(way.messages) == 1
    assert not post.outbox.trouble


def test_what_piled_up_for_long_comes_as_one_digest_and_what_comes_after_by_itself(
    state: State,
) -> None:
    post = post_of(state, way := Staged())
    for number in range(3):
        post.add(fact_of(number))
    post.clock.advance(121)
    post.run()
    post.add(fact_of(9, seconds=121))
    post.run()
    events = [fact_of(number).event for number in range(3)]
    assert (way.digested, post.way.digests) == ([events], 1)
    assert way.steps == [
        "digest file",
        "digest posted",
        f"{fact_of(9, seconds=121).event} file",
        f"{fact_of(9, seconds=121).event} posted",
    ]
    assert len(post.acknowledged) == 4
    assert "delivered:staged" in state.delivery_marks(fact_of(1))


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_digest_that_was_begun_goes_on_with_the_same_members(state: State, deaths: int) -> None:
    post = post_of(state, Staged(deaths))
    for number in range(3):
        post.add(fact_of(number))
    post.clock.advance(121)
    post.run()
    assert post.acknowledged == []
    another = post_of(state, again := Staged())
    for number in range(3):
        another.outbox.enqueue(str(number), fact_of(number), {"staged"})
    another.add(fact_of(3))
    another.run()
    assert again.steps[: 2 - deaths] == ["digest posted"][: 2 - deaths]
    assert [step for step in again.steps if "digest" not in step] == [
        f"{fact_of(3).event} file",
        f"{fact_of(3).event} posted",
    ]
    assert len(another.acknowledged) == 4


def test_what_may_be_posted_already_and_what_is_alone_is_in_no_digest(state: State) -> None:
    post = post_of(state, way := Staged())
    for number in range(2):
        post.add(fact_of(number))
    state.mark_delivery(fact_of(0), {"staged:posting": AT.isoformat()})
    post.clock.advance(121)
    post.run()
    assert way.digested == []
    assert len(post.acknowledged) == 2


def test_a_way_without_digests_tells_one_after_another_however_late(state: State) -> None:
    post = post_of(state, way := MemoryNotifier())
    for number in range(3):
        post.add(fact_of(number))
    post.clock.advance(1000)
    post.run()
    assert len(way.messages) == 3


def test_a_way_that_hangs_delays_no_other_and_a_mistake_in_one_is_found_out(state: State) -> None:
    let_go = threading.Event()

    class Hanging(MemoryNotifier):
        name = "hanging"

        def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
            let_go.wait(20)

    post = post_of(state, Hanging(), quick := MemoryNotifier())
    workers = WorkerGroup(post.outbox.workers)
    workers.start()
    post.add(FACT)
    until(lambda: quick.messages, "the other way has told it")
    workers.ask_to_stop()
    assert not workers.has_ended()
    let_go.set()
    until(workers.has_ended, "both have ended")
    post.outbox.close_ended()
    assert quick.closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_in_a_ways_thread_ends_the_step_of_its_owner(state: State) -> None:
    class Mistaken(MemoryNotifier):
        def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
            raise KeyError("a mistake")

    post = post_of(state, Mistaken())
    workers = WorkerGroup(post.outbox.workers)
    workers.start()
    workers.check()
    post.add(FACT)
    until(post.way.worker.has_ended, "the thread has ended")
    with pytest.raises(RuntimeError, match="the thread channel memory has ended"):
        workers.check()


@dataclass
class Stage:
    """A daemon whose only way is *way*, on a fake clock; its own thread serves it."""

    daemon: NotifierDaemon
    clock: FakeClock
    way: MemoryNotifier

    def told(self) -> list[str]:
        return [message.key for message in self.way.messages]


@pytest.fixture
def stage(
    tmp_path: Path, durable_redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    way, clock = MemoryNotifier(), FakeClock()
    monkeypatch.setattr("app.daemons.notifier.workers.make_notifiers", lambda *_: [way])
    daemon = NotifierDaemon(write_config(tmp_path, durable_redis_server.url), clock=clock)
    yield Stage(daemon, clock, way)
    daemon.clock = SystemClock()
    daemon.close()
    daemon.state.close()
    assert way.closed


def test_what_was_told_before_a_kill_is_not_marked_as_held_afterwards(
    stage: Stage, state: State
) -> None:
    state.publish(FACT)
    state.mark_delivery(FACT, {"delivered:memory": AT.isoformat()})
    state.set_switch("camera_notifications", False)
    stage.daemon.attempt()
    assert stage.told() == []
    assert "held" not in state.delivery_marks(FACT)


@pytest.mark.parametrize("mark", ["memory:posting", "memory:digest"])
def test_what_was_on_its_way_before_a_kill_is_not_held_back_afterwards(
    stage: Stage, state: State, mark: str
) -> None:
    state.publish(FACT, EventRecord("front", AT))
    state.mark_delivery(FACT, {mark: "x"})
    state.set_switch("camera_notifications", False)
    stage.daemon.attempt()
    assert "held" not in state.delivery_marks(FACT)


def test_what_was_held_back_before_a_kill_is_not_told_afterwards(
    stage: Stage, state: State
) -> None:
    state.publish(FACT)
    state.mark_delivery(FACT, {"held": "camera_notifications is False"})
    stage.daemon.attempt()
    assert stage.told() == []
    assert state.facts("notifier", protocol.host_name()).unfinished() == []


def test_a_fact_that_was_read_as_redis_went_away_is_told_when_it_is_back(
    stage: Stage, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(told: Fact | str) -> dict[str, str]:
        raise StateUnavailable(f"Redis went away before the marks of {told} were read")

    stage.daemon.attempt()
    state.publish(FACT)
    with monkeypatch.context() as patched:
        patched.setattr(stage.daemon.state, "delivery_marks", away)
        assert stage.daemon.attempt() > 0
    stage.daemon.attempt()
    until(lambda: stage.told() == [EVENT], "it is told")


def test_after_redis_was_away_nobody_is_called_silent_at_once(
    stage: Stage, state: State, durable_redis_server: RedisServer
) -> None:
    front = protocol.heartbeat_key("security_system", protocol.host_name(), "front")
    state.send_heartbeat(front, Heartbeat(1, AT, AT, {}))
    for _ in range(3):
        stage.daemon.attempt()
        stage.clock.advance(20)
    durable_redis_server.kill()
    assert stage.daemon.attempt() > 0
    durable_redis_server.start()
    with redis.Redis.from_url(durable_redis_server.url) as server:
        server.delete(front)
    assert stage.daemon.attempt() == 0
    assert state.facts("test", "test").new(0) == []
    for _ in range(2):
        stage.clock.advance(20)
        stage.daemon.attempt()
    assert [fact.kind for _, fact in state.facts("test", "test").new(0)] == ["process_silent"]


def test_a_way_with_nothing_to_tell_waits_until_it_is_woken(state: State) -> None:
    assert post_of(state, MemoryNotifier()).way.step() == float("inf")

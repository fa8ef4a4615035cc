"""What comes with a film: which ways tell it, in which order, and what becomes of it when its alert was told otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import protocol
from app.clock import FakeClock
from app.errors import DeliveryError
from app.films import Films, Shrinker
from app.letters import Letters
from app.notify import Digest, MemoryNotifier, Message, Progress, Topic
from app.outbox import Outbox
from app.protocol import EventRecord, Fact, FactKind, Heartbeat
from app.state import State
from app.way import Way
from tests.servers.redis_server import RedisServer

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
FACT = Fact(f"{EVENT}-motion_started", "motion_started", AT, "Motion.", "front", EVENT)
HERE = protocol.host_name()


def clip_fact(part: int = 1, event: str = EVENT, seconds: float = 10.0, kind: FactKind = "clip_ready") -> Fact:
    file = "clip.mp4" if part == 1 else f"clip-{part}.mp4"
    return Fact(f"{event}-{kind}-{part}", kind, AT + timedelta(seconds=seconds), f"Clip {part}.", "front", event, file=file, host=HERE)


class Threading(MemoryNotifier):
    """A way whose films come below what was told before, as Slack's do; it says where it has put each message."""

    name = "threading"
    digests = True
    threads = True

    def __init__(self) -> None:
        super().__init__()
        self.digested: list[list[str]] = []
        self.pictured: list[str] = []

    def deliver(self, message: Message, progress: Progress) -> None:
        super().deliver(message, progress)
        progress.set("posted", f"place of {message.key}")

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        self.digested.append([message.key for message in digest.messages])
        self.pictured = [message.key for message in digest.messages if message.picture]
        progress.set("posted", f"place of {digest.key}")


class Linking(MemoryNotifier):
    """A way that takes links alone, as texts do."""

    name = "linking"
    digests = True
    by_link = True

    def __init__(self) -> None:
        super().__init__()
        self.digested: list[list[str]] = []

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
        self.digested.append([message.text for message in digest.messages])


@dataclass
class Post:
    """An outbox with one way, on a fake clock; a test lets its two queues take one step after another."""

    way: Threading | Linking | MemoryNotifier
    outbox: Outbox
    state: State
    clock: FakeClock
    data_dir: Path
    films: Films
    acknowledged: list[str] = field(default_factory=list)

    @property
    def alerts(self) -> Way:
        return self.outbox.ways[0]

    @property
    def clips(self) -> Way:
        return self.outbox.ways[1]

    def film(self, event: str, file: str) -> Path:
        """Put a film where the camera puts it."""
        path = self.data_dir / "events" / "2026-11-20" / event / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a film")
        return path

    def add(self, fact: Fact, here: bool = True) -> None:
        """Publish *fact*, its film lying *here*, and have it told."""
        if fact.file and here:
            self.film(fact.event or "", fact.file)
        self.state.publish(fact, EventRecord("front", fact.at) if fact.event else None, b"a picture" if fact.event else None)
        self.outbox.add(fact.id, fact, self.outbox.tellers(fact))

    def uploads_go_well(self) -> None:
        self.state.beat(protocol.heartbeat_key("uploader", HERE), Heartbeat(1, AT, AT, {"s3_trouble": None}))

    def told(self) -> list[str]:
        return [message.text for message in self.way.messages]


def run(way: Way) -> float:
    """Let *way* do all it has to do now; returns how long it would wait then."""
    wait_s = 0.0
    while wait_s == 0:
        wait_s = way.step()
    return wait_s


@pytest.fixture
def state(redis_server: RedisServer) -> Iterator[State]:
    opened = State(redis_server.url)
    yield opened
    opened.close()


MakePost = Callable[..., Post]


@pytest.fixture
def make_post(state: State, tmp_path: Path) -> MakePost:
    def made(way: Threading | Linking | MemoryNotifier, when: tuple[Topic, ...] | None = None) -> Post:
        if when:
            way.when = frozenset(when)
        clock = FakeClock(AT)
        films = Films(state, clock, tmp_path, lambda key: f"https://s3/{key}", Shrinker(), upload_every_s=300.0)
        post = Post(way, Outbox([], Letters(state, clock, films), 120.0, lambda _: None), state, clock, tmp_path, films)
        post.outbox = Outbox([way], Letters(state, clock, films), 120.0, post.acknowledged.append)
        return post

    return made


def test_a_film_comes_below_its_alert(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.add(FACT)
    run(post.alerts)
    post.add(clip_fact())
    assert run(post.clips) == float("inf")
    film = post.way.messages[1]
    assert (film.topic, film.below, film.picture) == ("clip", f"place of {EVENT}", None)
    assert film.clip == post.data_dir / "events" / "2026-11-20" / EVENT / "clip.mp4"
    assert post.acknowledged == [FACT.id, clip_fact().id]
    assert "delivered:threading_clips" in post.state.delivery_marks(clip_fact())


def test_a_film_waits_until_its_alert_is_told_and_holds_up_none_of_another_event(make_post: MakePost) -> None:
    post = make_post(Threading())
    other = protocol.event_id(AT + timedelta(seconds=1), "front")
    post.add(FACT)
    post.add(clip_fact())
    post.state.mark_event(other, {"delivered:threading": "then", "threading:posted": "another place"})
    post.add(clip_fact(event=other))
    assert 0 < run(post.clips) <= 0.5
    assert [message.below for message in post.way.messages] == ["another place"]
    run(post.alerts)
    post.clock.advance(0.5)
    run(post.clips)
    assert [message.below for message in post.way.messages] == ["another place", None, f"place of {EVENT}"]


def test_an_alert_does_not_wait_for_a_film_that_is_being_brought(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {"delivered:threading": "then"})
    post.add(clip_fact())
    post.way.fail_next(1, "a slow line")
    assert run(post.clips) == 1
    later = replace(FACT, id="later", event=protocol.event_id(AT + timedelta(seconds=5), "front"))
    post.add(later)
    run(post.alerts)
    assert post.told() == ["Motion."]


def test_the_parts_of_a_film_come_in_order_also_when_the_first_is_not_there_yet(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {"delivered:threading": "then"})
    post.add(replace(clip_fact(1), host="garage"), here=False)
    post.add(clip_fact(2))
    post.add(clip_fact(3))
    assert run(post.clips) == 1
    assert post.told() == []
    post.state.mark_event(EVENT, {"s3:clip.mp4": "clips/1.mp4"})
    post.clock.advance(1)
    run(post.clips)
    assert post.told() == ["Clip 1.", "Clip 2.", "Clip 3."]
    assert post.way.messages[0].clip_link == "https://s3/clips/1.mp4"


def test_the_films_of_what_a_digest_shows_come_below_it_with_their_times_and_the_others_are_kept_at_home(make_post: MakePost) -> None:
    post = make_post(way := Threading())
    events = [protocol.event_id(AT + timedelta(seconds=number), "front") for number in range(6)]
    for event in events:
        post.add(replace(FACT, id=f"{event}-motion_started", event=event))
        post.add(clip_fact(event=event))
    post.clock.advance(121)
    run(post.alerts)
    assert (way.digested, way.pictured) == ([events], events[2:])
    post.clock.advance(1)
    run(post.clips)
    digest = post.state.event_fields(events[0])["threading:digest"]
    assert [message.below for message in post.way.messages] == [f"place of {digest}"] * 4
    moments = [protocol.event_started_at(event).astimezone() for event in events[2:]]
    assert post.told() == [f"Clip 1. ({moment:%Y-%m-%d %H:%M:%S})" for moment in moments]
    assert len(post.acknowledged) == 12
    assert "threading_clips:skipped" in post.state.delivery_marks(clip_fact(event=events[1]))


def test_a_film_waits_for_the_digest_that_another_notifier_is_telling(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {"threading:shown": "yes", "threading:digest": "the-digest"})
    post.add(clip_fact())
    post.clock.advance(1000)
    assert run(post.clips) == 1
    post.state.mark_delivery("the-digest", {"threading:posted": "place of the digest"})
    post.state.mark_event(EVENT, {"delivered:threading": "then"})
    post.clock.advance(1)
    run(post.clips)
    assert [message.below for message in post.way.messages] == ["place of the digest"]


def test_a_way_that_takes_links_alone_is_brought_no_films_after_a_digest(make_post: MakePost) -> None:
    post = make_post(way := Linking())
    other = replace(FACT, id="other", event=protocol.event_id(AT + timedelta(seconds=5), "front"))
    for fact in (FACT, other, clip_fact()):
        post.add(fact)
    post.clock.advance(121)
    run(post.alerts)
    run(post.clips)
    assert (len(way.digested), post.told(), len(post.acknowledged)) == (1, [], 3)


def test_films_that_come_late_belong_into_no_digest_where_they_have_alerts_to_belong_to(make_post: MakePost) -> None:
    post = make_post(way := Threading())
    events = [protocol.event_id(AT + timedelta(seconds=number), "front") for number in range(3)]
    for event in events:
        post.state.mark_event(event, {"delivered:threading": "then", "threading:posted": f"place of {event}"})
        post.add(clip_fact(event=event))
    post.clock.advance(4000)
    run(post.clips)
    assert [message.below for message in post.way.messages] == [f"place of {event}" for event in events]
    assert way.digested == []


def test_films_that_belong_to_no_alert_and_piled_up_come_as_one_digest(make_post: MakePost) -> None:
    post = make_post(way := Linking(), when=("clip", "left_open"))
    for number in range(3):
        event = protocol.event_id(AT + timedelta(seconds=number), "front")
        post.add(clip_fact(event=event))
    post.uploads_go_well()
    post.clock.advance(119)
    run(post.clips)
    assert way.digested == []
    post.clock.advance(4000)
    run(post.clips)
    assert way.digested == [["Clip 1."] * 3]


@pytest.mark.parametrize("mark", ["held", "threading:skipped"])
def test_the_film_of_an_alert_that_was_held_back_or_left_out_is_left_out_too(make_post: MakePost, mark: str) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {mark: "a reason"})
    post.add(clip_fact())
    run(post.clips)
    assert (post.told(), post.acknowledged) == ([], [clip_fact().id])


def test_a_film_whose_event_nobody_is_told_of_at_its_beginning_is_told_by_itself(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {"untold": "no alert"})
    post.add(clip_fact())
    run(post.clips)
    assert [message.below for message in post.way.messages] == [None]


def test_a_film_whose_alert_another_notifier_has_in_hand_waits_for_it_but_not_for_ever(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.add(clip_fact())
    assert run(post.clips) == 1
    post.state.mark_event(EVENT, {"threading:posting": "then"})
    post.clock.advance(1000)
    assert run(post.clips) == 1
    post.state.mark_event(EVENT, {"threading:posting": ""})
    post.clock.advance(1)
    run(post.clips)
    assert [message.below for message in post.way.messages] == [None]


def test_what_stands_open_is_told_at_once_and_its_film_so_far_comes_below(make_post: MakePost) -> None:
    post = make_post(Threading())
    fact = clip_fact(kind="left_open")
    post.add(fact)
    assert run(post.clips) <= 0.5
    assert post.told() == []
    run(post.alerts)
    assert (post.way.messages[0].topic, post.way.messages[0].picture, post.way.messages[0].clip) == ("left_open", b"a picture", None)
    post.clock.advance(1)
    run(post.clips)
    film = post.way.messages[1]
    assert (film.key, film.text, film.below) == (f"{fact.id}-film", "What was filmed so far.", f"place of {fact.id}")
    assert post.acknowledged == [fact.id]


def test_a_way_without_threads_tells_what_stands_open_once_with_its_film(make_post: MakePost) -> None:
    post = make_post(MemoryNotifier())
    fact = clip_fact(kind="left_open")
    post.add(fact)
    assert run(post.alerts) == float("inf")
    run(post.clips)
    (message,) = post.way.messages
    assert (message.key, message.text, message.topic) == (fact.id, "Clip 1.", "left_open")
    assert message.clip


def test_what_stands_open_waits_some_seconds_for_its_film_in_s3_where_it_is_told_by_links_alone(make_post: MakePost) -> None:
    post = make_post(Linking())
    post.uploads_go_well()
    post.add(clip_fact(kind="left_open", seconds=0.0))
    post.clock.advance(19)
    run(post.clips)
    assert post.told() == []
    post.clock.advance(1)
    run(post.clips)
    assert [(message.text, message.clip_link) for message in post.way.messages] == [("Clip 1.", None)]


def test_what_stands_open_does_not_wait_until_a_film_is_made_smaller_but_shows_the_picture(make_post: MakePost) -> None:
    post = make_post(MemoryNotifier())
    post.way.max_clip_bytes = 3
    post.add(clip_fact(kind="left_open"))
    run(post.clips)
    (message,) = post.way.messages
    assert (message.clip, message.picture) == (None, b"a picture")
    assert message.remark == "The film is too large (0 MB), and kept at home."


def test_where_there_is_no_film_to_show_the_picture_comes(make_post: MakePost) -> None:
    post = make_post(MemoryNotifier(), when=("clip",))
    post.add(replace(clip_fact(), host="garage"), here=False)
    post.clock.advance(700)
    run(post.clips)
    (message,) = post.way.messages
    assert (message.clip, message.picture) == (None, b"a picture")
    assert message.remark == f"The film is on the machine garage: events/2026-11-20/{EVENT}/clip.mp4"


def test_an_alert_waits_some_seconds_for_its_picture_in_s3_where_it_takes_links_alone(make_post: MakePost) -> None:
    post = make_post(Linking())
    post.add(FACT)
    assert run(post.alerts) == 0.5
    post.state.mark_event(EVENT, {"s3:snapshot.jpg": "clips/1.jpg"})
    post.clock.advance(0.5)
    run(post.alerts)
    (message,) = post.way.messages
    assert (message.picture, message.picture_link) == (None, "https://s3/clips/1.jpg")


def test_an_alert_whose_picture_does_not_come_to_s3_is_told_without(make_post: MakePost) -> None:
    post = make_post(Linking())
    post.add(FACT)
    lost = Fact("lost", "camera_lost", AT, "Lost.", "front")
    post.add(lost)
    run(post.alerts)
    assert post.told() == ["Lost."]
    post.clock.advance(10)
    run(post.alerts)
    assert [(message.text, message.picture_link) for message in post.way.messages] == [("Lost.", None), ("Motion.", None)]


def test_a_film_that_is_too_large_and_cannot_be_made_smaller_is_spoken_of(make_post: MakePost, monkeypatch: pytest.MonkeyPatch) -> None:
    post = make_post(MemoryNotifier(), when=("clip",))
    post.way.max_clip_bytes = 3
    monkeypatch.setattr(Shrinker, "shrink", lambda *_: False)
    post.add(clip_fact())
    run(post.clips)
    (message,) = post.way.messages
    assert (message.clip, message.remark) == (None, "The film is too large (0 MB), and kept at home.")


def test_a_film_whose_rendition_the_end_of_the_program_has_cut_short_is_left_for_the_next_run(make_post: MakePost) -> None:
    post = make_post(MemoryNotifier(), when=("clip",))
    post.way.max_clip_bytes = 3
    post.add(clip_fact())
    post.films.close()
    assert run(post.clips) == 1
    assert (post.told(), post.acknowledged) == ([], [])


def test_a_rendition_is_deleted_when_it_was_told_and_not_before(make_post: MakePost, monkeypatch: pytest.MonkeyPatch) -> None:
    def shrink(_self: Shrinker, _film: Path, _limit: int, smaller: Path) -> bool:
        smaller.parent.mkdir(exist_ok=True)
        smaller.write_bytes(b"sm")
        return True

    post = make_post(MemoryNotifier(), when=("clip",))
    post.way.max_clip_bytes = 3
    monkeypatch.setattr(Shrinker, "shrink", shrink)
    post.add(clip_fact())
    post.way.fail_next(1)
    run(post.clips)
    (rendition,) = (post.data_dir / "smaller").iterdir()
    assert rendition.read_bytes() == b"sm"
    post.clock.advance(1)
    run(post.clips)
    assert post.way.messages[0].clip == rendition
    assert list((post.data_dir / "smaller").iterdir()) == []


def test_a_way_is_given_only_what_it_is_set_to_tell(make_post: MakePost) -> None:
    post = make_post(Threading(), when=("alert", "presence"))
    kinds: tuple[FactKind, ...] = ("presence_changed", "router_silent", "disk_low", "store_refused", "process_silent", "camera_lost")
    facts = [Fact(kind, kind, AT, f"{kind}.") for kind in kinds]
    assert [fact.kind for fact in facts if post.outbox.tellers(fact)] == ["presence_changed", "router_silent"]
    assert (post.outbox.tellers(FACT), post.outbox.tellers(clip_fact())) == ({"threading"}, set())
    assert post.outbox.tellers(replace(FACT, kind="motion_ended")) == set()


def test_what_is_left_out_by_a_way_itself_is_acknowledged_and_its_film_too(make_post: MakePost) -> None:
    class Choosy(Threading):
        def skips(self, message: Message) -> str | None:
            return "one is enough" if message.topic == "alert" else None

    post = make_post(Choosy())
    post.add(FACT)
    post.add(clip_fact())
    run(post.alerts)
    post.clock.advance(1)
    run(post.clips)
    assert (post.told(), post.acknowledged) == ([], [FACT.id, clip_fact().id])
    assert post.state.delivery_marks(FACT)["threading:skipped"] == "one is enough"


def test_a_way_whose_failed_film_is_left_out_in_the_end_is_in_no_trouble(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {"delivered:threading": "then"})
    post.way.fail_next(1, "no line")
    post.add(clip_fact())
    assert run(post.clips) == 1
    assert "no line" in str(post.outbox.trouble)
    post.state.mark_event(EVENT, {"threading:skipped": "one is enough"})
    post.clock.advance(1)
    run(post.clips)
    assert post.told() == []
    assert not post.outbox.trouble


def test_what_redis_has_wrong_is_left_out_and_logged(make_post: MakePost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    post = make_post(Threading())
    post.add(clip_fact())
    post.state._redis.delete(protocol.event_key(EVENT))
    post.state._redis.set(protocol.event_key(EVENT), "a string")
    run(post.clips)
    assert post.acknowledged == [clip_fact().id]
    assert "not told by threading_clips, since Redis has something wrong" in caplog.text


def test_a_failing_way_says_so_for_both_of_its_queues_once(make_post: MakePost, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Threading):
        def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
            raise DeliveryError("no line")

    post = make_post(Broken())
    post.state.mark_event(EVENT, {"delivered:threading": "then"})
    post.add(clip_fact())
    post.add(Fact("lost", "camera_lost", AT, "Lost.", "front"))
    run(post.alerts)
    run(post.clips)
    assert post.outbox.trouble == "no line"
    assert caplog.text.count("no line; trying again") == 1

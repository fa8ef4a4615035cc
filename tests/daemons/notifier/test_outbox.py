"""What comes with a film: which ways tell it, in which order, and what becomes of it when its alert
was told otherwise.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from app import protocol
from app.daemons.notifier.channel import MOST_FAILURES
from app.errors import DeliveryError
from app.notify import Message, Progress
from app.protocol import Fact, FactKind
from app.state import State
from tests.daemons.notifier.harness import (
    AT,
    EVENT,
    FACT,
    Linking,
    Post,
    Threading,
    clip_fact,
    post_of,
    run,
)

MakePost = Callable[..., Post]


@pytest.fixture
def make_post(state: State, tmp_path: Path) -> MakePost:
    return partial(post_of, state, tmp_path)


def test_a_film_comes_below_its_alert(make_post: MakePost) -> None:
    post = make_post(Threading())
    post.add(FACT)
    run(post.alerts)
    post.add(clip_fact())
    assert run(post.clips) == float("inf")
    film = post.way.messages[1]
    assert (film.topic, film.parent, film.picture) == ("clip", f"place of {EVENT}", None)
    assert film.clip == post.data_dir / "events" / "2026-11-20" / EVENT / "clip.mp4"
    assert post.acknowledged == [FACT.id, clip_fact().id]
    assert "delivered:threading_clips" in post.state.delivery_marks(clip_fact())


def test_a_film_waits_until_its_alert_is_told_and_holds_up_none_of_another_event(
    make_post: MakePost,
) -> None:
    post = make_post(Threading())
    other = protocol.event_id(AT + timedelta(seconds=1), "front")
    post.add(FACT)
    post.add(clip_fact())
    post.state.mark_event(
        other, {"delivered:threading": "then", "threading:posted": "another place"}
    )
    post.add(clip_fact(event=other))
    assert 0 < run(post.clips) <= 0.5
    assert [message.parent for message in post.way.messages] == ["another place"]
    run(post.alerts)
    post.clock.advance(0.5)
    run(post.clips)
    assert [message.parent for message in post.way.messages] == [
        "another place",
        None,
        f"place of {EVENT}",
    ]


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


def test_the_parts_of_a_film_come_in_order_also_when_the_first_is_not_there_yet(
    make_post: MakePost,
) -> None:
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


def test_of_two_films_whose_links_are_there_the_earlier_is_told_first_whichever_is_looked_for_first(
    make_post: MakePost,
) -> None:
    post = make_post(Linking(), when=("clip",))
    post.uploads_go_well()
    events = [protocol.event_id(AT + timedelta(seconds=number), "front") for number in range(3)]
    post.add(replace(clip_fact(event=events[0]), text="First."))
    assert run(post.clips) == 1
    post.clock.advance(0.6)
    post.add(replace(clip_fact(event=events[1]), text="Second."))
    run(post.clips)
    post.clock.advance(0.6)
    run(post.clips)
    post.clock.advance(0.3)
    post.add(replace(clip_fact(event=events[2]), text="Third."))
    for event in events:
        post.state.mark_event(event, {"s3:clip.mp4": f"{event}.mp4"})
    for _ in range(3):
        post.clock.advance(min(run(post.clips), 1))
    assert post.told() == ["First.", "Second.", "Third."]


def test_the_films_of_what_a_digest_shows_come_below_it_with_their_times_and_the_others_are_kept_at_home(
    make_post: MakePost,
) -> None:
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
    assert [message.parent for message in post.way.messages] == [f"place of {digest}"] * 4
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
    assert [message.parent for message in post.way.messages] == ["place of the digest"]


def test_a_way_that_takes_links_alone_is_brought_no_films_after_a_digest(
    make_post: MakePost,
) -> None:
    post = make_post(way := Linking())
    other = replace(FACT, id="other", event=protocol.event_id(AT + timedelta(seconds=5), "front"))
    for fact in (FACT, other, clip_fact()):
        post.add(fact)
    post.clock.advance(121)
    run(post.alerts)
    run(post.clips)
    assert (len(way.digested), post.told(), len(post.acknowledged)) == (1, [], 3)


def test_films_that_come_late_belong_into_no_digest_where_they_have_alerts_to_belong_to(
    make_post: MakePost,
) -> None:
    post = make_post(way := Threading())
    events = [protocol.event_id(AT + timedelta(seconds=number), "front") for number in range(3)]
    for event in events:
        post.state.mark_event(
            event, {"delivered:threading": "then", "threading:posted": f"place of {event}"}
        )
        post.add(clip_fact(event=event))
    post.clock.advance(4000)
    run(post.clips)
    assert [message.parent for message in post.way.messages] == [
        f"place of {event}" for event in events
    ]
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
def test_the_film_of_an_alert_that_was_held_back_or_left_out_is_left_out_too(
    make_post: MakePost, mark: str
) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {mark: "a reason"})
    post.add(clip_fact())
    run(post.clips)
    assert (post.told(), post.acknowledged) == ([], [clip_fact().id])


def test_a_film_whose_event_nobody_is_told_of_at_its_beginning_is_told_by_itself(
    make_post: MakePost,
) -> None:
    post = make_post(Threading())
    post.state.mark_event(EVENT, {"untold": "no alert"})
    post.add(clip_fact())
    run(post.clips)
    assert [message.parent for message in post.way.messages] == [None]


def test_a_film_whose_alert_another_notifier_has_in_hand_waits_for_it_but_not_for_ever(
    make_post: MakePost,
) -> None:
    post = make_post(Threading())
    post.add(clip_fact())
    assert run(post.clips) == 1
    post.state.mark_event(EVENT, {"threading:posting": "then"})
    post.clock.advance(1000)
    assert run(post.clips) == 1
    post.state.mark_event(EVENT, {"threading:posting": ""})
    post.clock.advance(1)
    run(post.clips)
    assert [message.parent for message in post.way.messages] == [None]


def test_a_way_is_given_only_what_it_is_set_to_tell(make_post: MakePost) -> None:
    post = make_post(Threading(), when=("alert", "presence"))
    kinds: tuple[FactKind, ...] = (
        "presence_changed",
        "router_silent",
        "disk_low",
        "store_refused",
        "process_silent",
        "camera_lost",
    )
    facts = [Fact(kind, kind, AT, f"{kind}.") for kind in kinds]
    assert [fact.kind for fact in facts if post.outbox.channels_for(fact)] == [
        "presence_changed",
        "router_silent",
    ]
    assert (post.outbox.channels_for(FACT), post.outbox.channels_for(clip_fact())) == (
        {"threading"},
        set(),
    )
    assert post.outbox.channels_for(replace(FACT, kind="motion_ended")) == set()


def test_what_is_left_out_by_a_way_itself_is_acknowledged_and_its_film_too(
    make_post: MakePost,
) -> None:
    class Choosy(Threading):
        def skip_reason(self, message: Message) -> str | None:
            return "one is enough" if message.topic == "alert" else None

    post = make_post(Choosy())
    post.add(FACT)
    post.add(clip_fact())
    run(post.alerts)
    post.clock.advance(1)
    run(post.clips)
    assert (post.told(), post.acknowledged) == ([], [FACT.id, clip_fact().id])
    assert post.state.delivery_marks(FACT)["threading:skipped"] == "one is enough"


class Picky(Threading):
    """Never takes one film."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[str] = []

    def deliver(self, message: Message, progress: Progress) -> None:
        self.tried.append(message.key)
        if message.key == clip_fact().id:
            raise DeliveryError("413 Payload Too Large")
        super().deliver(message, progress)


def test_a_film_that_is_never_taken_holds_up_the_next_ones_for_a_while_only(
    make_post: MakePost,
) -> None:
    post = make_post(way := Picky())
    events = [
        EVENT,
        *(protocol.event_id(AT + timedelta(seconds=number), "front") for number in (1, 2)),
    ]
    for event in events:
        post.state.mark_event(event, {"delivered:threading": "then"})
        post.add(clip_fact(event=event))
    films = [clip_fact(event=event).id for event in events]
    for _ in range(12):
        post.clock.advance(run(post.clips))
    assert way.tried == [films[0]] * MOST_FAILURES + films[1:] + [films[0]] * 2
    assert (post.acknowledged, post.clips.waiting) == (films[1:], 1)


def test_a_part_of_a_film_that_is_never_taken_does_not_keep_the_others_at_home(
    make_post: MakePost,
) -> None:
    post = make_post(way := Picky())
    post.state.mark_event(EVENT, {"delivered:threading": "then"})
    for part in (1, 2, 3):
        post.add(clip_fact(part))
    for _ in range(MOST_FAILURES):
        assert way.messages == []
        post.clock.advance(run(post.clips))
    run(post.clips)
    assert post.told() == ["Clip 2.", "Clip 3."]


def test_what_waits_while_a_way_is_out_is_told_in_its_order_but_for_the_first(
    make_post: MakePost,
) -> None:
    post = make_post(Threading())
    films = []
    for number in range(4):
        event = protocol.event_id(AT + timedelta(seconds=number), "front")
        post.state.mark_event(event, {"delivered:threading": "then"})
        post.add(clip_fact(event=event))
        films.append(clip_fact(event=event).id)
    post.way.fail_next(MOST_FAILURES + 1, "no line")
    for _ in range(MOST_FAILURES + 1):
        assert post.acknowledged == []
        post.clock.advance(run(post.clips))
    run(post.clips)
    assert post.acknowledged == [films[1], films[0], *films[2:]]


def test_what_says_how_long_it_rests_has_as_many_tries_as_it_takes(make_post: MakePost) -> None:
    class Full(Picky):
        def deliver(self, message: Message, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
            self.tried.append(message.key)
            raise DeliveryError("wait", 7)

    post = make_post(way := Full())
    for event in (EVENT, protocol.event_id(AT + timedelta(seconds=1), "front")):
        post.state.mark_event(event, {"delivered:threading": "then"})
        post.add(clip_fact(event=event))
    for _ in range(MOST_FAILURES + 1):
        post.clock.advance(run(post.clips))
    assert way.tried == [clip_fact().id] * (MOST_FAILURES + 1)


def test_a_way_whose_failed_film_is_left_out_in_the_end_is_in_no_trouble(
    make_post: MakePost,
) -> None:
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


def test_what_redis_has_wrong_is_left_out_and_logged(
    make_post: MakePost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    post = make_post(Threading())
    post.add(clip_fact())
    post.state._redis.delete(protocol.event_key(EVENT))
    post.state._redis.set(protocol.event_key(EVENT), "a string")
    run(post.clips)
    assert post.acknowledged == [clip_fact().id]
    assert "not delivered by threading_clips, since a record in Redis is wrong" in caplog.text


def test_a_failing_way_says_so_for_both_of_its_queues_once(
    make_post: MakePost, caplog: pytest.LogCaptureFixture
) -> None:
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

"""The message of a fact: its text, picture and clip, and when it is complete enough to go."""

from dataclasses import replace
from pathlib import Path

import pytest

from app import protocol
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.notify import MemoryNotifier, Message
from app.protocol import EventRecord
from tests.daemons.notifier.conftest import MakeOutbox
from tests.daemons.notifier.outbox_harness import (
    AT,
    DELIVERED,
    EVENT,
    FACT,
    LOST,
    LinkNotifier,
    OutboxHarness,
    ThreadNotifier,
    alert_fact,
    clip_fact,
    event_after,
    run,
)


@pytest.fixture
def small_clips(make_outbox: MakeOutbox) -> OutboxHarness:
    """An outbox with a notifier that takes clips of three bytes at most."""
    notifier = MemoryNotifier()
    notifier.max_clip_bytes = 3
    return make_outbox(notifier)


def test_an_alert_has_its_picture_its_score_and_its_event(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MemoryNotifier())
    outbox.add(FACT, LOST)
    run(outbox.alerts)
    assert outbox.messages == [
        Message(EVENT, AT, "Motion.", "front", b"a picture", EVENT, 0.5),
        Message("lost", AT, "Lost.", "front", topic="camera"),
    ]


def test_a_clip_comes_below_its_alert(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.add(FACT)
    run(outbox.alerts)
    outbox.add(clip_fact())
    assert run(outbox.clips) == float("inf")
    clip = outbox.messages[1]
    assert (clip.topic, clip.parent, clip.picture) == ("clip", f"place of {EVENT}", None)
    assert clip.clip == outbox.data_dir / "events" / "2026-11-20" / EVENT / "clip.mp4"
    assert outbox.acknowledged == [FACT.id, clip_fact().id]
    assert "delivered:threading_clips" in outbox.state.delivery_marks(clip_fact())


def test_clips_of_a_digest_come_below_it_with_their_times(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    events = [event_after(number) for number in range(12)]
    for number, event in enumerate(events):
        outbox.add(alert_fact(number), clip_fact(event=event))
    outbox.clock.advance(140)
    run(outbox.alerts)
    outbox.clock.advance(1)
    run(outbox.clips)
    digest = outbox.state.event_fields(events[0])["threading:digest"]
    assert outbox.parents() == [None, *[f"place of {digest}"] * 10, f"place of {events[-1]}"]
    moments = [protocol.event_started_at(event).astimezone() for event in events[1:-1]]
    assert outbox.texts() == [
        "Motion 11.",
        *(f"Clip 1. ({moment:%Y-%m-%d %H:%M:%S})" for moment in moments),
        "Clip 1.",
    ]
    assert len(outbox.acknowledged) == 24
    skipped = outbox.state.delivery_marks(clip_fact(event=events[0]))
    assert "threading_clips:skipped" in skipped


def test_a_clip_waits_for_the_digest_of_another_notifier(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.state.mark_event(EVENT, {"threading:shown": "yes", "threading:digest": "the-digest"})
    outbox.add(clip_fact())
    outbox.clock.advance(1000)
    assert run(outbox.clips) == 1
    outbox.state.mark_delivery("the-digest", {"threading:posted": "place of the digest"})
    outbox.state.mark_event(EVENT, DELIVERED)
    outbox.clock.advance(1)
    run(outbox.clips)
    assert outbox.parents() == ["place of the digest"]


def test_after_a_digest_without_pictures_come_no_clips(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := LinkNotifier())
    outbox.add(FACT, alert_fact(5), alert_fact(6), clip_fact())
    outbox.clock.advance(130)
    run(outbox.alerts)
    run(outbox.clips)
    assert (len(notifier.digested), outbox.texts()) == (1, ["Motion 6."])
    assert len(outbox.acknowledged) == 4


def test_a_clip_of_an_alert_tagged_long_ago_is_skipped(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(notifier := ThreadNotifier())
    tagged = {"label": "occupied", "label_at": AT.isoformat()}
    for removes in (False, True):
        notifier.removes_tagged = removes
        fact = alert_fact(int(removes))
        outbox.state.publish(fact, EventRecord("front", fact.at))
        outbox.state.mark_event(event_after(removes), tagged)
        outbox.clock.advance(59)
        outbox.add_clip_of_delivered(event_after(removes))
        run(outbox.clips)
    assert outbox.texts() == ["Clip 1."]
    assert len(outbox.acknowledged) == 2


@pytest.mark.parametrize("mark", ["held", "threading:skipped"])
def test_the_clip_of_a_held_or_skipped_alert_is_skipped(make_outbox: MakeOutbox, mark: str) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.state.mark_event(EVENT, {mark: "a reason"})
    outbox.add(clip_fact())
    run(outbox.clips)
    assert (outbox.texts(), outbox.acknowledged) == ([], [clip_fact().id])


@pytest.mark.parametrize("decision", ["held", "silenced"])
def test_the_clip_of_an_event_held_back_is_skipped(make_outbox: MakeOutbox, decision: str) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.state.mark_event(EVENT, {"decision": decision})
    outbox.add(clip_fact())
    run(outbox.clips)
    assert (outbox.texts(), outbox.acknowledged) == ([], [clip_fact().id])


def test_a_clip_comes_below_the_confirmation_of_its_event(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.state.publish(FACT, EventRecord("front", AT, decision="waiting"), b"a picture")
    outbox.add(clip_fact())
    assert run(outbox.clips) == 1
    confirmed = replace(FACT, id=f"{EVENT}-motion_confirmed", kind="motion_confirmed")
    record = EventRecord("front", AT, score=0.8, person=True, seen="person", decision="sent")
    outbox.state.publish(confirmed, record, b"a better picture")
    outbox.add(confirmed)
    run(outbox.alerts)
    outbox.clock.advance(1)
    run(outbox.clips)
    alert, clip = outbox.messages
    assert (alert.key, alert.event, alert.score) == (EVENT, EVENT, None)
    assert clip.parent == f"place of {EVENT}"
    assert outbox.acknowledged == [confirmed.id, clip_fact().id]


def test_an_alert_after_a_correction_is_one_of_its_own(make_outbox: MakeOutbox) -> None:
    """Its event was delivered already; the tag belongs to that message."""
    outbox = make_outbox(ThreadNotifier())
    outbox.add(FACT)
    run(outbox.alerts)
    outbox.state.mark_event(EVENT, {"correction": f"{AT.isoformat()} That was a cat."})
    again = replace(FACT, id=f"{EVENT}-motion_reconfirmed", kind="motion_reconfirmed")
    outbox.add(again, clip_fact())
    run(outbox.alerts)
    run(outbox.clips)
    _, person, clip = outbox.messages
    assert (person.key, person.event, person.topic) == (again.id, None, "alert")
    assert (person.picture, person.correction) == (b"a picture", None)
    assert clip.parent == f"place of {EVENT}"


def test_the_clip_of_an_event_without_an_alert_is_single(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.state.mark_event(EVENT, {"untold": "no alert"})
    outbox.add(clip_fact())
    run(outbox.clips)
    assert outbox.parents() == [None]


def test_a_clip_waits_for_another_notifiers_alert_a_while(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.add(clip_fact())
    assert run(outbox.clips) == 1
    outbox.state.mark_event(EVENT, {"threading:posting": AT.isoformat()})
    outbox.clock.advance(1000)
    assert run(outbox.clips) == 1
    outbox.state.mark_event(EVENT, {"threading:posting": ""})
    outbox.clock.advance(1)
    run(outbox.clips)
    assert outbox.parents() == [None]


def test_a_wrong_record_in_redis_counts_as_missing(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    outbox.add(clip_fact())
    outbox.state._redis.delete(protocol.event_key(EVENT))
    outbox.state._redis.set(protocol.event_key(EVENT), "a string")
    assert run(outbox.clips) == 1
    outbox.clock.advance(1000)
    run(outbox.clips)
    assert (outbox.parents(), outbox.acknowledged) == ([None], [clip_fact().id])


def test_left_open_goes_ahead_of_its_clip_in_a_thread(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(ThreadNotifier())
    fact = clip_fact(kind="left_open")
    outbox.add(fact)
    assert run(outbox.clips) == float("inf")
    assert outbox.texts() == []
    run(outbox.alerts)
    text = outbox.messages[0]
    assert (text.topic, text.picture, text.clip) == ("left_open", b"a picture", None)
    outbox.clock.advance(1)
    run(outbox.clips)
    clip = outbox.messages[1]
    expected = (f"{fact.id}-film", "The clip so far.", f"place of {fact.id}")
    assert (clip.key, clip.text, clip.parent) == expected
    assert outbox.acknowledged == [fact.id]


def test_left_open_comes_with_its_clip_without_threads(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MemoryNotifier())
    fact = clip_fact(kind="left_open")
    outbox.add(fact)
    assert run(outbox.alerts) == float("inf")
    run(outbox.clips)
    (message,) = outbox.messages
    assert (message.key, message.text, message.topic) == (fact.id, "Clip 1.", "left_open")
    assert message.clip


def test_left_open_waits_20_s_for_a_link_to_its_clip(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LinkNotifier())
    outbox.let_uploads_succeed()
    outbox.add(clip_fact(kind="left_open", seconds=0.0))
    outbox.clock.advance(19)
    run(outbox.clips)
    assert outbox.texts() == []
    outbox.clock.advance(1)
    run(outbox.clips)
    (message,) = outbox.messages
    assert (message.text, message.clip_link) == ("Clip 1.", None)


def test_left_open_does_not_wait_for_a_smaller_clip(small_clips: OutboxHarness) -> None:
    small_clips.add(clip_fact(kind="left_open"))
    run(small_clips.clips)
    (message,) = small_clips.messages
    assert (message.clip, message.picture) == (None, b"a picture")
    assert message.remark == "The clip is too large (0 MB), and stored at home."


def test_the_picture_stands_in_for_a_missing_clip(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(MemoryNotifier(), when=("clip",))
    outbox.add(replace(clip_fact(), host="garage"), clip_here=False)
    outbox.clock.advance(700)
    run(outbox.clips)
    (message,) = outbox.messages
    assert (message.clip, message.picture) == (None, b"a picture")
    place = f"events/2026-11-20/{EVENT}/clip.mp4"
    assert message.remark == f"The clip is on the machine garage: {place}"


def test_an_alert_waits_a_while_for_a_link_to_its_picture(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LinkNotifier())
    outbox.add(FACT)
    assert run(outbox.alerts) == 0.5
    outbox.state.mark_event(EVENT, {"s3:snapshot.jpg": "clips/1.jpg"})
    outbox.clock.advance(0.5)
    run(outbox.alerts)
    (message,) = outbox.messages
    assert (message.picture, message.picture_link) == (None, "https://s3/clips/1.jpg")


def test_after_that_the_alert_comes_without_its_picture(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(LinkNotifier())
    outbox.add(FACT, LOST)
    run(outbox.alerts)
    assert outbox.texts() == ["Lost."]
    outbox.clock.advance(10)
    run(outbox.alerts)
    assert outbox.texts() == ["Lost.", "Motion."]
    assert [message.picture_link for message in outbox.messages] == [None, None]


def test_a_clip_that_stays_too_large_has_a_remark(
    small_clips: OutboxHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClipShrinker, "shrink", lambda *_: False)
    small_clips.state.mark_event(EVENT, {"delivered:memory": "then"})
    small_clips.add(clip_fact())
    run(small_clips.clips)
    (message,) = small_clips.messages
    assert message.clip is None
    assert message.remark == "The clip is too large (0 MB), and stored at home."


def test_when_the_program_ends_the_clip_stays_for_the_next(small_clips: OutboxHarness) -> None:
    small_clips.state.mark_event(EVENT, {"delivered:memory": "then"})
    small_clips.add(clip_fact())
    small_clips.clip_files.close()
    assert run(small_clips.clips) == 1
    assert (small_clips.texts(), small_clips.acknowledged) == ([], [])


def test_a_rendition_is_deleted_after_its_delivery(
    small_clips: OutboxHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrink(_self: ClipShrinker, _clip: Path, _limit: int, rendition: Path) -> bool:
        rendition.parent.mkdir(exist_ok=True)
        rendition.write_bytes(b"sm")
        return True

    monkeypatch.setattr(ClipShrinker, "shrink", shrink)
    notifier = small_clips.outbox.notifiers[0]
    assert isinstance(notifier, MemoryNotifier)
    notifier.fail_next(1)
    small_clips.state.mark_event(EVENT, {"delivered:memory": "then"})
    small_clips.add(clip_fact())
    run(small_clips.clips)
    (rendition,) = (small_clips.data_dir / "smaller").iterdir()
    assert rendition.read_bytes() == b"sm"
    small_clips.clock.advance(1)
    run(small_clips.clips)
    assert small_clips.messages[0].clip == rendition
    assert list((small_clips.data_dir / "smaller").iterdir()) == []

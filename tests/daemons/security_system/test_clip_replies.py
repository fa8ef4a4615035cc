"""Each request for a clip gets one reply, whatever happens to the program."""

from datetime import UTC, datetime, timedelta

from app import protocol
from app.daemons.security_system.clip_replies import NOTE, ClipReplies
from app.protocol import ClipAsked
from app.state import State
from tests.daemons.security_system.publishing import Runs
from tests.waiting import until

ASKED_AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"


def reply(state: State, asked_at: datetime = ASKED_AT) -> ClipAsked:
    """Wait for the reply to the request of *asked_at*."""

    def found() -> ClipAsked | None:
        shown = state.get("camera:front:clip", ClipAsked)
        return shown if shown and shown.asked_at == asked_at else None

    return until(found, "the reply")


def test_a_clip_is_given_with_its_place(runs: Runs, state: State) -> None:
    replies = ClipReplies("front", runs.start())
    replies.expect(ASKED_AT)
    until(runs.note(NOTE).exists, "the request is noted")
    replies.give(ASKED_AT, EVENT, "clip.mp4")
    assert reply(state) == ClipAsked(ASKED_AT, EVENT, "clip.mp4", host=protocol.host_name())
    until(lambda: not runs.note(NOTE).exists(), "nothing is noted any more")


def test_the_next_run_replies_to_what_was_left(runs: Runs, state: State) -> None:
    first = ClipReplies("front", runs.start())
    later = ASKED_AT + timedelta(minutes=1)
    for asked_at in (ASKED_AT, later):
        first.expect(asked_at)
    second = ClipReplies("front", runs.start())
    left = second.resume()
    second.give(ASKED_AT, EVENT, "clip.mp4")
    reply(state)
    second.excuse(left)
    assert "was started again, so this clip was not made" in (reply(state, later).why or "")
    until(lambda: not runs.note(NOTE).exists(), "nothing is noted any more")


def test_a_damaged_note_stops_no_reply(runs: Runs, state: State) -> None:
    publisher = runs.start()
    publisher.notes.keep(NOTE, f"nonsense {ASKED_AT.isoformat()}")
    until(lambda: publisher.notes.read(NOTE), "the note is written")
    replies = ClipReplies("front", publisher)
    replies.excuse(replies.resume())
    assert reply(state).why

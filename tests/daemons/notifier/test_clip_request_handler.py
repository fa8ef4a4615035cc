"""Clips that somebody asked for, with a real Redis, real files and a Slack on loopback."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.clip_files import ClipFiles
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.daemons.notifier.request_handler import RequestHandler
from app.notify import SlackSettings
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.replies import SlackReplies
from app.protocol import ClipAsked, ReplyTo, Request
from app.state import State
from tests.cameras.pictures import write_video
from tests.daemons.notifier.replies_harness import Handled
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.tricks import Trick, answer_lost, broken, reset, too_many

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
CAPTION = f"front, the clip asked for at {AT.astimezone():%H:%M:%S}"


@dataclass
class ClipReplies(Handled):
    """A handler that finds clips in *data_dir*."""

    data_dir: Path

    def ask(self, channel: str = ALERTS, camera: str | None = None) -> Request:
        reply_to = ReplyTo(self.slack.new_response_url(), channel)
        request = Request("clip", self.clock.now(), "anna", camera, OWNER, reply_to=reply_to)
        self.state.add_request(request)
        return request

    def bring(self, camera: str = "front", **more: object) -> Path:
        """Let the camera have a clip ready, as it does."""
        path = self.data_dir / "events" / "2026-11-20" / EVENT / "clip.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, 10)
        asked = replace(
            ClipAsked(self.clock.now(), EVENT, "clip.mp4", host=protocol.host_name()),
            **more,  # type: ignore[arg-type]
        )
        self.state.put(protocol.camera_key(camera, "clip"), asked)
        return path

    def run(self) -> None:
        """Let both threads do what is due."""
        self.step()
        assert self.handler.clip_handler
        self.handler.clip_handler.step()

    def run_until_done(self) -> None:
        for _ in range(60):
            self.run()
            if self.done():
                return
            self.clock.advance(1)
        raise AssertionError("it was not answered")


@pytest.fixture
def replies(state: State, slack: SlackServer, tmp_path: Path) -> ClipReplies:
    return ClipReplies(
        handler_of(state, slack, clock := FakeClock(AT), tmp_path), state, slack, clock, tmp_path
    )


def handler_of(
    state: State,
    slack: SlackServer,
    clock: FakeClock,
    data_dir: Path,
    upload_every_s: float = 300.0,
) -> RequestHandler:
    notifier = SlackNotifier(SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS), clock)
    clips = ClipFiles(
        state,
        clock,
        data_dir,
        lambda key: f"https://s3/{key}",
        ClipShrinker(),
        upload_every_s=upload_every_s,
    )
    return RequestHandler(state, clock, SlackReplies(notifier), clips, camera="front", clip_s=10.0)


def test_a_new_clip_is_shown_where_it_was_asked_for(replies: ClipReplies) -> None:
    replies.slack.channels["C0KITCHEN1"] = type(replies.slack.channels[ALERTS])("kitchen")
    replies.bring()
    replies.clock.advance(1)
    replies.ask("C0KITCHEN1")
    replies.run()
    assert replies.slack.messages == []
    replies.clock.advance(12)
    clip = replies.bring(asked_at=replies.clock.now() - timedelta(seconds=12))
    replies.run_until_done()
    (message,) = replies.slack.seen("C0KITCHEN1")
    assert (
        message.text
        == f"front, the clip asked for at {AT.astimezone() + timedelta(seconds=1):%H:%M:%S}"
    )
    assert replies.slack.clips() == [clip.read_bytes()]
    asked_at = AT.astimezone() + timedelta(seconds=1)
    assert [file.name for file in replies.slack.files.values()] == [
        f"front {asked_at:%Y-%m-%d %H.%M.%S}.mp4"
    ]


def test_a_camera_without_a_clip_says_why(replies: ClipReplies) -> None:
    request = replies.ask()
    replies.bring(event=None, file=None, host=None, why="Camera front is off.")
    replies.run_until_done()
    assert replies.replied(request) == ["Camera front is off."]


def test_a_silent_camera_is_reported_after_a_while(replies: ClipReplies) -> None:
    request = replies.ask(camera="yard")
    replies.run()
    replies.clock.advance(29)
    replies.run()
    assert not replies.done()
    replies.clock.advance(1)
    replies.run()
    assert replies.replied(request) == ["Camera yard sends no clip at the moment."]
    assert replies.done()


def test_a_clip_of_another_machine_is_a_link_when_s3_has_it(replies: ClipReplies) -> None:
    replies.ask()
    clip = replies.bring(host="garage")
    clip.unlink()
    replies.run()
    assert replies.slack.messages == []
    replies.state.mark_event(EVENT, {"s3:clip.mp4": "clips/1.mp4"})
    replies.run_until_done()
    assert replies.slack.seen()[0].words.startswith(f"{CAPTION}\n<https://s3/clips/1.mp4|")


def test_a_clip_that_does_not_come_to_s3_gets_a_sentence(replies: ClipReplies) -> None:
    replies.ask()
    replies.bring(host="garage").unlink()
    replies.clock.advance(601)
    replies.run_until_done()
    assert "The clip is on the machine garage: events/2026-11-20/" in replies.slack.seen()[0].words


@pytest.mark.parametrize(
    ("method", "trick"),
    [
        ("files.getUploadURLExternal", too_many(3)),
        ("upload", broken(503)),
        ("files.completeUploadExternal", reset()),
        ("files.completeUploadExternal", answer_lost()),
        ("files.info", broken(503)),
    ],
)
def test_a_clip_is_shown_once_after_a_failure_and_a_kill(
    replies: ClipReplies, method: str, trick: Trick
) -> None:
    replies.slack.trick(method, trick)
    replies.ask()
    clip = replies.bring()
    replies.run()
    assert not replies.done()
    replies.handler = handler_of(replies.state, replies.slack, replies.clock, replies.data_dir)
    replies.run_until_done()
    assert replies.slack.clips() == [clip.read_bytes()]
    assert len(replies.slack.messages) == 1


def test_without_the_app_only_the_person_gets_a_reply(replies: ClipReplies) -> None:
    request = replies.ask("D0DIRECT01")
    replies.bring()
    replies.run_until_done()
    assert replies.replied(request) == [
        f"{CAPTION}. But it cannot be shown here: /invite the app, or ask in its own channel."
    ]


def test_a_clip_delays_no_other_reply(replies: ClipReplies) -> None:
    replies.ask()
    request = Request(
        "say",
        replies.clock.now(),
        "anna",
        user=OWNER,
        reply_to=ReplyTo(replies.slack.new_response_url(), ALERTS),
        text="Hello",
    )
    replies.state.add_request(request)
    replies.step()
    assert replies.replied(request) == ["Hello"]
    assert replies.handler.waiting == 1


def test_a_link_is_waited_for_twice_as_long_as_uploads_take(
    replies: ClipReplies,
) -> None:
    replies.handler = handler_of(
        replies.state, replies.slack, replies.clock, replies.data_dir, upload_every_s=3600.0
    )
    replies.ask()
    replies.bring(host="garage").unlink()
    replies.run()
    replies.clock.advance(3600)
    replies.run()
    replies.state.mark_event(EVENT, {"s3:clip.mp4": "clips/1.mp4"})
    replies.run_until_done()
    assert "<https://s3/clips/1.mp4|" in replies.slack.seen()[0].words


def test_a_request_for_a_clip_is_dropped_after_half_an_hour(replies: ClipReplies) -> None:
    request = replies.ask()
    replies.bring()
    replies.clock.advance(1801)
    replies.run()
    assert replies.done()
    assert (replies.replied(request), replies.slack.messages) == ([], [])

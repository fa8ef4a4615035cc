"""Clips that somebody asked for, with a real Redis, real files and a Slack on loopback."""

from collections.abc import Iterator
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
from app.notify.slack.answers import SlackAnswers
from app.notify.slack.notifier import SlackNotifier
from app.protocol import ClipAsked, ReplyTo, Request
from app.state import State
from tests.cameras import scenery
from tests.servers.slack import (
    ALERTS,
    BOT_TOKEN,
    OWNER,
    SlackServer,
    Trick,
    answer_lost,
    broken,
    reset,
    too_many,
)

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
SAID = f"front, the clip asked for at {AT.astimezone():%H:%M:%S}"


@dataclass
class Desk:
    """Who answers, on a fake clock, with the Redis, the Slack and the disk it has."""

    answers: RequestHandler
    state: State
    slack: SlackServer
    clock: FakeClock
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
        scenery.film(path, 10)
        asked = replace(
            ClipAsked(self.clock.now(), EVENT, "clip.mp4", host=protocol.host_name()),
            **more,  # type: ignore[arg-type]
        )
        self.state.put(protocol.camera_key(camera, "clip"), asked)
        return path

    def run(self) -> None:
        """Let both threads do what is due."""
        self.answers.step()
        assert self.answers.clip_handler
        self.answers.clip_handler.step()

    def run_until_done(self) -> None:
        for _ in range(60):
            self.run()
            if self.done():
                return
            self.clock.advance(1)
        raise AssertionError("it was not answered")

    def done(self) -> bool:
        return (
            self.answers.waiting == 0
            and self.state.requests("notifier", protocol.host_name()).unfinished() == []
        )

    def said(self, request: Request) -> list[str]:
        """What was said to who asked, and to nobody else."""
        assert request.reply_to
        return [
            answer["text"] for answer in self.slack.responses[request.reply_to.response_url or ""]
        ]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def desk(state: State, slack: SlackServer, tmp_path: Path) -> Desk:
    return Desk(
        answers_of(state, slack, clock := FakeClock(AT), tmp_path), state, slack, clock, tmp_path
    )


def answers_of(
    state: State,
    slack: SlackServer,
    clock: FakeClock,
    data_dir: Path,
    upload_every_s: float = 300.0,
) -> RequestHandler:
    notifier = SlackNotifier(SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS), clock)
    films = ClipFiles(
        state,
        clock,
        data_dir,
        lambda key: f"https://s3/{key}",
        ClipShrinker(),
        upload_every_s=upload_every_s,
    )
    return RequestHandler(state, clock, SlackAnswers(notifier), films, camera="front", clip_s=10.0)


def test_a_clip_is_waited_for_and_brought_where_it_was_asked_for(desk: Desk) -> None:
    desk.slack.channels["C0KITCHEN1"] = type(desk.slack.channels[ALERTS])("kitchen")
    desk.bring()
    desk.clock.advance(1)
    desk.ask("C0KITCHEN1")
    desk.run()
    assert desk.slack.messages == []
    desk.clock.advance(12)
    film = desk.bring(asked_at=desk.clock.now() - timedelta(seconds=12))
    desk.run_until_done()
    (message,) = desk.slack.seen("C0KITCHEN1")
    assert (
        message.text
        == f"front, the clip asked for at {AT.astimezone() + timedelta(seconds=1):%H:%M:%S}"
    )
    assert desk.slack.films() == [film.read_bytes()]
    asked_at = AT.astimezone() + timedelta(seconds=1)
    assert [file.name for file in desk.slack.files.values()] == [
        f"front {asked_at:%Y-%m-%d %H.%M.%S}.mp4"
    ]


def test_of_a_camera_that_can_bring_none_it_is_said_why(desk: Desk) -> None:
    request = desk.ask()
    desk.bring(event=None, file=None, host=None, why="Camera front is off.")
    desk.run_until_done()
    assert desk.said(request) == ["Camera front is off."]


def test_of_a_camera_that_is_silent_it_is_said_so_in_the_end(desk: Desk) -> None:
    request = desk.ask(camera="yard")
    desk.run()
    desk.clock.advance(29)
    desk.run()
    assert not desk.done()
    desk.clock.advance(1)
    desk.run()
    assert desk.said(request) == ["Camera yard brings no clip just now."]
    assert desk.done()


def test_a_clip_of_another_machine_is_a_link_as_soon_as_s3_has_it(desk: Desk) -> None:
    desk.ask()
    film = desk.bring(host="garage")
    film.unlink()
    desk.run()
    assert desk.slack.messages == []
    desk.state.mark_event(EVENT, {"s3:clip.mp4": "clips/1.mp4"})
    desk.run_until_done()
    assert (
        desk.slack.seen()[0].words
        == f"{SAID}\n<https://s3/clips/1.mp4|Watch the clip> (for an hour)"
    )


def test_a_clip_of_another_machine_that_does_not_come_to_s3_is_spoken_of(desk: Desk) -> None:
    desk.ask()
    desk.bring(host="garage").unlink()
    desk.clock.advance(601)
    desk.run_until_done()
    assert "The clip is on the machine garage: events/2026-11-20/" in desk.slack.seen()[0].words


@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal", "files.info"]
)
@pytest.mark.parametrize("trick", [too_many(3), broken(503), reset(), answer_lost()], ids=str)
def test_a_clip_is_brought_once_whatever_goes_wrong_and_whoever_is_killed(
    desk: Desk, method: str, trick: Trick
) -> None:
    desk.slack.trick(method, trick)
    desk.ask()
    film = desk.bring()
    desk.run()
    assert not desk.done()
    desk.answers = answers_of(desk.state, desk.slack, desk.clock, desk.data_dir)
    desk.run_until_done()
    assert desk.slack.films() == [film.read_bytes()]
    assert len(desk.slack.messages) == 1


def test_in_a_channel_where_the_app_is_not_who_asked_is_told_so(desk: Desk) -> None:
    request = desk.ask("D0DIRECT01")
    desk.bring()
    desk.run_until_done()
    assert desk.said(request) == [
        f"{SAID}. But it cannot be shown here: /invite the app, or ask in its own channel."
    ]


def test_a_clip_that_is_brought_delays_no_other_answer(desk: Desk) -> None:
    desk.ask()
    said = Request(
        "say",
        desk.clock.now(),
        "anna",
        user=OWNER,
        reply_to=ReplyTo(desk.slack.new_response_url(), ALERTS),
        text="Hello",
    )
    desk.state.add_request(said)
    desk.answers.step()
    assert desk.said(said) == ["Hello"]
    assert desk.answers.waiting == 1


def test_where_uploads_go_out_once_an_hour_a_clip_of_another_machine_is_waited_for_as_long(
    desk: Desk,
) -> None:
    desk.answers = answers_of(
        desk.state, desk.slack, desk.clock, desk.data_dir, upload_every_s=3600.0
    )
    desk.ask()
    desk.bring(host="garage").unlink()
    desk.run()
    desk.clock.advance(3600)
    desk.run()
    desk.state.mark_event(EVENT, {"s3:clip.mp4": "clips/1.mp4"})
    desk.run_until_done()
    assert "<https://s3/clips/1.mp4|Watch the clip>" in desk.slack.seen()[0].words


def test_a_clip_asked_for_half_an_hour_ago_is_not_brought_any_more(desk: Desk) -> None:
    request = desk.ask()
    desk.bring()
    desk.clock.advance(1801)
    desk.run()
    assert desk.done()
    assert (desk.said(request), desk.slack.messages) == ([], [])

"""The handler of requests on a fake clock, with a real Redis and a Slack on loopback."""

import dataclasses
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.clip_files import ClipFiles
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.daemons.notifier.progress import DeliveryProgress
from app.daemons.notifier.request_handler import RequestHandler
from app.notify import Message, SlackSettings
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.replies import SlackReplies
from app.protocol import EventRecord, Fact, Label, ReplyTo, Request
from app.state import State
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
FACT = Fact(
    f"{EVENT}-motion_started",
    "motion_started",
    AT,
    "Motion in front of camera front.",
    "front",
    EVENT,
)


@dataclass
class Handled:
    """A handler on a fake clock, with its Redis and its Slack."""

    handler: RequestHandler
    state: State
    slack: SlackServer
    clock: FakeClock

    def step(self) -> float:
        """Let the handler do a step with all requests that are not acknowledged."""
        reader = self.state.requests("notifier", protocol.host_name())
        for entry, request in [*reader.new(0), *reader.all_unfinished()]:
            self.handler.enqueue(entry, request)
        return self.handler.step()

    def done(self) -> bool:
        return (
            self.handler.waiting == 0
            and self.state.requests("notifier", protocol.host_name()).unfinished() == []
        )

    def replied(self, request: Request) -> list[str]:
        """The replies that only the person saw who asked."""
        assert request.reply_to
        assert request.reply_to.response_url
        return [answer["text"] for answer in self.slack.responses[request.reply_to.response_url]]


@dataclass
class Replies(Handled):
    """A handler that replies by *notifier*."""

    notifier: SlackNotifier

    def ask(self, kind: protocol.RequestKind = "last_image", **more: object) -> Request:
        """Ask for something now, as the owner does with a command; returns it."""
        reply_to = ReplyTo(self.slack.new_response_url(), ALERTS)
        request = dataclasses.replace(
            Request(kind, self.clock.now(), "anna", user=OWNER, reply_to=reply_to),
            **more,  # type: ignore[arg-type]
        )
        self.state.add_request(request)
        return request

    def tag(
        self, label: Label | None, by: str = "anna", user: str = OWNER, event: str = EVENT
    ) -> Request:
        """Tag the event, as a click does."""
        at = self.clock.now()
        request = Request(
            "tag",
            at,
            by,
            user=user,
            event=event,
            label=label,
            reply_to=ReplyTo(self.slack.new_response_url(), ALERTS),
        )
        self.state.tag(request)
        return request

    def post_alert(self) -> Posted:
        """Post the alert of the event as the notifier does."""
        self.state.publish(FACT, EventRecord("front", AT, score=0.93), b"a picture")
        progress = DeliveryProgress(self.state, "slack", FACT)
        progress.load()
        self.notifier.deliver(
            Message(EVENT, AT, FACT.text, "front", b"a picture", EVENT, 0.93), progress
        )
        return self.message()

    def post_clip(self, part: int = 1) -> str:
        """Post a clip of the event as the notifier does; returns its file in Slack."""
        file = "clip.mp4" if part == 1 else f"clip-{part}.mp4"
        fact_id = protocol.event_fact_id(EVENT, "clip_ready", file)
        progress = DeliveryProgress(self.state, "slack_clips", fact_id)
        parent = self.state.event_fields(EVENT)["slack:posted"]
        with tempfile.NamedTemporaryFile(suffix=".mp4") as clip:
            clip.write(b"a clip")
            clip.flush()
            message = Message(
                fact_id, AT, "Clip.", "front", topic="clip", clip=Path(clip.name), parent=parent
            )
            self.notifier.deliver(message, progress)
        return next(reversed(self.slack.files))

    def restart(self) -> None:
        """Continue with a handler that remembers nothing."""
        self.handler = handler_of(self.state, self.clock, SlackReplies(self.notifier))

    def let_pass(self, seconds: float) -> None:
        """Let the handler do what is due *seconds* later."""
        self.clock.advance(seconds)
        self.run()

    def message(self) -> Posted:
        return self.slack.seen()[0]

    def run(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.step()


def handler_of(state: State, clock: FakeClock, slack: SlackReplies | None) -> RequestHandler:
    clips = ClipFiles(state, clock, Path("/nowhere"), None, ClipShrinker(), upload_every_s=300.0)
    return RequestHandler(state, clock, slack, clips, camera="front", clip_s=10.0)


def replies_of(state: State, slack: SlackServer, *, delete: bool = True) -> Replies:
    clock = FakeClock(AT)
    notifier = SlackNotifier(
        SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS, delete), clock
    )
    return Replies(handler_of(state, clock, SlackReplies(notifier)), state, slack, clock, notifier)

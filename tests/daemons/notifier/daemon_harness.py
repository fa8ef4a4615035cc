"""A notifier with a real Redis, stepped in the test's process or started as a program."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis

from app import protocol
from app.clock import Clock, SystemClock
from app.daemons.notifier.daemon import NotifierDaemon
from app.protocol import EventRecord, Fact, FactKind
from app.state import State
from tests.cameras.pictures import write_video
from tests.servers.json_hook import JsonHook
from tests.servers.media import MediaServer
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.twilio import ACCOUNT, FROM, TOKEN, TwilioServer
from tests.servers.twilio import OWNER as PHONE
from tests.waiting import until

SHORT_WAIT_S = 0.02


class DaemonHarness:
    """A notifier, its Redis, and the folder *alerts* that it writes to unless configured otherwise.

    A test steps *daemon*, which has its threads in the test's process, or starts *program*.
    """

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.state = State(server.url)
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.data_dir = folder / "data"
        self.alerts = self.data_dir / "alerts"
        self.config = write_config(folder, server.url)
        self.program = Program("app.daemons.notifier", self.config)
        #: The clock of the daemon in this process.
        self.clock: Clock = SystemClock()
        self._daemon: NotifierDaemon | None = None
        self._number = 0

    def write_config(self, more: str) -> None:
        write_config(self.config.parent, self.server.url, more)

    @property
    def daemon(self) -> NotifierDaemon:
        """The notifier in this process, made when it is first needed."""
        self._daemon = self._daemon or NotifierDaemon(self.config, clock=self.clock)
        return self._daemon

    def step_until(
        self, condition: Callable[[], object], what: str, within_s: float = 20.0
    ) -> None:
        """Step the daemon until *condition*; fails when *what* does not happen *within_s*."""

        def step() -> object:
            time.sleep(min(self.daemon.attempt(), SHORT_WAIT_S))
            return condition()

        until(step, what, within_s)

    def stop(self) -> None:
        """End the daemon in this process; the next one begins as after a restart."""
        if self._daemon:
            self._daemon.clock = SystemClock()
            self._daemon.close()
            self._daemon.state.close()
            self._daemon = None

    def start(self) -> None:
        """Start the program; returns when its signal handlers are there."""
        self.program.start()
        self.program.wait_until_beating(self.server.url)

    def publish(
        self,
        kind: FactKind = "motion_started",
        *,
        alert: bool = True,
        ago_s: float = 0.0,
        record: EventRecord | None = None,
    ) -> Fact:
        """Publish a fact of *ago_s* seconds ago; one that opens an event comes with a picture."""
        self._number += 1
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        own_id = protocol.event_id(at, f"cam{self._number}")
        event = own_id if kind.startswith("motion") else None
        fact = Fact(f"{own_id}-{kind}", kind, at, f"Fact {self._number}.", "front", event, alert)
        if event:
            record = record or EventRecord("front", at, score=0.9)
            snapshot = self.clip_path(event, "snapshot.jpg")
            snapshot.parent.mkdir(parents=True, exist_ok=True)
            snapshot.write_bytes(picture_of(fact))
        self.state.publish(fact, record, picture_of(fact) if event else None)
        return fact

    def publish_clip(
        self, opener: Fact, part: int = 1, *, kind: FactKind = "clip_ready", in_s3: bool = False
    ) -> Fact:
        """Write *part* of the clip of what *opener* opened, and publish the fact that it is there.

        With *in_s3* the clip has been uploaded too.
        """
        event, file = opener.event or "", "clip.mp4" if part == 1 else f"clip-{part}.mp4"
        path = self.clip_path(event, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_video(path, 5 + part)
        if in_s3:
            self.upload(event, file, path.read_bytes())
        fact = Fact(
            f"{event}-{kind}-{part}",
            kind,
            datetime.now(UTC),
            f"Clip {part} of {opener.text}",
            "front",
            event,
            file=file,
            host=protocol.host_name(),
        )
        self.state.publish(fact)
        return fact

    def upload(self, event: str, file: str, content: bytes) -> None:
        raise NotImplementedError("there is no S3 here")

    def clip_path(self, event: str, file: str) -> Path:
        day = f"{protocol.event_started_at(event):%Y-%m-%d}"
        return self.data_dir / "events" / day / event / file

    def clip_of(self, fact: Fact) -> bytes:
        return self.clip_path(fact.event or "", fact.file or "").read_bytes()

    def marks(self, fact: Fact) -> dict[str, str]:
        return self.state.delivery_marks(fact)

    def are_delivered(self, *facts: Fact, by: str = "folder") -> bool:
        return all(f"delivered:{by}" in self.marks(fact) for fact in facts)

    def is_all_acknowledged(self) -> bool:
        groups = self.redis.xinfo_groups("events")
        return bool(groups) and groups[0]["lag"] == 0 and self.pending() == 0

    def pending(self) -> int:
        return int(self.redis.xpending("events", "notifier")["pending"])

    def in_folder(self) -> list[str]:
        """Return the keys of the alerts in the folder."""
        return sorted(path.stem for path in self.alerts.glob("*/*.txt"))

    def break_folder(self) -> None:
        """Put a file where the folder for alerts should be."""
        self.alerts.parent.mkdir(exist_ok=True)
        self.alerts.write_text("a file stands where the folder should be")

    def trouble(self) -> str:
        """Return what the newest heartbeat of the program says is wrong."""
        beat = self.program.heartbeat(self.server.url)
        return beat.last_error.what if beat and beat.last_error else ""

    def close(self) -> None:
        self.stop()
        self.program.__exit__()
        self.redis.close()
        self.state.close()


class ServicesHarness(DaemonHarness):
    """A notifier with Slack, Twilio, an S3 with links, and two services by Apprise."""

    def __init__(self, folder: Path, server: RedisServer, stack: ExitStack) -> None:
        self.slack = stack.enter_context(SlackServer())
        self.twilio = stack.enter_context(TwilioServer())
        self.media = stack.enter_context(MediaServer())
        self.hooks = [stack.enter_context(JsonHook()) for _ in range(2)]
        self.twilio.undecided = 0
        super().__init__(folder, server)

    def configure(
        self, *, slack: str = "", twilio: str = "", apprise: str = "", more: str = ""
    ) -> None:
        """Configure the services that are given settings, and *more* YAML."""
        parts = [more]
        if slack:
            access = (
                f"api_url: {self.slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: [{OWNER}]"
            )
            channel = "" if "alerts_channel" in slack else f"alerts_channel: {ALERTS}, "
            parts.append(f"slack: {{{access}, {channel}{slack}}}")
        if twilio:
            access = (
                f"api_url: {self.twilio.url!r}, account_sid: {ACCOUNT}, auth_token: {TOKEN}, "
                f"from: {FROM!r}, to: [{PHONE!r}]"
            )
            parts.append(f"twilio: {{{access}, {twilio}}}")
        if apprise:
            urls = [
                hook.url(f"hooks/secret-path-{number}") for number, hook in enumerate(self.hooks)
            ]
            parts.append(f"apprise: {{urls: {urls}, {apprise}}}")
        endpoint = self.media.link("").partition("/?")[0]
        parts.append(
            f"s3: {{bucket: house, endpoint_url: {endpoint!r}, region: eu-central-1, "
            "access_key_id: A, secret_access_key: hush-hush}"
        )
        self.write_config("\n".join(parts) + "\n")

    def upload(self, event: str, file: str, content: bytes) -> None:
        """Put *content* into S3, and mark that."""
        self.media.put(f"house/clips/{event}-{file}", content)
        self.state.mark_event(event, {f"s3:{file}": f"clips/{event}-{file}"})

    def upload_picture(self, fact: Fact) -> None:
        self.upload(fact.event or "", "snapshot.jpg", picture_of(fact))

    def step_until_done(self, *facts: Fact, within_s: float = 30.0) -> None:
        """Step the daemon until nothing is left to do with *facts*."""
        self.step_until(lambda: self.are_done(*facts), "all is delivered", within_s)

    def are_done(self, *facts: Fact) -> bool:
        return self.is_all_acknowledged() and all(self.marks(fact) for fact in facts)

    def texted(self) -> list[str]:
        """Return the texts that the phone got, without their times."""
        return [text.body.partition(" (")[0] for text in self.twilio.arrived()]

    def posted(self) -> list[str]:
        """Return the texts of the messages in Slack's channel."""
        return [message.text for message in self.slack.seen()]


def picture_of(fact: Fact) -> bytes:
    """Return the picture with which *fact* is published."""
    return f"picture of {fact.text}".encode() * 100


@contextmanager
def services_harness(folder: Path, server: RedisServer) -> Iterator[ServicesHarness]:
    with ExitStack() as stack:
        harness = ServicesHarness(folder, server, stack)
        yield harness
        harness.close()

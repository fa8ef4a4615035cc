"""The Socket Mode daemon, with a real Redis and a Slack on loopback."""

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from app import protocol
from app.notify.base import Message
from app.notify.slack.blocks import alert
from app.protocol import EventRecord, Fact, Request
from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.slack_socket import SocketServer
from tests.waiting import until

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = protocol.event_id(AT, "front")


class Home:
    """The daemon as a process, its Redis, and the Slack it talks to."""

    def __init__(
        self, folder: Path, server: RedisServer, slack: SlackServer, socket: SocketServer
    ) -> None:
        self.server = server
        self.slack = slack
        self.socket = socket
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.folder = folder
        self.daemon = Program("app.daemons.slack_socket", self.configure())

    def configure(
        self, app_token: str = APP_TOKEN, mode: str = "socket", users: tuple[str, ...] = (OWNER,)
    ) -> Path:
        settings = {
            "mode": mode,
            "api_url": self.slack.api_url,
            "app_token": app_token,
            "bot_token": BOT_TOKEN,
            "allowed_users": list(users),
            "alerts_channel": ALERTS,
        }
        return write_config(self.folder, self.server.url, f"slack: {json.dumps(settings)}\n")

    def start(self) -> None:
        """Start, and return when Slack can be answered."""
        self.daemon.start()
        self.socket.wait_until_opened()
        self.await_log("connected to Slack")

    def await_log(self, words: str) -> None:
        until(lambda: words in self.daemon.log, f"the log says {words!r}")

    def heartbeat(self) -> protocol.Heartbeat:
        """Return a new heartbeat: one is sent when the configuration is read again."""
        self.redis.delete(*self.redis.keys("heartbeat:*") or ["none"])
        self.daemon.signal(signal.SIGHUP)
        return self.daemon.wait_until_beating(self.server.url)

    def post_alert(self) -> Posted:
        """Publish an event, and return its alert in Slack, with the buttons."""
        fact = Fact(EVENT, "motion_started", AT, "motion", "front", EVENT)
        with closing(State(self.server.url)) as state:
            state.publish(fact, EventRecord("front", AT), b"jpeg")
        blocks = alert(Message(EVENT, AT, "motion", "front", event=EVENT), None, None)
        message = {"channel": ALERTS, "text": "motion", "blocks": blocks}
        self.slack.call("chat.postMessage", message, BOT_TOKEN)
        return self.slack.seen()[-1]

    def requests(self) -> list[Request]:
        """Return all requests to the notifier."""
        entries = self.redis.xrange("requests")
        return [protocol.decode(Request, stored["request"]) for _, stored in entries]

    def has_replied(self, words: str) -> bool:
        """Return whether somebody got a reply with *words* by its response URL."""
        return self.replies(words) > 0

    def replies(self, words: str) -> int:
        """Return the number of replies with *words* by a response URL."""
        replies = (one for answers in self.slack.responses.values() for one in answers)
        return sum(words in reply.get("text", "") for reply in replies)


@contextmanager
def made_home(folder: Path, server: RedisServer) -> Iterator[Home]:
    with SlackServer() as slack, SocketServer(slack) as socket, ExitStack() as stack:
        home = Home(folder, server, slack, socket)
        stack.push(home.daemon)
        stack.callback(home.redis.close)
        yield home


@pytest.fixture(scope="package")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One whose daemon runs through all tests that leave it as they found it."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder)) as server,
        made_home(tmp_path_factory.mktemp("home"), server) as home,
    ):
        home.start()
        yield home


@pytest.fixture
def home(shared_home: Home) -> Home:
    shared_home.redis.flushall()
    shared_home.redis.set("camera_status", "True")
    return shared_home


@pytest.fixture
def idle_home(tmp_path: Path, redis_server: RedisServer) -> Iterator[Home]:
    """One of a test's own, whose daemon does not run yet."""
    with made_home(tmp_path, redis_server) as home:
        yield home

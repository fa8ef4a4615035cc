"""Socket Mode as a process: a real Redis, a real WebSocket on loopback, and everything that Slack
may send over it.
"""

import itertools
import json
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from app import protocol
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, Reply
from app.daemons.slack_socket.daemon import SlackSocket
from app.notify.base import Message
from app.notify.slack.blocks import alert
from app.protocol import EventRecord, Fact, Request
from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import (
    ALERTS,
    APP_TOKEN,
    BOT_TOKEN,
    OWNER,
    Posted,
    SlackServer,
    hang,
    refused,
    reset,
    too_many,
)
from tests.servers.slack_socket import SocketServer
from tests.waiting import until

STRANGER = "U0STRANGER"
AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = protocol.event_id(AT, "front")


class Home:
    """The daemon, the Redis it asks, and the Slack it talks to."""

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

    def beat(self) -> protocol.Heartbeat:
        """A heartbeat that is new: one is sent whenever the configuration is read again."""
        self.redis.delete(*self.redis.keys("heartbeat:*") or ["none"])
        self.daemon.signal(signal.SIGHUP)
        return self.daemon.wait_until_beating(self.server.url)

    def post_alert(self) -> Posted:
        """An event, and in Slack its alert with the buttons."""
        with closing(State(self.server.url)) as state:
            state.publish(
                Fact(EVENT, "motion_started", AT, "motion", "front", EVENT),
                EventRecord("front", AT),
                b"jpeg",
            )
        blocks = alert(Message(EVENT, AT, "motion", "front", event=EVENT), None, None)
        self.slack.call(
            "chat.postMessage", {"channel": ALERTS, "text": "motion", "blocks": blocks}, BOT_TOKEN
        )
        return self.slack.seen()[-1]

    def asked(self) -> list[Request]:
        """What is on the stream of requests."""
        return [
            protocol.decode(Request, stored["request"])
            for _, stored in self.redis.xrange("requests")
        ]

    def said(self, words: str) -> bool:
        """Whether somebody was answered so, past the socket."""
        return any(
            words in answer.get("text", "")
            for answers in self.slack.responses.values()
            for answer in answers
        )


@contextmanager
def made(folder: Path, server: RedisServer) -> Iterator[Home]:
    with SlackServer() as slack, SocketServer(slack) as socket, ExitStack() as stack:
        home = Home(folder, server, slack, socket)
        stack.push(home.daemon)
        stack.callback(home.redis.close)
        yield home


@pytest.fixture(scope="module")
def steady_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One whose daemon runs through all tests that neither end, nor lose, nor configure
    anything.
    """
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder)) as server,
        made(tmp_path_factory.mktemp("home"), server) as home,
    ):
        home.start()
        yield home


@pytest.fixture
def home(steady_home: Home) -> Home:
    steady_home.redis.flushall()
    steady_home.redis.set("camera_status", "True")
    return steady_home


@pytest.fixture
def idle_home(tmp_path: Path, redis_server: RedisServer) -> Iterator[Home]:
    """One of a test's own, not started yet."""
    with made(tmp_path, redis_server) as home:
        yield home


@pytest.fixture
def own_home(idle_home: Home) -> Home:
    """One of a test's own, started."""
    idle_home.start()
    return idle_home


# --- commands ---


def test_a_command_is_done_and_answered_to_who_asked(home: Home) -> None:
    assert "Disarmed" in home.socket.slash("/pycam_off")
    assert home.redis.get("camera_status") == "False"
    assert json.loads(home.redis.get("armed_by"))["by"] == OWNER.lower()
    assert "disarmed already" in home.socket.slash("/pycam_off")


def test_the_answer_is_for_none_but_who_asked(home: Home) -> None:
    envelope = home.socket.deliver("slash_commands", home.slack.slash_fields("/help"))
    assert home.socket.acked(envelope)["payload"]["response_type"] == "ephemeral"


def test_a_command_whose_name_slack_has_taken_answers_to_its_other_name(home: Home) -> None:
    home.redis.set("camera_status", "False")
    assert "Disarmed" in home.socket.slash("/house_status")
    assert "counts as" in home.socket.slash("/house_who")


def test_a_command_that_there_is_not_is_answered_in_words(home: Home) -> None:
    assert "no such command" in home.socket.slash("/self_destruct")


def test_who_is_not_listed_may_not_command(home: Home) -> None:
    home.redis.set("camera_status", "True")
    assert "may not command" in home.socket.slash("/pycam_off", user=STRANGER)
    assert home.redis.get("camera_status") == "True"
    home.await_log(f"'{STRANGER}' is not in slack.allowed_users")
    assert home.beat().counters["refused"]


def test_who_may_command_is_taken_over_without_a_new_connection(own_home: Home) -> None:
    own_home.configure(users=(OWNER, STRANGER))
    own_home.beat()
    assert "Disarmed" in own_home.socket.slash("/pycam_off", user=STRANGER)
    assert own_home.socket.opened == 1


def test_a_burst_of_commands_is_answered_in_time(home: Home) -> None:
    before = home.beat().counters["envelopes"]
    assert isinstance(before, int | None)
    sent = [
        home.socket.deliver("slash_commands", home.slack.slash_fields("/house_status"))
        for _ in range(50)
    ]
    for envelope in sent:
        assert "*Armed*" in home.socket.acked(envelope)["payload"]["text"]
    assert home.beat().counters["envelopes"] == (before or 0) + 50


def test_an_envelope_that_comes_again_is_acknowledged_again_but_done_once(home: Home) -> None:
    envelope, fields = str(uuid.uuid4()), home.slack.slash_fields("/pycam_off")
    home.socket.deliver("slash_commands", fields, envelope=envelope)
    assert "Disarmed" in home.socket.acked(envelope)["payload"]["text"]
    home.redis.set("camera_status", "True")
    home.socket.deliver("slash_commands", fields, envelope=envelope)
    assert "payload" not in home.socket.acked(envelope, times=2)
    assert home.redis.get("camera_status") == "True"


def test_an_envelope_is_known_again_after_a_crash(own_home: Home) -> None:
    envelope, fields = str(uuid.uuid4()), own_home.slack.slash_fields("/pycam_off")
    own_home.socket.deliver("slash_commands", fields, envelope=envelope)
    own_home.socket.acked(envelope)
    own_home.redis.set("camera_status", "True")
    own_home.daemon.kill()
    own_home.daemon.start()
    own_home.socket.wait_until_opened(2)
    own_home.socket.deliver("slash_commands", fields, envelope=envelope)
    own_home.socket.acked(envelope, times=2)
    assert own_home.redis.get("camera_status") == "True"


# --- buttons ---


def test_a_click_is_acknowledged_and_tags(home: Home) -> None:
    message = home.post_alert()
    envelope = home.socket.press(message, "tag_occupied")
    assert home.socket.acked(envelope) == {"envelope_id": envelope}
    until(
        lambda: home.redis.hget(protocol.event_key(EVENT), "label") == "occupied",
        "the event has its label",
    )
    (request,) = until(home.asked, "the notifier is asked")
    assert (request.kind, request.event, request.label, request.user) == (
        "tag",
        EVENT,
        "occupied",
        OWNER,
    )
    assert request.reply_to
    assert request.reply_to.response_url in home.slack.responses


def test_a_click_that_comes_again_tags_once(home: Home) -> None:
    message = home.post_alert()
    payload = home.slack.press_payload(message, "tag_occupied")
    envelope = home.socket.deliver("interactive", payload, accepts_answer=False)
    until(home.asked, "the notifier is asked")
    home.socket.deliver("interactive", payload, accepts_answer=False, envelope=envelope)
    home.await_log("handled already")
    home.socket.acked(envelope, times=2)
    assert len(home.asked()) == 1


def test_a_click_of_a_stranger_changes_nothing_and_is_told_so(home: Home) -> None:
    envelope = home.socket.press(home.post_alert(), "tag_occupied", user=STRANGER)
    home.socket.acked(envelope)
    until(lambda: home.said("may not command"), "the stranger is told")
    assert home.redis.hget(protocol.event_key(EVENT), "label") is None
    assert home.asked() == []


def test_a_click_while_redis_is_away_is_acknowledged_and_answered_in_words(own_home: Home) -> None:
    message = own_home.post_alert()
    own_home.server.kill()
    own_home.socket.acked(own_home.socket.press(message, "tag_occupied"))
    until(lambda: own_home.said(REDIS_AWAY), "who clicked is told")
    own_home.server.start()


# --- what may go wrong here ---


def test_with_redis_away_every_command_is_answered_in_words_and_works_again_afterwards(
    own_home: Home,
) -> None:
    own_home.server.kill()
    assert own_home.socket.slash("/pycam_off") == REDIS_AWAY
    assert own_home.socket.slash("/house_status") == REDIS_AWAY
    own_home.server.start()
    assert "Disarmed" in own_home.socket.slash("/pycam_off")


def test_with_a_redis_that_hangs_a_command_is_answered_within_slacks_patience(
    own_home: Home,
) -> None:
    process = psutil.Process(own_home.server.pid)
    process.suspend()
    try:
        sent = [
            own_home.socket.deliver("slash_commands", own_home.slack.slash_fields("/pycam_off"))
            for _ in range(20)
        ]
        assert [own_home.socket.acked(envelope)["payload"]["text"] for envelope in sent] == [
            REDIS_AWAY
        ] * 20
        own_home.daemon.signal(signal.SIGTERM)
        assert own_home.daemon.wait(within_s=3) == 0
    finally:
        process.resume()


def test_a_mistake_of_ours_is_acknowledged_with_a_sentence_and_logged_with_its_stack(
    idle_home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run_command(name: str, invocation: Invocation, context: CommandContext) -> Reply:
        if name == "top":
            raise KeyError("a mistake")
        return Reply("well")

    monkeypatch.setattr("app.daemons.slack_socket.daemon.run_command", run_command)
    daemon = SlackSocket(idle_home.configure())
    try:
        until(lambda: daemon.attempt() and daemon.counters()["connected"], "it is connected")
        assert "Something went wrong" in idle_home.socket.slash("/top")
        assert idle_home.socket.slash("/help") == "well"
        (record,) = until(
            lambda: [one for one in caplog.records if "a mistake of ours" in one.message],
            "the mistake is logged",
        )
        assert record.exc_info
        assert isinstance(record.exc_info[1], KeyError)
    finally:
        daemon.close()
        daemon.state.close()


# --- what Slack may send ---


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[1, 2]",
        "null",
        "7",
        "{",
        '{"type": 7}',
        '{"envelope_id": 7, "type": "slash_commands", "payload": {}}',
        "[" * 3000,
    ],
)
def test_what_is_no_envelope_is_passed_over(text: str, home: Home) -> None:
    home.socket.send(text)
    assert "list" in home.socket.slash("/help").lower()
    assert home.socket.opened == 1


def fields(**changed: object) -> dict[str, object]:
    """A command with some of its fields changed; those that are None are left out."""
    whole = {
        "command": "/pycam_off",
        "user_id": OWNER,
        "user_name": "eva",
        "text": "",
        "response_url": "http://127.0.0.1:9/",
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("slash_commands", None),
        ("slash_commands", []),
        ("slash_commands", "text"),
        ("slash_commands", {}),
        ("slash_commands", fields(command=None)),
        ("slash_commands", fields(command=7)),
        ("slash_commands", fields(command="/" + "x" * 300)),
        ("slash_commands", fields(user_id=None)),
        ("slash_commands", fields(user_id={"a": 1})),
        ("slash_commands", fields(text=["a"])),
        ("slash_commands", fields(text="x" * 5000)),
        ("slash_commands", fields(user_id="x" * 300)),
        ("interactive", None),
        ("interactive", {}),
        ("interactive", {"type": "block_actions", "user": {"id": OWNER}, "actions": []}),
        (
            "interactive",
            {
                "type": "block_actions",
                "user": {"id": OWNER},
                "actions": [{"action_id": "tag_occupied", "value": "__import__('os')"}],
            },
        ),
        ("interactive", {"type": "view_submission", "user": {"id": OWNER}, "view": {}}),
    ],
)
def test_an_envelope_with_nonsense_in_it_is_acknowledged_and_does_nothing(
    kind: str, payload: object, home: Home
) -> None:
    home.redis.set("camera_status", "True")
    answer = home.socket.acked(home.socket.deliver(kind, payload))
    assert "could not be understood" in answer["payload"]["text"]
    home.await_log("refused: not a")
    assert "Traceback" not in home.daemon.log
    assert home.redis.get("camera_status") == "True"


@pytest.mark.parametrize("kind", ["events_api", "hello_again", "options"])
def test_an_envelope_of_a_kind_that_nobody_asked_for_is_acknowledged(kind: str, home: Home) -> None:
    envelope = home.socket.deliver(kind, {"event": {"type": "message"}}, accepts_answer=False)
    assert home.socket.acked(envelope) == {"envelope_id": envelope}


@pytest.mark.parametrize("left_out", ["user_name", "response_url", "text", "channel_id"])
def test_what_is_optional_may_be_absent(left_out: str, home: Home) -> None:
    payload = home.slack.slash_fields("/pycam_off")
    del payload[left_out]
    assert (
        "Disarmed"
        in home.socket.acked(home.socket.deliver("slash_commands", payload))["payload"]["text"]
    )


def test_no_secret_is_in_the_log(own_home: Home) -> None:
    own_home.socket.slash("/help")
    own_home.socket.acked(own_home.socket.press(own_home.post_alert(), "tag_occupied"))
    own_home.socket.hang_up()
    own_home.socket.wait_until_opened(2)
    own_home.daemon.stop()
    for secret in (APP_TOKEN, BOT_TOKEN, "ticket", "/response/"):
        assert secret not in own_home.daemon.log


# --- the connection ---


@pytest.mark.parametrize(
    "lose",
    [
        SocketServer.hang_up,
        lambda socket: socket.hang_up(reset=True),
        SocketServer.close,
        SocketServer.ask_to_connect_anew,
    ],
    ids=["end", "reset", "close", "refresh"],
)
def test_a_lost_connection_is_made_anew_and_answers(
    lose: Callable[[SocketServer], None], own_home: Home
) -> None:
    lose(own_home.socket)
    own_home.socket.wait_until_opened(2)
    assert "Disarmed" in own_home.socket.slash("/pycam_off")
    own_home.await_log("connected to Slack again")
    counters = own_home.beat().counters
    assert (counters["reconnects"], counters["connected"]) == (1, True)


def test_the_end_of_a_connection_costs_no_busy_waiting(own_home: Home) -> None:
    own_home.slack.always("apps.connections.open", reset())
    process = psutil.Process(own_home.daemon.pid)
    before = process.cpu_times()
    own_home.socket.hang_up()
    until(
        lambda: (
            len(own_home.slack.called("apps.connections.open")) >= 1
            and "trying again" in own_home.daemon.log
        ),
        "it tries again",
    )
    until(
        lambda: own_home.beat().counters["connected"] is False, "it knows that it is not connected"
    )
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system < 1.0


def test_the_old_connection_serves_until_there_is_a_new_one(own_home: Home) -> None:
    own_home.slack.always("apps.connections.open", refused("internal_error"))
    own_home.socket.ask_to_connect_anew("warning")
    own_home.await_log("trying again")
    assert "Disarmed" in own_home.socket.slash("/pycam_off")
    own_home.slack.always("apps.connections.open", None)
    own_home.socket.wait_until_opened(2)
    assert "disarmed already" in own_home.socket.slash("/pycam_off")


def test_slack_off_the_net_is_said_once(own_home: Home) -> None:
    times = attempts_at(own_home.slack)
    own_home.slack.always("apps.connections.open", reset())
    own_home.socket.hang_up()
    until(lambda: len(times) >= 2, "it knocks twice")
    own_home.await_log("Slack does not answer apps.connections.open")
    assert own_home.daemon.log.count("Slack") == 3, "connected, lost, and not answering"


def test_slack_away_is_said_once_and_knocked_at_ever_less_often(own_home: Home) -> None:
    times = attempts_at(own_home.slack)
    own_home.slack.always("apps.connections.open", refused("internal_error"))
    own_home.socket.hang_up()
    until(lambda: len(times) >= 3, "it knocks three times")
    first, second = [later - earlier for earlier, later in itertools.pairwise(times[:3])]
    assert first < second
    beat = own_home.beat()
    assert beat.counters["connected"] is False
    assert beat.last_error
    assert "Slack has a failure" in beat.last_error.what
    assert own_home.daemon.log.count("trying again") == 1
    own_home.slack.always("apps.connections.open", None)
    own_home.socket.wait_until_opened(2)
    assert "Disarmed" in own_home.socket.slash("/pycam_off")
    until(lambda: own_home.beat().last_error is None, "the trouble is over")


def attempts_at(slack: SlackServer) -> list[float]:
    """When sockets are asked for from now on, also in vain."""
    times: list[float] = []
    take_trick = slack.take_trick

    def note(method: str) -> Any:
        if method == "apps.connections.open":
            times.append(time.monotonic())
        return take_trick(method)

    slack.take_trick = note  # type: ignore[method-assign]
    return times


def test_slacks_wish_to_wait_is_obeyed(idle_home: Home) -> None:
    times = attempts_at(idle_home.slack)
    idle_home.slack.trick("apps.connections.open", too_many(2))
    idle_home.daemon.start()
    idle_home.socket.wait_until_opened()
    assert times[1] - times[0] >= 2


def test_a_socket_that_does_not_open_is_trouble(idle_home: Home) -> None:
    idle_home.socket.accepts = False
    idle_home.daemon.start()
    idle_home.await_log("names a socket, but does not open it; trying again")
    idle_home.socket.accepts = True
    idle_home.socket.wait_until_opened()
    assert "Disarmed" in idle_home.socket.slash("/pycam_off")


def test_a_wrong_app_token_is_said_once_with_the_cure_and_a_right_one_connects(
    idle_home: Home,
) -> None:
    idle_home.configure(app_token="xapp-1-wrong")  # noqa: S106 (no real one)
    idle_home.daemon.start()
    cure = (
        "Slack refuses slack.app_token: invalid_auth; copy the app-level token (xapp-…, with "
        "connections:write)"
    )
    idle_home.await_log(cure)
    beat = idle_home.beat()
    assert beat.last_error
    assert cure in beat.last_error.what
    assert idle_home.daemon.log.count("trying again") == 1
    idle_home.configure()
    idle_home.daemon.signal(signal.SIGHUP)
    idle_home.socket.wait_until_opened()
    assert "Disarmed" in idle_home.socket.slash("/pycam_off")


# --- the program ---


def test_it_ends_soon_after_sigterm(own_home: Home) -> None:
    assert own_home.daemon.stop(within_s=5) == 0


def test_it_ends_soon_even_while_slack_hangs(idle_home: Home) -> None:
    idle_home.slack.always("apps.connections.open", hang())
    idle_home.daemon.start()
    idle_home.daemon.wait_until_beating(idle_home.server.url)
    assert idle_home.daemon.stop(within_s=5) == 0


def test_in_http_mode_it_says_that_there_is_nothing_to_do(idle_home: Home) -> None:
    idle_home.configure(mode="http")
    idle_home.daemon.start()
    idle_home.await_log("slack.mode is http")
    assert idle_home.beat().last_error is None
    assert not idle_home.socket.connected
    assert idle_home.daemon.stop(within_s=5) == 0
    assert idle_home.slack.calls == []


def test_the_mode_can_be_changed_while_it_runs(own_home: Home) -> None:
    own_home.configure(mode="http")
    own_home.daemon.signal(signal.SIGHUP)
    until(lambda: not own_home.socket.connected, "it hangs up")
    own_home.configure()
    own_home.daemon.signal(signal.SIGHUP)
    own_home.socket.wait_until_opened(2)
    assert "Disarmed" in own_home.socket.slash("/pycam_off")

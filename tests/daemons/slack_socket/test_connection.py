"""The connection to Slack, over real WebSockets on loopback, without the daemon."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.clock import SystemClock
from app.daemons.slack_socket import connection as connection_module
from app.daemons.slack_socket.connection import Envelope, SlackConnection
from tests.servers.drip_server import DripServer
from tests.servers.slack import APP_TOKEN, SlackServer
from tests.servers.slack_socket import SocketServer
from tests.servers.tricks import hang, refused, reset, too_many
from tests.waiting import Stopwatch, patience, until

OPEN = "apps.connections.open"


class Client:
    """A connection that is maintained in a thread, and acknowledges every envelope."""

    def __init__(self, api_url: str, app_token: str) -> None:
        self.connection = SlackConnection(api_url, app_token, SystemClock(), self._receive)
        self.envelopes: list[Envelope] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._maintain)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.connection.close(0.1)

    def _maintain(self) -> None:
        while not self._over.wait(0.02):
            self.connection.maintain()

    def _receive(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        self.connection.acknowledge(envelope, "well")


@pytest.fixture(autouse=True)
def _log_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def socket(slack: SlackServer) -> Iterator[SocketServer]:
    with SocketServer(slack) as server:
        yield server


@pytest.fixture
def connect(slack: SlackServer, socket: SocketServer) -> Iterator[Callable[..., Client]]:
    """A function that makes clients, which are closed in the end."""
    clients = []

    def made(app_token: str = APP_TOKEN) -> Client:
        clients.append(Client(slack.api_url, app_token))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """A client that is connected."""
    client = connect()
    until(lambda: client.connection.opened == 1, "it is connected")
    return client


def is_answered(socket: SocketServer) -> bool:
    return socket.slash("/help") == "well"


def test_an_envelope_is_received_and_acknowledged(client: Client, socket: SocketServer) -> None:
    envelope = socket.deliver("slash_commands", {"command": "/help"})
    assert socket.acknowledged(envelope)["payload"] == {
        "response_type": "ephemeral",
        "text": "well",
    }
    assert client.envelopes == [Envelope(envelope, "slash_commands", {"command": "/help"}, True)]


def test_an_answer_that_is_not_wanted_is_not_sent(client: Client, socket: SocketServer) -> None:
    envelope = socket.deliver("interactive", {}, accepts_answer=False)
    assert socket.acknowledged(envelope) == {"envelope_id": envelope}


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
def test_a_message_that_is_no_envelope_is_ignored(
    client: Client, socket: SocketServer, text: str
) -> None:
    socket.send(text)
    assert is_answered(socket)
    assert len(client.envelopes) == socket.opened == 1


@pytest.mark.parametrize(
    "lose",
    [
        SocketServer.drop,
        lambda socket: socket.drop(reset=True),
        SocketServer.close,
        SocketServer.ask_to_reconnect,
    ],
    ids=["end", "reset", "close", "refresh"],
)
def test_a_lost_connection_is_made_again(
    client: Client,
    socket: SocketServer,
    caplog: pytest.LogCaptureFixture,
    lose: Callable[[SocketServer], None],
) -> None:
    lose(socket)
    socket.wait_until_opened(2)
    assert is_answered(socket)
    until(lambda: client.connection.opened == 2, "it counts two connections")
    assert client.connection.connected
    assert "connected to Slack again" in caplog.text


def test_the_end_of_a_connection_costs_little_cpu(
    client: Client, slack: SlackServer, socket: SocketServer
) -> None:
    times = attempts_at(slack)
    slack.always(OPEN, reset())
    cpu_s, began_s = time.process_time(), time.monotonic()
    socket.drop()
    until(lambda: len(times) >= 2, "it tries twice")
    assert not client.connection.connected
    assert time.process_time() - cpu_s < 0.5 * (time.monotonic() - began_s)


def test_the_old_connection_serves_until_there_is_a_new_one(
    client: Client, slack: SlackServer, socket: SocketServer
) -> None:
    slack.always(OPEN, refused("internal_error"))
    socket.ask_to_reconnect("warning")
    until(lambda: client.connection.trouble, "there is no new connection")
    assert is_answered(socket)
    slack.always(OPEN, None)
    socket.wait_until_opened(2)
    assert is_answered(socket)


def test_slack_out_of_reach_is_logged_once(
    client: Client, slack: SlackServer, socket: SocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    times = attempts_at(slack)
    slack.always(OPEN, reset())
    socket.drop()
    until(lambda: len(times) >= 2, "it tries twice")
    until(lambda: client.connection.trouble, "it is trouble")
    logged = [record.getMessage() for record in caplog.records]
    assert len([text for text in logged if "Slack does not answer apps.connections" in text]) == 1
    assert len([text for text in logged if "connection to Slack was lost" in text]) == 1


def test_the_delay_grows_while_slack_fails(
    client: Client, slack: SlackServer, socket: SocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    times = attempts_at(slack)
    slack.always(OPEN, refused("internal_error"))
    socket.drop()
    until(lambda: len(times) >= 3, "it tries three times")
    first, second = [later - earlier for earlier, later in itertools.pairwise(times[:3])]
    assert first < second
    assert "Slack has a failure" in str(client.connection.trouble)
    assert caplog.text.count("trying again") == 1


def attempts_at(slack: SlackServer) -> list[float]:
    """Return a list that gets the time of each attempt to open a socket from now on."""
    times: list[float] = []
    take_trick = slack.take_trick

    def record(method: str) -> Any:
        if method == OPEN:
            times.append(time.monotonic())
        return take_trick(method)

    slack.take_trick = record  # type: ignore[method-assign]
    return times


def test_slacks_wish_to_wait_is_obeyed(
    connect: Callable[..., Client], slack: SlackServer, socket: SocketServer
) -> None:
    times = attempts_at(slack)
    slack.trick(OPEN, too_many(2))
    connect()
    socket.wait_until_opened()
    assert times[1] - times[0] >= 2


# slack_sdk leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_socket_that_does_not_open_is_trouble(
    connect: Callable[..., Client], socket: SocketServer
) -> None:
    socket.accepts = False
    client = connect()
    until(lambda: client.connection.trouble, "it is trouble")
    assert client.connection.trouble == "Slack names a socket, but does not open it"
    socket.accepts = True
    socket.wait_until_opened()
    assert is_answered(socket)
    until(lambda: client.connection.trouble is None, "the trouble is over")


# slack_sdk leaves a socket that it could not use to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_socket_that_opens_byte_by_byte_is_trouble(
    slack: SlackServer, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CALL_S", 0.4)
    with DripServer() as drip:
        url = f"ws://127.0.0.1:{drip.port}/"
        monkeypatch.setattr(connection_module, "socket_url", lambda *_: url)
        client = connect()
        until(lambda: client.connection.trouble, "the slow socket is trouble")
    assert "no complete answer within 0.4 s" in str(client.connection.trouble)


def test_a_socket_without_a_hello_is_trouble(
    connect: Callable[..., Client], socket: SocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "HELLO_S", 0.2)
    socket.says_hello = False
    client = connect()
    until(lambda: client.connection.trouble, "it is trouble")
    assert client.connection.trouble == "Slack opens a socket, but does not say hello"
    assert not client.connection.connected


def test_a_wrong_token_is_trouble_with_its_cure(
    connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = connect("xapp-1-wrong")
    until(lambda: client.connection.trouble, "it is trouble")
    assert "copy the app-level token (xapp-…, with connections:write)" in str(
        client.connection.trouble
    )
    assert caplog.text.count("trying again") == 1


def test_closing_does_not_wait_for_slack(
    connect: Callable[..., Client], slack: SlackServer
) -> None:
    times = attempts_at(slack)
    slack.always(OPEN, hang())
    client = connect()
    until(lambda: times, "it connects")
    with Stopwatch() as watch:
        client.close()
    assert watch.seconds < patience(2)

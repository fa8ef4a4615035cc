"""The connection to Slack in Socket Mode, which is renewed when it is lost or when Slack asks.

slack_sdk's own client is used for the WebSocket, but not to connect. It would try every few seconds
while Slack is away, or sleep for as long as Slack says, and the program could not end meanwhile.
This module connects, with a growing delay.
"""

import json
import logging
import os
import select
import ssl
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode import SocketModeClient

from app.backoff import Backoff
from app.clock import Clock
from app.errors import DeliveryError
from app.network.deadline import CALL_S, Deadline
from app.notify.slack.api import SlackApi, sdk_log, socket_url

#: The longest wait for Slack's hello on a new connection.
HELLO_S = 10.0
#: The longest delay between two tries to connect.
REST_MAX_S = 60.0
_REST_AFTER_SUCCESS_S = 1.0
#: The longest time of a read.
_READ_S = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message from Slack, which must be acknowledged, by its *id*, within some 3 s.

    The acknowledgement may contain a reply if *wants_reply*.
    """

    id: str
    kind: str
    payload: Any
    wants_reply: bool


class SlackConnection:
    """A connection to Slack.

    *receive* gets each envelope, in a thread that it must not delay. *trouble* is the present
    failure to connect, None while there is none; *opened* counts the connections so far.
    """

    def __init__(
        self, api_url: str, app_token: str, clock: Clock, receive: Callable[[Envelope], None]
    ) -> None:
        self._api = SlackApi(api_url, app_token, clock)
        self._token = app_token
        self._clock = clock
        self._receive = receive
        self._socket = _Socket(self._read)
        self.trouble: str | None = None
        self.opened = 0
        self._hello = threading.Event()
        self._renewal_wanted = threading.Event()
        self._connecting: threading.Thread | None = None
        self._failure: DeliveryError | None = None
        self._backoff = Backoff(REST_MAX_S)
        self._rest_until_s = 0.0

    @property
    def connected(self) -> bool:
        """Return whether Slack is connected and has said hello."""
        return self._hello.is_set() and bool(self._socket.is_connected())

    def maintain(self) -> None:
        """Check the connection, and begin to connect when that is needed and due.

        Call it about every second. It never waits.
        """
        if self._connecting is not None:
            if self._connecting.is_alive():
                return
            self._connecting = None
            self._record_result()
        is_needed = self._renewal_wanted.is_set() or not self.connected
        if not is_needed or self._clock.monotonic() < self._rest_until_s:
            return
        if self.opened and not self.trouble:
            wanted, lost = "Slack wants a new connection", "the connection to Slack was lost"
            _log.info("%s: connecting again", wanted if self.connected else lost)
        self._connecting = threading.Thread(target=self._try_connect, name="connect", daemon=True)
        self._connecting.start()

    def acknowledge(self, envelope: Envelope, reply: str | None = None) -> None:
        """Acknowledge *envelope*, with a *reply* to the person if it wants one."""
        message: dict[str, Any] = {"envelope_id": envelope.id}
        if reply is not None and envelope.wants_reply:
            message["payload"] = {"response_type": "ephemeral", "text": reply}
        try:
            self._socket.send_socket_mode_response(message)
        except SlackClientNotConnectedError:
            _log.warning("the connection was lost before an envelope could be acknowledged")

    def close(self, within_s: float) -> None:
        """Close the connection, after *within_s* at the latest."""
        # The client waits until a read ends, which may take seconds. Its threads end with the
        # process.
        closing = threading.Thread(target=self._socket.close, name="disconnect", daemon=True)
        closing.start()
        closing.join(within_s)

    def _try_connect(self) -> None:
        self._failure = DeliveryError(
            "connecting to Slack failed by a mistake in this program; the log has it"
        )
        try:
            self._connect()
            self._renewal_wanted.clear()
            self._failure = None
        except DeliveryError as error:
            self._failure = error

    def _connect(self) -> None:
        self._socket.wss_uri = socket_url(self._api, self._token)
        self._hello.clear()
        try:
            with Deadline(CALL_S):
                self._socket.connect()
        except TimeoutError as error:
            raise DeliveryError(f"Slack names a socket, but does not open it: {error}") from error
        if not self._socket.is_connected():
            raise DeliveryError("Slack names a socket, but does not open it")
        if not self._hello.wait(HELLO_S):
            raise DeliveryError("Slack opens a socket, but does not say hello")

    def _record_result(self) -> None:
        """Log the result of a try to connect, and plan the next try."""
        now_s = self._clock.monotonic()
        if self._failure is None:
            _log.info("connected to Slack%s", " again" if self.opened else "")
            self.opened += 1
            self.trouble = None
            self._backoff.reset()
            self._rest_until_s = now_s + _REST_AFTER_SUCCESS_S
            return
        if self.trouble != str(self._failure):
            _log.warning("%s; trying again", self._failure)
        self.trouble = str(self._failure)
        delay_s = max(self._backoff.failed(), self._failure.retry_after_s or 0.0)
        self._rest_until_s = now_s + delay_s

    def _read(self, text: str) -> None:
        message = _object(text)
        kind, envelope_id = message.get("type"), message.get("envelope_id")
        if kind == "hello":
            self._hello.set()
        elif kind == "disconnect":
            self._renewal_wanted.set()
        elif isinstance(envelope_id, str):
            wants_reply = message.get("accepts_response_payload") is True
            self._receive(Envelope(envelope_id, str(kind), message.get("payload"), wants_reply))
        else:
            _log.warning("Slack sent %d characters that are no envelope", len(text))


class _Socket(SocketModeClient):
    """slack_sdk's client, which passes every message to *read* at once and never reconnects."""

    def __init__(self, read: Callable[[str], None]) -> None:
        self._closing = threading.Event()
        super().__init__(
            app_token="", logger=sdk_log(), auto_reconnect_enabled=False, concurrency=1
        )
        self._read = read
        self._wire: _Wire | None = None

    def connect(self) -> None:
        self.leave()
        super().connect()
        session = self.current_session
        if session is not None:
            # Disconnecting takes this lock too. Without it, a closed socket could come back here.
            with session.sock_send_lock:
                if session.sock is not None:
                    self._wire = _Wire(session.sock)
                    session.sock = cast(Any, self._wire)

    def close(self) -> None:
        self._closing.set()
        self.leave()
        super().close()

    def process_messages(self) -> None:
        """Sleep: the queue, at which the client would look every second, is always empty."""
        self._closing.wait()

    def leave(self) -> None:
        """Let a read of the present socket end soon, so that the socket can be closed."""
        if self._wire is not None:
            self._wire.leave()

    def enqueue_message(self, message: str) -> None:
        self._read(message)


class _Wire:
    """The client's socket, changed: its end is an error.

    Without that the client would treat the end as silence, and read as fast as it can for half a
    minute. While one thread of the client reads, no other thread may close it. So `leave` ends a
    read when another thread wants to close.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._leave_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._leave_fd)

    def leave(self) -> None:
        """End the present read and each later one."""
        os.eventfd_write(self._leave_fd, 1)

    def recv(self, size: int) -> bytes:
        self._await_something()
        received: bytes = self._sock.recv(size)
        if not received:
            raise ConnectionResetError("Slack hung up")
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _await_something(self) -> None:
        """Wait until there is something to read; `TimeoutError` when nothing comes."""
        if self._sock.fileno() < 0:
            raise ConnectionAbortedError("the socket is closed")
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return
        waiting = select.poll()
        waiting.register(self._leave_fd, select.POLLIN)
        waiting.register(self._sock, select.POLLIN)
        ready = [fd for fd, _ in waiting.poll(_READ_S * 1000)]
        if not ready or self._leave_fd in ready:
            raise TimeoutError


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

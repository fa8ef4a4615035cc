"""The connection to Slack in Socket Mode, kept up: made anew when it is lost, and when Slack asks
for it.

slack_sdk's own client speaks the WebSocket. Connecting is done here, with a growing delay: left to
itself it would knock every few seconds at a Slack that is away, or sleep for as long as Slack says,
and nobody could end the program meanwhile.
"""

import json
import logging
import select
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode import SocketModeClient

from app.clock import Clock
from app.errors import DeliveryError
from app.notify.slack.api import SlackApi, sdk_log, socket_url

#: How long Slack may take to say hello on a new connection.
HELLO_S = 10.0
REST_MAX_S = 60.0
_REST_AFTER_SUCCESS_S = 1.0
#: How long a read may take, and how often it looks whether it should end.
_READ_S = 3.0
_SLICE_S = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What Slack sends. It waits some 3 s for *id* to be acknowledged, with an answer if
    *wants_answer*.
    """

    id: str
    kind: str
    payload: Any
    wants_answer: bool


class Line:
    """A connection. *take* gets each envelope, in a thread that must not be held up. *trouble* is
    what is wrong now.
    """

    def __init__(
        self, api_url: str, app_token: str, clock: Clock, take: Callable[[Envelope], None]
    ) -> None:
        self._api = SlackApi(api_url, app_token, clock)
        self._token = app_token
        self._clock = clock
        self._take = take
        self._socket = _Socket(self._received)
        self.trouble: str | None = None
        self.opened = 0
        self._hello = threading.Event()
        self._anew = threading.Event()
        self._dialling: threading.Thread | None = None
        self._failure: DeliveryError | None = None
        self._failures = 0
        self._rest_until_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether Slack is at the other end."""
        return self._hello.is_set() and bool(self._socket.is_connected())

    def tend(self) -> None:
        """Look at the connection, and begin to make it anew if it is time to. To be called every
        second or so; never waits.
        """
        if self._dialling is not None and self._dialling.is_alive():
            return
        if self._dialling is not None:
            self._dialling = None
            self._dialled()
        if (
            self._anew.is_set() or not self.connected
        ) and self._clock.monotonic() >= self._rest_until_s:
            if self.opened and not self.trouble:
                _log.info(
                    "%s: connecting anew",
                    "Slack wants a new connection"
                    if self.connected
                    else "the connection to Slack was lost",
                )
            self._dialling = threading.Thread(target=self._dial, name="dial", daemon=True)
            self._dialling.start()

    def acknowledge(self, envelope: Envelope, answer: str | None = None) -> None:
        """Tell Slack that *envelope* came, and who sent it *answer*."""
        said: dict[str, Any] = {"envelope_id": envelope.id}
        if answer is not None and envelope.wants_answer:
            said["payload"] = {"response_type": "ephemeral", "text": answer}
        try:
            self._socket.send_socket_mode_response(said)
        except SlackClientNotConnectedError:
            _log.warning("the connection was lost before an envelope could be acknowledged")

    def close(self, within_s: float) -> None:
        """Hang up, after *within_s* at the latest."""
        # The client waits for a read to end, which may take seconds; its threads end with the
        # process.
        closing = threading.Thread(target=self._socket.close, name="hang-up", daemon=True)
        closing.start()
        closing.join(within_s)

    def _dial(self) -> None:
        self._failure = DeliveryError(
            "connecting to Slack ended by a mistake of ours; the log has it"
        )
        try:
            self._connect()
            self._anew.clear()
            self._failure = None
        except DeliveryError as error:
            self._failure = error

    def _connect(self) -> None:
        self._socket.wss_uri = socket_url(self._api, self._token)
        self._hello.clear()
        self._socket.connect()
        if not self._socket.is_connected():
            raise DeliveryError("Slack names a socket, but does not open it")
        if not self._hello.wait(HELLO_S):
            raise DeliveryError("Slack opens a socket, but does not say hello")

    def _dialled(self) -> None:
        now_s = self._clock.monotonic()
        if self._failure is None:
            _log.info("connected to Slack%s", " again" if self.opened else "")
            self.opened += 1
            self.trouble = None
            self._failures = 0
            self._rest_until_s = now_s + _REST_AFTER_SUCCESS_S
            return
        if self.trouble != str(self._failure):
            _log.warning("%s; trying again", self._failure)
        self.trouble = str(self._failure)
        delay_s = min(2.0 ** min(self._failures, 10), REST_MAX_S)
        self._rest_until_s = now_s + max(delay_s, self._failure.retry_after_s or 0.0)
        self._failures += 1

    def _received(self, text: str) -> None:
        message = _object(text)
        kind, envelope = message.get("type"), message.get("envelope_id")
        if kind == "hello":
            self._hello.set()
        elif kind == "disconnect":
            self._anew.set()
        elif isinstance(envelope, str):
            self._take(
                Envelope(
                    envelope,
                    str(kind),
                    message.get("payload"),
                    message.get("accepts_response_payload") is True,
                )
            )
        else:
            _log.warning("Slack sent %d characters that are no envelope", len(text))


class _Socket(SocketModeClient):
    """slack_sdk's client, which hands every message to *received* at once, and never connects by
    itself.
    """

    def __init__(self, received: Callable[[str], None]) -> None:
        super().__init__(
            app_token="", logger=sdk_log(), auto_reconnect_enabled=False, concurrency=1
        )
        self._received = received
        self._wire: _Wire | None = None

    def connect(self) -> None:
        self.leave()
        super().connect()
        session = self.current_session
        if session is not None:
            # Disconnecting takes this lock too, so that no socket is brought back that is closed
            # already.
            with session.sock_send_lock:
                if session.sock is not None:
                    self._wire = _Wire(session.sock)
                    session.sock = cast(Any, self._wire)

    def close(self) -> None:
        self.leave()
        super().close()

    def leave(self) -> None:
        """Let the socket there is now be closed as soon as somebody wants to."""
        if self._wire is not None:
            self._wire.leaving = True

    def enqueue_message(self, message: str) -> None:
        self._received(message)


class _Wire:
    """The client's socket. Its end is an error: the client takes it for silence, and would read on
    as fast as it can for half a minute.

    While one thread of the client reads, no other may close: so a read ends soon when *leaving*
    says that somebody wants to.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.leaving = False

    def recv(self, size: int) -> bytes:
        until_s = time.monotonic() + _READ_S
        while not self._has_something():
            if self.leaving or time.monotonic() > until_s:
                raise TimeoutError
        received: bytes = self._sock.recv(size)
        if not received:
            raise ConnectionResetError("Slack hung up")
        return received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _has_something(self) -> bool:
        if self._sock.fileno() < 0:
            raise ConnectionAbortedError("the socket is closed")
        decrypted = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        return bool(decrypted or select.select([self._sock], [], [], _SLICE_S)[0])


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

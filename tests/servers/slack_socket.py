"""The Slack side of Socket Mode: WebSockets on loopback that carry commands and clicks."""

import base64
import hashlib
import json
import secrets
import socket
import struct
import threading
import uuid
from functools import partial
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from app.benchmarks.background_server import BackgroundServer
from tests.servers.slack import SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER
from tests.waiting import until

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class SocketServer(BackgroundServer):
    """Accepts WebSockets for *slack* until it is left.

    *acknowledgements* are those of each envelope, *opened* is the number of sockets so far. With
    *says_hello* False there is no hello, with *accepts* False no socket at all.
    """

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack
        self.acknowledgements: dict[str, list[dict[str, Any]]] = {}
        self.opened = 0
        self.says_hello = True
        self.accepts = True
        self.changed = threading.Condition()
        self.connections: list[socket.socket] = []
        self._resets_connections = False
        super().__init__(partial(_Socket, self), kind=ThreadingTCPServer)
        slack.socket_url = (
            f"ws://127.0.0.1:{self.port}/link/?ticket={secrets.token_hex(8)}&app_id=A0APP00001"
        )

    @property
    def connected(self) -> bool:
        """Return whether a client is connected."""
        with self.changed:
            return bool(self.connections)

    def wait_until_opened(self, count: int = 1, within_s: float = 20.0) -> None:
        """Return when *count* sockets have been opened, and one of them is still open."""
        until(
            lambda: self.opened >= count and self.connected, f"socket {count} is opened", within_s
        )

    def send(self, text: str) -> None:
        """Send *text* over the newest socket."""
        with self.changed:
            self.connections[-1].sendall(frame(_TEXT, text.encode()))

    def deliver(
        self, kind: str, payload: Any, *, accepts_answer: bool = True, envelope: str | None = None
    ) -> str:
        """Send an envelope of *kind* with *payload*; returns its id."""
        known = envelope or str(uuid.uuid4())
        message = {
            "envelope_id": known,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_answer,
        }
        self.send(json.dumps(message))
        return known

    def acknowledged(self, envelope: str, times: int = 1, within_s: float = 3.0) -> dict[str, Any]:
        """Return the last of *times* acknowledgements of *envelope*, within Slack's 3 s."""

        def look() -> list[dict[str, Any]] | None:
            with self.changed:
                return (
                    self.acknowledgements[envelope]
                    if len(self.acknowledgements.get(envelope, [])) >= times
                    else None
                )

        return until(look, f"envelope {envelope} is acknowledged", within_s)[times - 1]

    def slash(self, command: str, text: str = "", user: str = OWNER) -> str:
        """Type *command* as *user*, and return the answer."""
        fields = self.slack.slash_fields(command, text, user, ALERTS)
        return str(
            self.acknowledged(self.deliver("slash_commands", fields))
            .get("payload", {})
            .get("text", "")
        )

    def press(self, message: Posted, action_id: str, user: str = OWNER) -> str:
        """Click the button *action_id* of *message* as *user*; returns the envelope's id."""
        return self.deliver(
            "interactive", self.slack.press_payload(message, action_id, user), accepts_answer=False
        )

    def ask_to_reconnect(self, reason: str = "refresh_requested") -> None:
        """Ask for a new connection, as Slack does before it ends a socket."""
        self.send(
            json.dumps(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
            )
        )

    def close(self, code: int = 1001) -> None:
        """End every socket with a closing frame."""
        with self.changed:
            for connection in self.connections:
                connection.sendall(frame(_CLOSE, struct.pack("!H", code) + b"bye"))

    def drop(self, *, reset: bool = False) -> None:
        """End every socket without a closing frame, or with a reset as a crash does."""
        with self.changed:
            self._resets_connections = reset
            for connection in self.connections:
                connection.shutdown(socket.SHUT_RD)
            self.connections.clear()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.drop()


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a whole frame without a mask, as a server sends it."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = struct.pack("!BH", 126, size)
    else:
        length = struct.pack("!BQ", 127, size)
    return bytes([0x80 | opcode]) + length + payload


class _Socket(StreamRequestHandler):
    def __init__(self, sockets: SocketServer, *args: Any) -> None:
        self._sockets = sockets
        super().__init__(*args)

    def handle(self) -> None:
        try:
            if self._shake_hands():
                self._talk()
        except OSError:
            pass
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._sockets.changed:
            if self.connection in self._sockets.connections:
                self._sockets.connections.remove(self.connection)
            if self._sockets._resets_connections:
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.rfile.close()
                self.connection.close()

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def _shake_hands(self) -> bool:
        request = self.rfile.readline().decode()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        address = str(self._sockets.slack.socket_url)
        if not self._sockets.accepts or request.split()[1] not in address:
            self.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            return False
        digest = hashlib.sha1((headers["sec-websocket-key"] + _GUID).encode())  # noqa: S324
        accept = base64.b64encode(digest.digest()).decode()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.wfile.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        return True

    def _talk(self) -> None:
        with self._sockets.changed:
            if self._sockets.says_hello:
                hello = {
                    "type": "hello",
                    "num_connections": 1,
                    "connection_info": {"app_id": "A0APP00001"},
                }
                self.connection.sendall(frame(_TEXT, json.dumps(hello).encode()))
            self._sockets.connections.append(self.connection)
            self._sockets.opened += 1
        while True:
            opcode, payload = self._frame()
            if opcode == _CLOSE:
                return
            with self._sockets.changed:
                if opcode == _PING:
                    self.connection.sendall(frame(_PONG, payload))
                elif opcode == _TEXT:
                    ack = json.loads(payload)
                    self._sockets.acknowledgements.setdefault(ack["envelope_id"], []).append(ack)

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        if not second & 0x80:
            raise ConnectionError("a client masks what it sends")
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._read(8))
        mask, payload = self._read(4), self._read(size)
        return first & 0x0F, bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))

    def _read(self, count: int) -> bytes:
        received = self.rfile.read(count)
        if len(received) < count:
            raise ConnectionError("the client has gone")
        return received

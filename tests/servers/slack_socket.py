"""The other end of Socket Mode: WebSockets on loopback, over which a `SlackServer` sends its
commands and clicks.
"""

import base64
import hashlib
import json
import secrets
import socket
import socketserver
import struct
import threading
import time
import uuid
from types import TracebackType
from typing import Any, Self

from tests.servers.slack import ALERTS, OWNER, Posted, SlackServer
from tests.waiting import until

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class SocketServer:
    """Hands out sockets for *slack* until it is left.

    *acks* has what came back for each envelope, *opened* how many sockets there have been. With
    *greets* False there is no hello, with *accepts* False no socket at all, with *deaf* True what
    comes is never read.
    """

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack
        self.acks: dict[str, list[dict[str, Any]]] = {}
        self.opened = 0
        self.greets = True
        self.accepts = True
        self.deaf = False
        self.changed = threading.Condition()
        self.lines: list[socket.socket] = []
        self._resets = False
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        slack.socket_url = f"ws://127.0.0.1:{self._server.server_address[1]}/link/?ticket={secrets.token_hex(8)}&app_id=A0APP00001"

    @property
    def connected(self) -> bool:
        """Whether somebody is at the other end."""
        with self.changed:
            return bool(self.lines)

    def wait_until_opened(self, count: int = 1, within_s: float = 20.0) -> None:
        """Return when *count* sockets have been opened, and one of them is still open."""
        until(
            lambda: self.opened >= count and self.connected, f"socket {count} is opened", within_s
        )

    def send(self, text: str) -> None:
        """Send *text* over the newest socket."""
        with self.changed:
            self.lines[-1].sendall(frame(_TEXT, text.encode()))

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

    def acked(self, envelope: str, times: int = 1, within_s: float = 3.0) -> dict[str, Any]:
        """What was said to *envelope* the last of *times* times, within Slack's patience."""

        def look() -> list[dict[str, Any]] | None:
            with self.changed:
                return self.acks[envelope] if len(self.acks.get(envelope, [])) >= times else None

        return until(look, f"envelope {envelope} is acknowledged", within_s)[times - 1]

    def slash(self, command: str, text: str = "", user: str = OWNER) -> str:
        """What *user* reads who types *command*."""
        fields = self.slack.slash_fields(command, text, user, ALERTS)
        return str(
            self.acked(self.deliver("slash_commands", fields)).get("payload", {}).get("text", "")
        )

    def press(self, message: Posted, action_id: str, user: str = OWNER) -> str:
        """Click the button *action_id* of *message* as *user*; returns the envelope's id."""
        return self.deliver(
            "interactive", self.slack.press_payload(message, action_id, user), accepts_answer=False
        )

    def ask_to_connect_anew(self, reason: str = "refresh_requested") -> None:
        """Say what Slack says before it ends a socket."""
        self.send(
            json.dumps(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
            )
        )

    def close(self, code: int = 1001) -> None:
        """End every socket as the protocol wants it."""
        with self.changed:
            for line in self.lines:
                line.sendall(frame(_CLOSE, struct.pack("!H", code) + b"bye"))

    def hang_up(self, *, reset: bool = False) -> None:
        """End every socket without a word, or with a reset as a crash does."""
        with self.changed:
            self._resets = reset
            for line in self.lines:
                line.shutdown(socket.SHUT_RD)
            self.lines.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.hang_up()


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole, unmasked frame, as a server sends it."""
    size = len(payload)
    length = (
        bytes([size])
        if size < 126
        else struct.pack("!BH", 126, size)
        if size < 65536
        else struct.pack("!BQ", 127, size)
    )
    return bytes([0x80 | opcode]) + length + payload


def _handler(server: SocketServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                if self._shake_hands():
                    self._talk()
            except OSError:
                pass
            finally:
                self._leave()

        def _leave(self) -> None:
            with server.changed:
                if self.connection in server.lines:
                    server.lines.remove(self.connection)
                if server._resets:
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
            if not server.accepts or request.split()[1] not in str(server.slack.socket_url):
                self.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
                return False
            accept = base64.b64encode(
                hashlib.sha1(  # noqa: S324
                    (headers["sec-websocket-key"] + _GUID).encode()
                ).digest()
            ).decode()
            head = (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            )
            self.wfile.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            return True

        def _talk(self) -> None:
            with server.changed:
                if server.greets:
                    hello = {
                        "type": "hello",
                        "num_connections": 1,
                        "connection_info": {"app_id": "A0APP00001"},
                    }
                    self.connection.sendall(frame(_TEXT, json.dumps(hello).encode()))
                server.lines.append(self.connection)
                server.opened += 1
            while True:
                opcode, payload = self._frame()
                while server.deaf:
                    time.sleep(0.05)
                if opcode == _CLOSE:
                    return
                with server.changed:
                    if opcode == _PING:
                        self.connection.sendall(frame(_PONG, payload))
                    elif opcode == _TEXT:
                        ack = json.loads(payload)
                        server.acks.setdefault(ack["envelope_id"], []).append(ack)

        def _frame(self) -> tuple[int, bytes]:
            first, second = self._exactly(2)
            if not second & 0x80:
                raise ConnectionError("a client masks what it sends")
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._exactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._exactly(8))
            mask, payload = self._exactly(4), self._exactly(size)
            return first & 0x0F, bytes(
                byte ^ mask[number % 4] for number, byte in enumerate(payload)
            )

        def _exactly(self, count: int) -> bytes:
            got = self.rfile.read(count)
            if len(got) < count:
                raise ConnectionError("it hung up")
            return got

    return Handler

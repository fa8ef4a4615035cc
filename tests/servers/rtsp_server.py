"""An RTSP camera on loopback that sends H.264 through the connection itself, as cameras do over
TCP, or by UDP.
"""

import base64
import re
import socket
import socketserver
import struct
import time
from collections.abc import Callable, Container

from app.frames import Image
from tests.cameras.pictures import FPS, H264, SIZE, picture
from tests.servers.background import BackgroundServer

_LARGEST = 1400
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 "
    "0.0.0.0\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"
)


class RtspServer(BackgroundServer):
    """Plays one film of *count* pictures in real time to everybody who asks, and then says nothing
    more.

    *login* is the `user:password` that it asks for, if any; `transports` collects what players
    asked for. Its pictures come *fps* times a second, and are what *draw* draws, of *size*. With
    *udp* it refuses TCP with 461. The RTP packets whose numbers are *lost* are not sent.
    """

    def __init__(
        self,
        count: int = 400,
        login: str | None = None,
        *,
        draw: Callable[[int], Image] = picture,
        size: tuple[int, int] = SIZE,
        fps: int = FPS,
        udp: bool = False,
        lost: Container[int] = (),
    ) -> None:
        self.login = login
        self.udp = udp
        self.lost = lost
        self.transports: list[str] = []
        self.fps = fps
        self.units = encoded([draw(number) for number in range(count)], size)
        super().__init__(_handler(self))
        self.address = f"127.0.0.1:{self.port}"


def encoded(pictures: list[Image], size: tuple[int, int]) -> list[list[bytes]]:
    """The NAL units of each of *pictures*."""
    coder = H264(size, key_every=20)
    plain = (coder.encoded(drawn)[0].replace(b"\0\0\0\1", b"\0\0\1") for drawn in pictures)
    return [[unit for unit in raw.split(b"\0\0\1") if unit] for raw in plain]


def _handler(server: RtspServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        _datagrams: socket.socket | None = None

        def handle(self) -> None:
            self._sequence = 0
            try:
                while request := self._request():
                    if self._answer(*request) == "PLAY":
                        self._play()
                        return
            except (BrokenPipeError, ConnectionResetError, ConnectionRefusedError):
                pass
            finally:
                if self._datagrams:
                    self._datagrams.close()

        def _request(self) -> tuple[str, dict[str, str]] | None:
            lines = []
            while line := self.rfile.readline().decode().strip():
                lines.append(line)
            if not lines:
                return None
            return lines[0].split()[0], {
                key.lower(): value.strip()
                for key, _, value in (line.partition(":") for line in lines[1:])
            }

        def _answer(self, verb: str, headers: dict[str, str]) -> str:
            expected = "Basic " + base64.b64encode((server.login or "").encode()).decode()
            if server.login and headers.get("authorization") != expected:
                self._reply(
                    "401 Unauthorized", headers, 'WWW-Authenticate: Basic realm="camera"\r\n'
                )
                return "refused"
            if verb == "DESCRIBE":
                self._reply("200 OK", headers, "Content-Type: application/sdp\r\n", _SDP)
            elif verb == "SETUP":
                server.transports.append(headers["transport"])
                self._set_up(headers)
            else:
                self._reply(
                    "200 OK", headers, "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
                )
            return verb

        def _set_up(self, headers: dict[str, str]) -> None:
            transport = headers["transport"]
            if server.udp and "TCP" in transport:
                self._reply("461 Unsupported Transport", headers, "")
                return
            if ports := re.search(r"client_port=(\d+)", transport):
                self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._datagrams.connect((self.client_address[0], int(ports[1])))
                port = self._datagrams.getsockname()[1]
                transport += f";server_port={port}-{port + 1}"
            self._reply("200 OK", headers, f"Transport: {transport}\r\nSession: 1\r\n")

        def _reply(self, status: str, headers: dict[str, str], more: str, body: str = "") -> None:
            head = (
                f"RTSP/1.0 {status}\r\nCSeq: {headers['cseq']}\r\n{more}Content-Length: "
                f"{len(body)}\r\n\r\n"
            )
            self.wfile.write((head + body).encode())

        def _play(self) -> None:
            began_s = time.monotonic()
            for number, units in enumerate(server.units):
                for unit in units:
                    self._send_unit(unit, number * 90_000 // server.fps, last=unit is units[-1])
                # By the clock, since the stamps go by it too.
                if server.over.wait(max(began_s + (number + 1) / server.fps - time.monotonic(), 0)):
                    return
            server.over.wait()

        def _send_unit(self, unit: bytes, stamp: int, last: bool) -> None:
            if len(unit) <= _LARGEST:
                self._send(unit, stamp, last)
                return
            indicator, kind = (unit[0] & 0xE0) | 28, unit[0] & 0x1F
            parts = [unit[at : at + _LARGEST] for at in range(1, len(unit), _LARGEST)]
            for part in parts:
                begins, ends = part is parts[0], part is parts[-1]
                self._send(
                    bytes([indicator, begins << 7 | ends << 6 | kind]) + part, stamp, last and ends
                )

        def _send(self, payload: bytes, stamp: int, last: bool) -> None:
            packet = (
                struct.pack(">BBHII", 0x80, last << 7 | 96, self._sequence & 0xFFFF, stamp, 7)
                + payload
            )
            self._sequence += 1
            if self._sequence - 1 in server.lost:
                return
            if self._datagrams:
                self._datagrams.send(packet)
            else:
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)

    return Handler

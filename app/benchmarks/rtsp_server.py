"""An RTSP camera on loopback that sends H.264 through the connection itself, as cameras do over
TCP, or by UDP.
"""

import base64
import re
import select
import socket
import struct
import time
from collections.abc import Container, Iterator, Sequence
from functools import partial
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from app.benchmarks.background_server import BackgroundServer

_LARGEST = 1400
#: The longest time after which the end of the server is noticed.
_LOOK_EVERY_S = 0.2
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 "
    "0.0.0.0\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1{sets}\r\na=control:track1\r\n"
)
#: The types of NAL units: a key frame, and the parameter sets of the sequence and of pictures.
_KEY, _SEQUENCE, _PICTURE = 5, 7, 8
#: The NAL units of a picture.
Units = Sequence[bytes]


class RtspServer(BackgroundServer):
    """Plays *pictures* in real time to everybody who asks, *fps* a second, and then says nothing
    more.

    *login* is the `user:password` that it asks for, if any. `transports` collects what players
    asked for, `began_at_s` and `ended_at_s` the monotonic times at which they connected and
    left.
    With *repeats* it plays them without end, by one clock: all who play get a picture at the same
    time, from the next key frame on. With *udp* it refuses TCP with 461. The RTP packets whose
    numbers are *lost* are not sent.
    """

    def __init__(
        self,
        pictures: Sequence[Units],
        fps: int,
        login: str | None = None,
        *,
        repeats: bool = False,
        udp: bool = False,
        lost: Container[int] = (),
    ) -> None:
        self.login = login
        self.udp = udp
        self.lost = lost
        self.transports: list[str] = []
        self.began_at_s: list[float] = []
        self.ended_at_s: list[float] = []
        self.fps = fps
        self.pictures = pictures
        self._repeats = repeats
        self._began_s = time.monotonic()
        super().__init__(partial(_Player, self), kind=ThreadingTCPServer)
        self.address = f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return the address for players."""
        return f"rtsp://{self.address}/"

    def times(self) -> Iterator[tuple[int, float, Units]]:
        """Yield number, monotonic time, and NAL units of each picture for a player who asks now."""
        if not self._repeats:
            began_s = time.monotonic()
            for number, units in enumerate(self.pictures):
                yield number, began_s + number / self.fps, units
            return
        number = int((time.monotonic() - self._began_s) * self.fps) + 1
        while not is_key(self.pictures[number % len(self.pictures)]):
            number += 1
        while True:
            yield number, self.sent_at_s(number), self.pictures[number % len(self.pictures)]
            number += 1

    def sent_at_s(self, number: int) -> float:
        """Return the monotonic time at which picture *number* is sent to all, with *repeats*."""
        return self._began_s + number / self.fps


def is_key(units: Units) -> bool:
    """Return whether a picture can be decoded without those before it."""
    return any(_kind(unit) == _KEY for unit in units)


def _kind(unit: bytes) -> int:
    return unit[0] & 0x1F


def _description(units: Units) -> str:
    """Return the description of a stream of which *units* is the first picture."""
    sets = [unit for unit in units if _kind(unit) in (_SEQUENCE, _PICTURE)]
    if not sets:
        return _SDP.format(sets="")
    encoded = ",".join(base64.b64encode(unit).decode() for unit in sets)
    profile = sets[0][1:4].hex()
    return _SDP.format(sets=f"; profile-level-id={profile}; sprop-parameter-sets={encoded}")


def nal_units(packet: bytes) -> list[bytes]:
    """Return the NAL units of *packet*, which is in Annex B."""
    plain = packet.replace(b"\0\0\0\1", b"\0\0\1")
    return [unit for unit in plain.split(b"\0\0\1") if unit]


class _Player(StreamRequestHandler):
    def __init__(self, camera: RtspServer, *args: Any) -> None:
        self._camera = camera
        self._description = _description(camera.pictures[0])
        #: The socket for a player that takes UDP.
        self._datagrams: socket.socket | None = None
        self._sequence = 0
        #: The packets of a picture that go over the connection, in one piece.
        self._unsent = bytearray()
        super().__init__(*args)

    def handle(self) -> None:
        self._camera.began_at_s.append(time.monotonic())
        try:
            while request := self._request():
                if self._answer(*request) == "PLAY":
                    self._play()
                    return
        except (BrokenPipeError, ConnectionResetError, ConnectionRefusedError):
            pass  # The player has gone.
        finally:
            self._camera.ended_at_s.append(time.monotonic())
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
        expected = "Basic " + base64.b64encode((self._camera.login or "").encode()).decode()
        if self._camera.login and headers.get("authorization") != expected:
            self._reply("401 Unauthorized", headers, 'WWW-Authenticate: Basic realm="camera"\r\n')
            return "refused"
        if verb == "DESCRIBE":
            self._reply("200 OK", headers, "Content-Type: application/sdp\r\n", self._description)
        elif verb == "SETUP":
            self._camera.transports.append(headers["transport"])
            self._set_up(headers)
        else:
            self._reply(
                "200 OK", headers, "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            )
        return verb

    def _set_up(self, headers: dict[str, str]) -> None:
        transport = headers["transport"]
        if self._camera.udp and "TCP" in transport:
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
        for number, at_s, units in self._camera.times():
            # By the clock, since the stamps go by it too.
            if self._is_over(at_s):
                return
            self._send_picture(number, units)
        self._camera.over.wait()

    def _is_over(self, until_s: float) -> bool:
        """Wait until *until_s*; returns early, and True, when the player or the server ends."""
        while not self._camera.over.is_set():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return False
            if select.select([self.connection], [], [], min(left_s, _LOOK_EVERY_S))[0]:
                request = self._request()
                if request is None or self._answer(*request) == "TEARDOWN":
                    return True
        return True

    def _send_picture(self, number: int, units: Units) -> None:
        stamp = number * 90_000 // self._camera.fps & 0xFFFFFFFF
        for unit in units:
            self._send_unit(unit, stamp, last=unit is units[-1])
        self.wfile.write(self._unsent)
        self._unsent.clear()

    def _send_unit(self, unit: bytes, stamp: int, last: bool) -> None:
        if len(unit) <= _LARGEST:
            self._send(unit, stamp, last)
            return
        indicator, kind = (unit[0] & 0xE0) | 28, _kind(unit)
        parts = [unit[at : at + _LARGEST] for at in range(1, len(unit), _LARGEST)]
        for part in parts:
            begins, ends = part is parts[0], part is parts[-1]
            self._send(
                bytes([indicator, begins << 7 | ends << 6 | kind]) + part, stamp, last and ends
            )

    def _send(self, payload: bytes, stamp: int, last: bool) -> None:
        packet = (
            struct.pack(">BBHII", 0x80, last << 7 | 96, self._sequence & 0xFFFF, stamp, 7) + payload
        )
        self._sequence += 1
        if self._sequence - 1 in self._camera.lost:
            return
        if self._datagrams:
            self._datagrams.send(packet)
        else:
            self._unsent += struct.pack(">cBH", b"$", 0, len(packet)) + packet

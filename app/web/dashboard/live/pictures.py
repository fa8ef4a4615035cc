"""Live pictures for browsers: endless answers, each with the newest picture of its cameras.

One thread of this process is subscribed to what cameras publish, and asks them for it, while at
least one browser views. Each viewer waits for a newer picture than its last one, so a slow viewer
leaves pictures out, and holds nobody.

An answer is `multipart/x-mixed-replace`, which `<img>` displays, and `static/live.js` reads. Each
part has its camera in the header `X-Camera`. While no picture comes, a header line of the next part
is sent now and then: this shows whether the viewer is still there, and changes no picture.
"""

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Literal, NamedTuple

from app import protocol
from app.errors import ProtocolError, StateUnavailable
from app.state import State
from app.web import STOPPING

#: The most viewers at once. A thread serves each, and the pages need some too.
MOST_VIEWERS = 24
#: The time between two wishes; a camera publishes for `protocol.WATCHED_LIFE_S` after each.
ASK_S = 2.0
#: The time without a picture after which a header line is sent instead.
QUIET_S = 5.0
#: The longest wait before the thread, or a viewer, looks whether it is still needed.
LOOK_S = 0.5
RETRY_S = 1.0
#: The age at which a message is no longer sent: it would look live.
OLD_S = 1.0
#: What separates the parts of an answer.
BOUNDARY = "picture"
_SEPARATOR = f"--{BOUNDARY}\r\n".encode()
_QUIET = b"X-Quiet: 1\r\n"

_log = logging.getLogger(__name__)


class CameraChannel(NamedTuple):
    """A camera's channel: its frames, or the messages of its detector."""

    camera: str
    what: Literal["frames", "detector"] = "frames"

    @property
    def name(self) -> str:
        """Its name in Redis."""
        return protocol.camera_key(self.camera, self.what)


class _Message(NamedTuple):
    """A message, its number in the order of arrival, and the monotonic time at which it came."""

    number: int
    came_s: float
    content: bytes


class LivePictures:
    """The newest message of each channel that somebody views. Several threads may use it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._changed = threading.Condition()
        self._viewers = 0
        self._wanted: Counter[CameraChannel] = Counter()
        self._newest: dict[CameraChannel, _Message] = {}
        self._arrived = 0
        self._thread: threading.Thread | None = None

    @property
    def is_full(self) -> bool:
        """Return whether there are `MOST_VIEWERS`."""
        return self._viewers >= MOST_VIEWERS

    def stream(
        self, channels: Collection[CameraChannel], goes_on: Callable[[], bool]
    ) -> Iterator[bytes]:
        """Yield the parts of an answer that shows *channels*, as long as *goes_on* returns True.

        It has no part when there are too many viewers.
        """
        if not self._join(channels):
            return
        try:
            yield _SEPARATOR
            yield from self._parts(channels, goes_on)
        finally:
            self._leave(channels)

    def _parts(
        self, channels: Collection[CameraChannel], goes_on: Callable[[], bool]
    ) -> Iterator[bytes]:
        sent = dict.fromkeys(channels, 0)
        quiet_s = time.monotonic()
        while goes_on() and self._is_followed():
            channel = self._next(sent)
            if channel:
                message = self._newest[channel]
                sent[channel] = message.number
                yield _part(channel, message.content)
            elif time.monotonic() - quiet_s < QUIET_S:
                continue
            else:
                yield _QUIET
            quiet_s = time.monotonic()

    def _is_followed(self) -> bool:
        """Return whether the thread lives; a mistake may end it. The next viewer starts it."""
        with self._changed:
            return self._thread is not None and self._thread.is_alive()

    def _next(self, sent: dict[CameraChannel, int]) -> CameraChannel | None:
        """Return the channel with a newer message than the last one *sent*; None after `LOOK_S`.

        Of several, this is the one whose turn was longest ago.
        """

        def is_due(channel: CameraChannel) -> bool:
            message = self._newest.get(channel)
            if message is None or message.number <= sent[channel]:
                return False
            return time.monotonic() - message.came_s < OLD_S

        def newer() -> list[CameraChannel]:
            return list(filter(is_due, sent))

        with self._changed:
            self._changed.wait_for(newer, LOOK_S)
            return min(newer(), key=lambda one: sent[one], default=None)

    def _join(self, channels: Collection[CameraChannel]) -> bool:
        with self._changed:
            if self.is_full:
                return False
            self._viewers += 1
            self._wanted.update(channels)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
            return True

    def _leave(self, channels: Collection[CameraChannel]) -> None:
        with self._changed:
            self._viewers -= 1
            self._wanted.subtract(channels)
            for channel in [one for one in channels if self._wanted[one] <= 0]:
                del self._wanted[channel]
                self._newest.pop(channel, None)

    def _run(self) -> None:
        """Take what is published, until nobody views."""
        was_away = False
        while wanted := self._wanted_now():
            try:
                self._follow(wanted)
                was_away = False
            except (StateUnavailable, ProtocolError) as error:
                if not was_away:
                    _log.warning("no live pictures: %s", error)
                was_away = True
                STOPPING.wait(RETRY_S)

    def _wanted_now(self) -> frozenset[CameraChannel]:
        """Return the channels that somebody views; without one, this thread must end."""
        with self._changed:
            wanted = frozenset() if STOPPING.is_set() else frozenset(self._wanted)
            if not wanted:
                self._thread = None
            return wanted

    def _follow(self, wanted: frozenset[CameraChannel]) -> None:
        """Take what comes on the channels *wanted*, until others are wanted."""
        names = {channel.name: channel for channel in wanted}
        frames = [channel.camera for channel in wanted if channel.what == "frames"]
        detectors = [channel.camera for channel in wanted if channel.what == "detector"]
        ask_at_s = 0.0
        with contextlib.closing(self._state.subscription(*names)) as subscription:
            while self._is_wanted(wanted) and not STOPPING.is_set():
                if time.monotonic() >= ask_at_s:
                    self._state.watch(frames)
                    self._state.watch(detectors, detector=True)
                    ask_at_s = time.monotonic() + ASK_S
                if message := subscription.read(LOOK_S):
                    self._take(names[message[0]], message[1])

    def _is_wanted(self, channels: frozenset[CameraChannel]) -> bool:
        with self._changed:
            return self._wanted.keys() == channels

    def _take(self, channel: CameraChannel, message: bytes) -> None:
        with self._changed:
            if channel in self._wanted:
                self._arrived += 1
                self._newest[channel] = _Message(self._arrived, time.monotonic(), message)
                self._changed.notify_all()


def _part(channel: CameraChannel, message: bytes) -> bytes:
    """Return *message* as a part that begins after a boundary, and ends with the next one."""
    kind = "image/jpeg" if channel.what == "frames" else "application/octet-stream"
    head = (
        f"Content-Type: {kind}\r\nContent-Length: {len(message)}\r\n"
        f"X-Camera: {channel.camera}\r\n\r\n"
    )
    return b"".join((head.encode(), message, b"\r\n", _SEPARATOR))

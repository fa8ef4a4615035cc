"""The pre-roll: a camera's last seconds in memory, compressed; a clip begins with them.

Everything that is not on disk yet is in this memory only, so one limit covers all of it. The writer
of a clip reads through a cursor. While a cursor is open, packets may stay longer than usual, but
the memory never exceeds its limit: the oldest packets are dropped first. A cursor that has not read
them finds a gap.
"""

import math
import threading
from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile

from app.frames import Packet

#: The memory that a packet takes besides its data.
_PACKET_BYTES = 250
#: The most packets that one read returns. It is small, because the limit does not count them.
BATCH = 20


class Cursor:
    """The position of a reader; *start_s* is the time of the first picture to show.

    Packets before that picture are only needed to decode it. The packets of the last read, from
    *kept_from* on, may be needed again: a clip may end among them, and another may begin among
    them.
    """

    def __init__(self, position: int, start_s: float) -> None:
        self.position = self.kept_from = position
        self.start_s = start_s
        #: The number of times that packets were dropped before they were read.
        self.gaps = 0


class Ring:
    """Keeps the packets of the last *keep_s* seconds in at most *limit_bytes*.

    Earlier packets stay only if decoding needs them. All methods may be called from any thread.
    """

    def __init__(self, keep_s: float, limit_bytes: float) -> None:
        self.keep_s = keep_s
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._packets: deque[Packet] = deque()
        self._first = 0
        self._keys: deque[int] = deque()
        self._cursors: list[Cursor] = []
        self._lock = threading.Lock()

    @property
    def newest_decode_s(self) -> float:
        """The time at which the newest packet is decoded."""
        with self._lock:
            return self._packets[-1].decode_s if self._packets else -math.inf

    @property
    def kept_s(self) -> float:
        """The seconds from the oldest packet to the newest."""
        with self._lock:
            return self._packets[-1].at_s - self._packets[0].at_s if self._packets else 0.0

    def append(self, packet: Packet) -> None:
        """Add *packet*, unless no key frame has come yet: it could not be decoded."""
        with self._lock:
            if packet.key:
                self._keys.append(self._first + len(self._packets))
            elif not self._keys:
                return
            self._packets.append(packet)
            self.used_bytes += len(packet.data) + _PACKET_BYTES
            self._drop_old(packet.at_s - self.keep_s)

    def open_cursor(self, start_s: float) -> Cursor:
        """Return a cursor for everything from *start_s* on, or from the first packet after it.

        The cursor's `start_s` is the time of the picture nearest to *start_s*. Its first packets
        may be earlier, because decoding that picture needs them. `release` closes the cursor.
        """
        with self._lock:
            start_s = self._nearest(start_s)
            cursor = Cursor(self._key_before(start_s), start_s)
            self._cursors.append(cursor)
            return cursor

    def read(self, cursor: Cursor, before_s: float = math.inf) -> list[Packet]:
        """Return the next packets of *cursor*; fewer than `BATCH` when it has read them all.

        Those from *before_s* on stay, as long as they are not older than `keep_s` and half of the
        memory is free. The first packet after a gap is a key frame.
        """
        with self._lock:
            if cursor.position < self._first:
                cursor.gaps += 1
                cursor.position = self._keys[0] if self._keys else self._first + len(self._packets)
            cursor.kept_from = cursor.position
            begin = cursor.position - self._first
            following: Iterator[Packet] = islice(self._packets, begin, begin + BATCH)
            if before_s < math.inf and 0 < self.used_bytes < self.limit_bytes / 2:
                limit_s = max(before_s, self._packets[-1].at_s - self.keep_s)
                following = takewhile(lambda packet: packet.decode_s < limit_s, following)
            found = list(following)
            cursor.position += len(found)
            return found

    def release(self, cursor: Cursor) -> None:
        """Close *cursor*."""
        with self._lock:
            self._cursors.remove(cursor)

    def clear(self) -> None:
        """Drop all packets."""
        with self._lock:
            self._drop(len(self._packets))

    def _drop_old(self, before_s: float) -> None:
        end = self._first + len(self._packets)
        needed = min((cursor.kept_from for cursor in self._cursors), default=end)
        while (
            len(self._keys) > 1
            and self._keys[1] <= needed
            and self._packets[self._keys[1] - self._first].at_s <= before_s
        ):
            self._drop(self._keys[1] - self._first)
        while self.used_bytes > self.limit_bytes and self._packets:
            self._drop(self._keys[1] - self._first if len(self._keys) > 1 else len(self._packets))

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self.used_bytes -= len(self._packets.popleft().data) + _PACKET_BYTES
        self._first += count
        while self._keys and self._keys[0] < self._first:
            self._keys.popleft()

    def _nearest(self, start_s: float) -> float:
        """Return the time of the picture nearest to *start_s* since the camera was last opened.

        If there is none, this is *start_s* itself.
        """
        packets = self._since_opening()
        # A picture that is shown before the first key frame needs pictures that are dropped.
        times = [packet.at_s for packet in packets if packet.at_s >= packets[-1].at_s]
        return min(times, key=lambda at_s: abs(at_s - start_s), default=start_s)

    def _key_before(self, start_s: float) -> int:
        """Return the position of the last key frame that is not after *start_s*.

        If there is none, this is the position of the first key frame. Only packets since the camera
        was last opened count.
        """
        end = self._first + len(self._packets)
        newest = end - len(self._since_opening())
        keys = [position for position in self._keys if position >= newest]
        early = [key for key in keys if self._packets[key - self._first].at_s <= start_s]
        if early:
            return early[-1]
        return keys[0] if keys else end

    def _since_opening(self) -> list[Packet]:
        """Return the packets since the camera was last opened, newest first."""
        newest = self._packets[-1].video_format.opening if self._packets else None
        return list(
            takewhile(lambda packet: packet.video_format.opening is newest, reversed(self._packets))
        )

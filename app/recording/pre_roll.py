"""The last seconds of a camera, compressed, in memory: what a clip shows from before anybody knew
that there would be one.

All that is not on disk yet is in here and nowhere else, so one bound holds for it all. Who writes a
clip has a cursor in the ring. While cursors wait, packets stay beyond their time, but never beyond
the bound: then the oldest go, and a cursor that has not got to them yet finds a gap.
"""

import threading
from collections import deque
from itertools import islice, takewhile

from app.frames import Packet

#: What a packet takes beside its data.
_PACKET_BYTES = 250
#: Small, because a reader's batch is not counted in the bound.
_BATCH = 20


class Cursor:
    """How far a reader has got. *start_s* is the moment of the first picture that is wanted;
    packets before it only lead up to it.

    What it read last is from `kept_from` on, and may be wanted again: a clip may end in the middle
    of it, and another begin.
    """

    def __init__(self, position: int, start_s: float) -> None:
        self.position = self.kept_from = position
        self.start_s = start_s
        #: How often packets were gone before they could be read.
        self.gaps = 0


class Ring:
    """Keeps the packets of *keep_s* seconds, and of as many more as lead up to them, in at most
    *limit_bytes*. For any thread.
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
    def kept_s(self) -> float:
        """How many seconds there are just now."""
        with self._lock:
            return self._packets[-1].at_s - self._packets[0].at_s if self._packets else 0.0

    def add(self, packet: Packet) -> None:
        """Put *packet* at the end. Those that come before any key frame are of no use, and are left
        out.
        """
        with self._lock:
            if packet.key:
                self._keys.append(self._first + len(self._packets))
            elif not self._keys:
                return
            self._packets.append(packet)
            self.used_bytes += len(packet.data) + _PACKET_BYTES
            self._drop_old(packet.at_s - self.keep_s)

    def cursor(self, start_s: float) -> Cursor:
        """A reader of all from *start_s* on, or from as soon after it as there is something.

        It starts with the picture nearest to that moment, whose time is the cursor's `start_s`, and
        reads first what leads up to that. `release` lets go of it.
        """
        with self._lock:
            start_s = self._nearest(start_s)
            cursor = Cursor(self._key_before(start_s), start_s)
            self._cursors.append(cursor)
            return cursor

    def read(self, cursor: Cursor) -> list[Packet]:
        """The next packets for *cursor*, none when it has had them all. The first after a gap is a
        key frame.
        """
        with self._lock:
            if cursor.position < self._first:
                cursor.gaps += 1
                cursor.position = self._keys[0] if self._keys else self._first + len(self._packets)
            cursor.kept_from = cursor.position
            begin = cursor.position - self._first
            found = list(islice(self._packets, begin, begin + _BATCH))
            cursor.position += len(found)
            return found

    def release(self, cursor: Cursor) -> None:
        """*cursor* is not needed any more."""
        with self._lock:
            self._cursors.remove(cursor)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._drop(len(self._packets))

    def _drop_old(self, before_s: float) -> None:
        needed = min(
            (cursor.kept_from for cursor in self._cursors), default=self._first + len(self._packets)
        )
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
        """The time of the picture nearest to *start_s* among those of the newest footage; itself
        when there are none.
        """
        packets = self._newest_footage()
        # What is shown before the first key frame needs pictures that are gone.
        times = [packet.at_s for packet in packets if packet.at_s >= packets[-1].at_s]
        return min(times, key=lambda at_s: abs(at_s - start_s), default=start_s)

    def _key_before(self, start_s: float) -> int:
        """The position of the last key frame of the newest footage that is not after *start_s*; if
        there is none, of its first.
        """
        newest = self._first + len(self._packets) - len(self._newest_footage())
        keys = [position for position in self._keys if position >= newest]
        early = [
            position for position in keys if self._packets[position - self._first].at_s <= start_s
        ]
        return early[-1] if early else keys[0] if keys else self._first + len(self._packets)

    def _newest_footage(self) -> list[Packet]:
        """What is in here since the camera was last opened, the newest first."""
        newest = self._packets[-1].video_format if self._packets else None
        return list(
            takewhile(lambda packet: packet.video_format is newest, reversed(self._packets))
        )

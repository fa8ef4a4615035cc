"""Finds the pictures of a stream that are damaged, or are made of damaged ones.

A lost packet spoils its own picture and those that are made of it, up to the next key frame. libav
fills the gaps and returns such pictures like any other. It reports the loss by flags, by errors,
and in some cases only in its log.
"""

import logging
from collections import deque
from collections.abc import Sequence

import av
from av.video.frame import PictureType
from av.video.stream import VideoStream

#: A stream without key frames heals in time: after as long without a sign of loss its pictures are
#: judged again.
HEALED_S = 5.0
#: Some decoders complain of each picture of an intact camera. After as many complaints in a row,
#: complaints are ignored.
MOST_COMPLAINTS = 100
#: Demuxers log this when the numbers of RTP packets have a gap.
_LOST = "RTP: missed"
#: Decoders log these, often without a flag, when a picture or its references are incomplete.
_COMPLAINTS = (
    *("overread", "error count", "error y=", "mjpeg_decode_dc: bad vlc", "error while decoding MB"),
    *("Missing reference picture", "reference picture missing", "mmco: unref short failure"),
    *("Could not find ref with POC", "concealing "),
)
_MOST_STAMPS = 64

#: A message of libav's log: level, part of libav, text.
Message = tuple[int, str, str]


class DamageWatch:
    """Decides which pictures of one stream are damaged.

    From a sign of loss on, all pictures are damaged, up to the next intact key frame. Without a key
    frame that ends after `HEALED_S` without a sign; *scene* changes then, and again at the key
    frame, because the picture may look different although nothing has moved.
    """

    def __init__(self) -> None:
        self.scene = 0
        self._sign = self._damaged = self._healed = False
        self._sign_at_s = 0.0
        #: The stamps of the packets since the last sign; the decoder may hold older pictures back.
        self._stamps: deque[int | None] = deque(maxlen=_MOST_STAMPS)
        self._lost_before = False
        self._complaints = 0

    def packet_read(self, packet: "av.Packet[VideoStream]", messages: Sequence[Message]) -> None:
        """Record that *packet* was read, and that libav logged *messages* meanwhile."""
        lost = packet.is_corrupt or (
            bool(messages) and any(text.startswith(_LOST) for _, _, text in messages)
        )
        if lost:
            self.record_loss()
        elif not self._lost_before:
            self._stamps.append(packet.dts if packet.pts is None else packet.pts)
        # libav often marks the packet before the damaged one.
        self._lost_before = lost

    def packet_decoded(self, messages: Sequence[Message]) -> None:
        """Record that a packet was decoded, and that libav logged *messages* meanwhile."""
        if not (messages and any(text.startswith(_COMPLAINTS) for _, _, text in messages)):
            self._complaints = 0
            return
        self._complaints += 1
        if self._complaints <= MOST_COMPLAINTS:
            self.record_loss()

    def record_loss(self) -> None:
        """Record that the packet at hand is damaged or missing."""
        self._sign = True
        self._stamps.clear()

    def is_damaged(self, picture: av.VideoFrame, at_s: float) -> bool:
        """Return whether *picture*, the next one of the decoder, at *at_s*, is damaged."""
        if self._sign or picture.is_corrupt:
            self._sign, self._damaged, self._sign_at_s = False, True, at_s
        if picture.is_corrupt or not (self._damaged or self._healed):
            return self._damaged
        if self._begins_again(picture):
            self.scene += self._healed
            self._damaged = self._healed = False
        elif self._damaged and at_s - self._sign_at_s >= HEALED_S:
            self.scene += 1
            self._damaged, self._healed = False, True
        return self._damaged

    def _begins_again(self, picture: av.VideoFrame) -> bool:
        """Return whether *picture* is a key frame that came after the last sign."""
        if not picture.key_frame or picture.pict_type not in (PictureType.I, PictureType.NONE):
            return False
        return picture.pts in self._stamps


def listen_to_libav() -> None:
    """Let `av.logging.Capture` receive libav's warnings, each of them, and nobody else."""
    av.logging.set_skip_repeated(False)
    av.logging.set_level(av.logging.WARNING)
    # Its messages may contain the address of a camera with the password.
    logging.getLogger("libav").setLevel(logging.CRITICAL + 1)

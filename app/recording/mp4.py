"""MP4 files as phones, browsers and Slack want them: H.264 with the index in front, and exact in
what they show.
"""

import struct
from fractions import Fraction

#: What the times in our files are counted in.
TICKS_PER_S = 90_000
TIME_BASE = Fraction(1, TICKS_PER_S)
#: What stands in an index beside the samples, and what each of them takes there at most.
_INDEX_BYTES, _SAMPLE_BYTES = 4096, 48


def index_in_front(samples: int) -> dict[str, str]:
    """The options by which libav writes a file of that many *samples* with the index in front,
    without moving all else afterwards.

    Times before zero stay what they are: an edit list then tells players to start at zero.
    """
    return {
        "moov_size": str(_INDEX_BYTES + _SAMPLE_BYTES * samples),
        "avoid_negative_ts": "disabled",
    }


def show_only(head: bytes, shown_s: float) -> bytes:
    """*head*, the beginning of an MP4 file with its index, changed to end after *shown_s* seconds,
    whatever comes after that.
    """
    changed = bytearray(head)
    movie = head.index(b"mvhd")
    (timescale,) = struct.unpack_from(">I", head, movie + 16)
    duration = round(shown_s * timescale)
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"elst", 12)):
        struct.pack_into(">I", changed, head.index(box) + offset, duration)
    return bytes(changed)

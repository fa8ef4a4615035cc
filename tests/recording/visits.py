"""A video of real pictures in which somebody comes again and again, so that no test waits long."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av

FPS = 10
#: Pictures of the footage: the empty room, and somebody who comes in, twice. The second is shown
#: for 5.6 s.
EMPTY = [20] * 18
SHORT_VISIT, LONG_VISIT = list(range(54, 68)), [*range(221, 235)] * 4
#: The motion of somebody in pictures of this size.
MOTION = "motion: {alpha: 0.4, min_area: 3000}\n"
_SIZE = (384, 216)


def visits_video(footage: Path, path: Path, numbers: Iterable[int], times: int = 20) -> Path:
    """A video at *path* of the pictures *numbers* of the *footage*, so many *times*.

    They are encoded once, and the first is a key frame: the rest is copies.
    """
    with av.open(str(footage / "one-by-one-person-detection.mp4")) as source:
        seen = [
            picture.reformat(*_SIZE, "yuv420p").to_ndarray()
            for picture in islice(source.decode(video=0), LONG_VISIT[-1] + 1)
        ]
    with av.open(str(path), "w") as written:
        stream = written.add_stream(
            "libx264",
            rate=FPS,
            options={"g": "10", "bf": "0", "preset": "veryfast", "threads": "1"},
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        pictures = (av.VideoFrame.from_ndarray(seen[number], "yuv420p") for number in numbers)
        packets = [packet for picture in (*pictures, None) for packet in stream.encode(picture)]
        for number, packet in enumerate(packets * times):
            copy = av.Packet(bytes(packet))
            copy.stream, copy.is_keyframe = stream, packet.is_keyframe
            copy.time_base = Fraction(1, FPS)
            copy.pts = copy.dts = number
            written.mux(copy)
    return path

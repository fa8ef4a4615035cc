"""A frame, and the few things done to its picture: boxes and words drawn in, JPEG made of it; and a
packet, which holds one compressed.

OpenCV and numpy come in only when a picture is touched: programs that merely read settings name
these types too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Image: TypeAlias = "NDArray[np.uint8]"
_BOX_COLOUR = (64, 200, 64)


class Box(NamedTuple):
    """A rectangle in a frame, in its pixels, from the left upper corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a camera.

    *luma* is (rows, columns) uint8, contiguous, and not written to by anybody. *at_s* is when it
    was taken in seconds of the source's own clock: monotonic for a live camera, playing time for a
    file. *taken_at* is the same moment as aware UTC. *number* counts the source's frames from 0,
    the ones it dropped included. *make_bgr* is asked only when somebody needs colour. *luma_span*
    is how far black and white are apart in *luma*: 255, or 219 where the source uses video levels
    (16 to 235), as most files and network cameras do.
    """

    luma: Image
    at_s: float
    taken_at: datetime
    number: int
    make_bgr: Callable[[], Image]
    luma_span: int = 255

    def bgr(self) -> Image:
        """The picture in colour, (rows, columns, BGR) uint8."""
        return self.make_bgr()


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What packets hold.

    *codec* is what libav calls it, and *pixels* what it calls the format of the pictures. Each key
    frame brings all that a decoder must know; H.264 is in Annex B. The pictures must still be
    turned over as *hflip* and *vflip* say.
    """

    codec: str
    width: int
    height: int
    pixels: str
    hflip: bool = False
    vflip: bool = False


@dataclass(frozen=True, slots=True)
class Packet:
    """A picture, compressed. *at_s* is when it was taken, on the clock of the source's frames;
    *decode_s*, which only increases and is never later, its place among the packets. *key* is False
    when it needs those before it.
    """

    data: bytes
    at_s: float
    decode_s: float
    key: bool
    video_format: VideoFormat


def caption(camera: str, frame: Frame) -> str:
    """What a person is to read beside a picture: that it is *camera*'s, and when it was taken, by
    the clock on the wall.
    """
    return f"{camera}  {frame.taken_at.astimezone():%Y-%m-%d %H:%M:%S}"


def annotated(picture: Image, boxes: Sequence[Box], line: str) -> Image:
    """A copy of *picture*, (rows, columns, BGR) uint8, with *boxes* and a *line* of text drawn
    in.
    """
    import cv2

    drawn = picture.copy()
    scale = max(drawn.shape[1] / 1000, 0.4)
    for box in boxes:
        corner = (box.x + box.width, box.y + box.height)
        cv2.rectangle(drawn, (box.x, box.y), corner, _BOX_COLOUR, max(round(3 * scale), 2))
    (width, height), base = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    top = drawn.shape[0] - height - 2 * base
    cv2.rectangle(drawn, (0, top), (width + 2 * base, drawn.shape[0]), (0, 0, 0), cv2.FILLED)
    cv2.putText(
        drawn,
        line,
        (base, drawn.shape[0] - base),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    return drawn


def jpeg(picture: Image, quality: int = 85) -> bytes:
    """*picture* as JPEG bytes: BGR (rows, columns, 3) or luma (rows, columns), uint8; *quality* is
    1 to 100.
    """
    import cv2

    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"OpenCV could not make a JPEG of a picture of shape {picture.shape}")
    return encoded.tobytes()

"""The video of the measurements: the drawn room as H.264, with a number in each picture.

The number is in the uppermost corner, as a row of black and white cells in Gray code, of which one
changes from picture to picture. A saved picture so says which one it is. The camera masks it.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import cv2
import numpy as np

from app.benchmarks.rtsp_server import Units, nal_units
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.frames import Image

#: The number has so many cells, each a square with sides of so many pixels.
CELLS, CELL_PX = 8, 8
#: The area that the camera ignores, as a polygon of shares of the picture.
MASK = [[0, 0], [0.12, 0], [0.12, 0.03], [0, 0.03]]
#: The part of the drawn scene that is played: somebody comes after about a second, and goes again.
VISIT_S = (43.5, 51.5)
#: A part in which nobody comes.
EMPTY_S = (51.5, 59.5)


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A video of *size* with *fps*: the part from_s to until_s of the drawn scene."""

    size: tuple[int, int]
    fps: int
    part_s: tuple[float, float] = VISIT_S


def drawn_video(part: VideoPart) -> list[Units]:
    """Return the NAL units of each picture of *part*, as a network camera would send them."""
    coder = av.CodecContext.create("libx264", "w")
    assert isinstance(coder, av.VideoCodecContext)  # noqa: S101 (for mypy)
    coder.width, coder.height = part.size
    coder.pix_fmt, coder.framerate = "yuv420p", Fraction(part.fps)
    key = 2 * part.fps
    coder.options = {
        "tune": "zerolatency",
        "preset": "veryfast",
        "crf": "23",
        "threads": "1",
        "x264-params": f"repeat-headers=1:keyint={key}:min-keyint={key}:scenecut=0:annexb=1",
    }
    found: list[Units] = []
    for number, picture in enumerate(_pictures(part)):
        write_number(picture, number)
        (packet,) = coder.encode(av.VideoFrame.from_ndarray(picture, format="bgr24"))
        found.append(nal_units(bytes(packet)))
    return found


def write_number(picture: Image, number: int) -> None:
    """Draw *number* into *picture*, which is (rows, columns, BGR) uint8."""
    gray = number ^ number >> 1
    for cell in range(CELLS):
        columns = slice(cell * CELL_PX, (cell + 1) * CELL_PX)
        picture[:CELL_PX, columns] = 235 if gray >> cell & 1 else 16


def read_number(jpeg: bytes) -> int:
    """Return the number that `write_number` has drawn into a picture, now a JPEG."""
    luma = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    if luma is None:
        raise ValueError("the picture cannot be decoded")
    cells = luma[:CELL_PX, : CELLS * CELL_PX].reshape(CELL_PX, CELLS, CELL_PX).mean(axis=(0, 2))
    number = sum(1 << cell for cell in range(CELLS) if cells[cell] > 128)
    for shift in (1, 2, 4):
        number ^= number >> shift
    return number


def _pictures(part: VideoPart) -> Iterator[Image]:
    settings = CameraSettings(source="synthetic:person", resolution=part.size, fps=part.fps)
    first, end = (round(at_s * part.fps) for at_s in part.part_s)
    with closing(make_camera("bench", settings, SystemClock(), "fast")) as camera:
        camera.open()
        for _ in range(first):
            camera.read()
        for frame in islice(iter(camera.read, None), end - first):
            yield frame.bgr().copy()

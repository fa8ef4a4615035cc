"""Frames, compressed packets, and the few things done to a picture: drawing and JPEG.

OpenCV and numpy are imported only when a picture is touched, because programs that only read
settings use these types too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

from annotated_types import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Image: TypeAlias = "NDArray[np.uint8]"
_BOX_COLOUR = (64, 200, 64)
_Fraction = Annotated[float, Interval(ge=0, le=1)]
#: Corners (x, y) as fractions of the picture's width and height, from the upper left corner.
Polygon = tuple[tuple[_Fraction, _Fraction], ...]
#: A larger share of the picture is all of it.
_ALL = 0.99


class Box(NamedTuple):
    """A rectangle in a frame, in its pixels, from the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def scaled(self, factor: int) -> "Box":
        """Return the same rectangle in a picture that is *factor* times as large."""
        return Box(*(factor * side for side in self))


class Detection(NamedTuple):
    """Something that a model found: *kind* is its class, as in "person", "cat" or "car".

    *box* is in the pixels of the picture, and inside it. *score* is 0 to 1.
    """

    box: Box
    score: float
    kind: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a camera.

    *luma* is (rows, columns) uint8, and never changed; its lines may be padded. *at_s* is when the
    picture was taken, in seconds of the source's own clock: monotonic for a live camera, playing
    time for a file. *taken_at* is the same moment as aware UTC. *number* counts the source's frames
    from 0, dropped frames included. *make_bgr* is called only when somebody needs colour.
    *luma_span* is the difference between white and black in *luma*: 255, or 219 where the source
    uses video levels (16 to 235), as most files and network cameras do. *damaged* pictures show
    what the camera did not see, and are not judged. When *scene* is another number than before, the
    picture may look different although nothing has moved. *detections* are the finds of a network
    in the camera, by that network's own names; None when it did not look at this picture, or there
    is none. While the lens is *focusing*, everything seems to move, and pictures are not judged.
    """

    luma: Image
    at_s: float
    taken_at: datetime
    number: int
    make_bgr: Callable[[], Image]
    luma_span: int = 255
    damaged: bool = False
    scene: int = 0
    detections: tuple[Detection, ...] | None = None
    focusing: bool = False

    def bgr(self) -> Image:
        """Return the picture in colour, (rows, columns, BGR) uint8."""
        return self.make_bgr()


class FrameCounter:
    """Counts the frames of a slow source as so many frames at the configured rate, *fps*.

    Settings that count frames mean that many frames at *fps*. So a frame of a source with a fifth
    of that rate counts as five. A frame counts as *most* at most: a picture after a long pause says
    little about the pause. Without *fps* each frame is one.
    """

    def __init__(self, fps: float | None, most: int) -> None:
        self._fps = fps
        self._most = max(most, 1)
        self._last_s: float | None = None

    def count(self, at_s: float) -> int:
        """Return as how many frames the next frame counts, which was taken at *at_s*."""
        last_s, self._last_s = self._last_s, at_s
        if self._fps is None or last_s is None:
            return 1
        return min(max(1, round((at_s - last_s) * self._fps)), self._most)


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """The format of the pictures in packets.

    *codec* and *pixels* are libav's names of the codec and of the pixel format. Each key frame
    contains everything that a decoder must know; H.264 is in Annex B. The pictures are not flipped
    yet; the viewer must flip them by *hflip* and *vflip*. A camera may change its format while it
    is open: *opening* is then the same object in both formats.

    With *hide* nothing may leave the process as it is: each picture must be decoded, flipped, and
    given to *hide* as (rows * 3/2, columns) uint8, in YUV 4:2:0. It returns the picture with the
    camera's privacy masks painted into it.
    """

    codec: str
    width: int
    height: int
    pixels: str
    hflip: bool = False
    vflip: bool = False
    hide: Callable[[Image], Image] | None = field(default=None, compare=False, repr=False)
    opening: object = field(default_factory=object, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Packet:
    """One compressed picture.

    *at_s* is when it was taken, on the clock of the source's frames. *decode_s* is its place in the
    order of the packets: it only increases, and is never later than *at_s*. *key* is False when
    decoding needs the packets before this one.
    """

    data: bytes
    at_s: float
    decode_s: float
    key: bool
    video_format: VideoFormat


def closed(polygon: Polygon) -> Polygon:
    """Return *polygon*; `ValueError` with a reason unless it has three corners."""
    if len(polygon) < 3:
        raise ValueError("needs at least three corners, each [x, y] as fractions from 0 to 1")
    return polygon


def checked_area(polygon: Polygon) -> Polygon:
    """Return *polygon*; `ValueError` with a reason unless it encloses a part of the picture."""
    if problem := shape_problem(closed(polygon)):
        raise ValueError(problem)
    if is_all(polygon):
        raise ValueError("is all of the picture")
    return polygon


def shape_problem(polygon: Polygon) -> str | None:
    """Return why *polygon* may enclose something else than it should; None when it does not.

    A corner that stands twice in a row, or again at the end, is no problem.
    """
    sides = [side for side in enumerate(_sides(polygon), 1) if side[1][0] != side[1][1]]
    for (place, (number, one)), (other_place, (other, another)) in combinations(
        enumerate(sides), 2
    ):
        are_neighbours = other_place - place in (1, len(sides) - 1)
        if not are_neighbours and _cross(*one, *another):
            return (
                f"crosses itself: the side from corner {number} to the next crosses that from "
                f"corner {other}; name the corners in their order around the area"
            )
    return None if _area(polygon) else "encloses nothing: all corners are on one line"


def is_all(polygon: Polygon) -> bool:
    """Return whether *polygon* is all of the picture."""
    return _area(polygon) > _ALL


def _sides(polygon: Polygon) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(pairwise((*polygon, polygon[0])))


def _area(polygon: Polygon) -> float:
    return abs(sum(x * last_y - last_x * y for (last_x, last_y), (x, y) in _sides(polygon))) / 2


def _cross(*corners: tuple[float, float]) -> bool:
    """Return whether the line between the first two *corners* crosses that between the others."""
    first, second, third, fourth = corners
    return _side(first, second, third) != _side(first, second, fourth) and _side(
        third, fourth, first
    ) != _side(third, fourth, second)


def _side(begin: tuple[float, float], end: tuple[float, float], point: tuple[float, float]) -> int:
    """Return on which side of the line from *begin* to *end* *point* is: -1, 0 (on it) or 1."""
    turn = (end[0] - begin[0]) * (point[1] - begin[1]) - (end[1] - begin[1]) * (point[0] - begin[0])
    return (turn > 0) - (turn < 0)


def caption(camera: str, frame: Frame) -> str:
    """Return the line of text for a picture: the name of *camera* and the local time."""
    return f"{camera}  {frame.taken_at.astimezone():%Y-%m-%d %H:%M:%S}"


def annotated(picture: Image, boxes: Sequence[Box], line: str, labels: Sequence[str] = ()) -> Image:
    """Return a copy of *picture*, (rows, columns, BGR) uint8, with *boxes* and a *line* of text.

    *labels* are for the first boxes.
    """
    import cv2

    drawn, font = picture.copy(), cv2.FONT_HERSHEY_SIMPLEX
    scale = max(drawn.shape[1] / 1000, 0.4)
    for box in boxes:
        corner = (box.x + box.width, box.y + box.height)
        cv2.rectangle(drawn, (box.x, box.y), corner, _BOX_COLOUR, max(round(3 * scale), 2))
    for box, label in zip(boxes, labels, strict=False):
        (_, height), base = cv2.getTextSize(label, font, scale, 1)
        corner = (box.x, box.y - base if box.y > height + base else box.y + height + base)
        cv2.putText(drawn, label, corner, font, scale, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, label, corner, font, scale, _BOX_COLOUR, 1, cv2.LINE_AA)
    (width, height), base = cv2.getTextSize(line, font, scale, 1)
    top = drawn.shape[0] - height - 2 * base
    cv2.rectangle(drawn, (0, top), (width + 2 * base, drawn.shape[0]), (0, 0, 0), cv2.FILLED)
    start = (base, drawn.shape[0] - base)
    cv2.putText(drawn, line, start, font, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def shrunk(picture: Image, most_width: int) -> Image:
    """Return *picture*, (rows, columns, BGR) uint8, at most *most_width* pixels wide."""
    rows, columns = picture.shape[:2]
    if columns <= most_width:
        return picture
    return resized(picture, most_width, max(round(rows * most_width / columns), 1))


def resized(picture: Image, width: int, height: int) -> Image:
    """Return *picture*, uint8, in another size.

    First it is shrunk by a whole number, because OpenCV's averages are cheap only then. At most
    some pixels at the right and lower edges are lost.
    """
    import cv2

    rows, columns = picture.shape[:2]
    factor = min(columns // width, rows // height)
    if factor > 1:
        size = columns // factor, rows // factor
        whole = picture[: size[1] * factor, : size[0] * factor]
        picture = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    shown = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    return shown.astype("uint8", copy=False)


def jpeg(picture: Image, quality: int = 85) -> bytes:
    """Return *picture* as a JPEG of *quality* 1 to 100.

    *picture* is (rows, columns, BGR) uint8 or luma, (rows, columns) uint8. Raises `ValueError`
    when it is larger than a JPEG can be.
    """
    import cv2

    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"OpenCV could not make a JPEG of a picture of shape {picture.shape}")
    return encoded.tobytes()

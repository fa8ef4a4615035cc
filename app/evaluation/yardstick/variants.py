"""The kept scenes as other cameras would show them: another rate, size, contrast or stream.

The frames are changed on the way to the detector, so every variant has the same labels. Variants
that change the picture leave its colour out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from app.evaluation.yardstick.between import at_rate
from app.evaluation.yardstick.drawn import encode, in_grey, read_frames
from app.evaluation.yardstick.footage import FPS, Pixels
from app.frames import Frame, Image

#: Black and white in the luma of a video.
_BLACK, _WHITE = 16, 235
_GREY_LEVELS = np.arange(256, dtype=np.float32)
UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Variant:
    """Another look of a scene: *frames* reads it from a video, and *fps* is its rate."""

    frames: Callable[[Path], Iterator[Frame]]
    fps: int = FPS


def _fewer(step: int) -> Variant:
    """Return every frame in *step*, as from a slower camera."""
    return Variant(lambda path: islice(read_frames(path), 0, None, step), FPS // step)


def _more(fps: int) -> Variant:
    return Variant(lambda path: at_rate(read_frames(path), fps), fps)


def _pictures(change: Callable[[Image], Image]) -> Variant:
    return Variant(lambda path: (in_grey(one, change(one.luma)) for one in read_frames(path)))


def _contrast(share: float) -> Variant:
    """Return grey levels pulled to the mean of the scene's first picture, or pushed from it."""

    def frames(path: Path) -> Iterator[Frame]:
        table = None
        for frame in read_frames(path):
            if table is None:
                mean = float(frame.luma.mean())
                table = _table(mean + share * (_GREY_LEVELS - mean))
            yield in_grey(frame, _looked_up(frame.luma, table))

    return Variant(frames)


def _recompressed(share: float) -> Variant:
    """Return the video encoded again, with *share* of its bits."""

    def frames(path: Path) -> Iterator[Frame]:
        with av.open(str(path)) as container:
            bitrate = int(container.bit_rate * share)
        with TemporaryDirectory() as folder:
            again = Path(folder) / path.name
            encode(again, (frame.bgr() for frame in read_frames(path)), bitrate)
            yield from read_frames(again)

    return Variant(frames)


def _mirrored(luma: Image) -> Image:
    return np.ascontiguousarray(luma[:, ::-1])


def _halved(luma: Image) -> Image:
    rows, columns = luma.shape
    small = cv2.resize(luma, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _inverted(luma: Image) -> Image:
    return _looked_up(luma, _INVERSE)


def _table(levels: Pixels) -> Image:
    """Return what each grey level becomes, within black and white."""
    return np.asarray(np.clip(np.rint(levels), _BLACK, _WHITE), np.uint8)


def _looked_up(luma: Image, table: Image) -> Image:
    return np.asarray(cv2.LUT(luma, table), np.uint8)


_INVERSE = _table(_BLACK + _WHITE - _GREY_LEVELS)
VARIANTS = {
    UNCHANGED: Variant(read_frames),
    "2fps": _fewer(5),
    "5fps": _fewer(2),
    "15fps": _more(15),
    "25fps": _more(25),
    "half-size": _pictures(_halved),
    "mirrored": _pictures(_mirrored),
    "contrast-60": _contrast(0.6),
    "contrast-140": _contrast(1.4),
    "inverted": _pictures(_inverted),
    "third-of-bits": _recompressed(1 / 3),
}

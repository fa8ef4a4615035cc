"""The frames of a recorded event, as the detector gets them.

A detector must know the empty scene before it can judge. A sample begins about 3 s before the
alert, and a clip some seconds before it. Therefore the first second is shown there and back before
the recording begins. Somebody who stands in view at that time is part of the scene.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from app.cameras import fast_frames
from app.cameras.base import CameraSettings
from app.evaluation.archive.files import ArchiveFiles
from app.evaluation.archive.index import ArchivedEvent
from app.evaluation.archive.sample import LARGEST_SAMPLE, SampleError, decoded_luma, read_sample
from app.frames import Frame, Image
from app.motion.shrink import Shrink

#: The first frames, and for how many seconds they are shown before the recording.
_HELD_S, WARM_S = 1.0, 4.0
#: So much of a clip is replayed, and so large a clip is read, in bytes.
_MOST_S, _LARGEST_CLIP = 20.0, 2**30
#: Fewer frames than this show nothing.
_LEAST_FRAMES = 10
_BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)


def read_footage(files: ArchiveFiles, event: ArchivedEvent, fps: float) -> list[Frame]:
    """Return the frames of *event* at *fps*, after those that only show the scene.

    They are of its clip, which goes on after the alert, or else of its sample. `SampleError` or
    `OSError` when there is neither, or when it is damaged.
    """
    if "clip.mp4" in event.files:
        frames = _clip_frames(files, event.files["clip.mp4"], fps)
    elif "sample.tar" in event.files:
        frames = _sample_frames(files, event)
    else:
        raise SampleError("it has neither a clip nor a sample")
    if len(frames) < _LEAST_FRAMES:
        raise SampleError(f"it has only {len(frames)} frames")
    return _warmed_up(frames)


def _clip_frames(files: ArchiveFiles, name: str, fps: float) -> list[Frame]:
    with files.local(name, _LARGEST_CLIP) as path:
        settings = CameraSettings(source=str(path), fps=fps)
        frames: list[Frame] = []
        for frame in fast_frames("tune", settings):
            frames.append(_frame(_small(frame.luma), frame.at_s, frame.luma_span))
            if frame.at_s >= _MOST_S:
                break
    return frames


def _sample_frames(files: ArchiveFiles, event: ArchivedEvent) -> list[Frame]:
    with files.open(event.files["sample.tar"], LARGEST_SAMPLE) as file:
        sample = read_sample(file, event.id)
    if sample.kind != "alert":
        raise SampleError("it shows a quiet room, with frames that are too far apart")
    first_at = sample.frames[0].at
    return [
        _frame(_small(decoded_luma(one.jpeg)), (one.at - first_at).total_seconds(), 255)
        for one in sample.frames
    ]


def _small(luma: Image) -> Image:
    """Return *luma* as small as every method makes it first, so that this is done only once."""
    rows, columns = luma.shape
    return Shrink((rows, columns))(luma).copy()


def _warmed_up(frames: list[Frame]) -> list[Frame]:
    """Return *frames* after the first of them, shown there and back."""
    held = [one for one in frames if one.at_s - frames[0].at_s <= _HELD_S]
    step_s = (held[-1].at_s - held[0].at_s) / max(len(held) - 1, 1) or 0.1
    # The last of them is next to the first frame: 3 2 1 0 | 0 1 2 3.
    order = list(there_and_back(len(held), max(1, round(WARM_S / step_s))))[::-1]
    warm = [
        _frame(held[place].luma, number * step_s, held[place].luma_span)
        for number, place in enumerate(order)
    ]
    later_s = len(warm) * step_s - frames[0].at_s
    return warm + [_frame(one.luma, one.at_s + later_s, one.luma_span) for one in frames]


def there_and_back(count: int, length: int) -> Iterator[int]:
    """Yield *length* places among *count*, from the first to the last and back, again and again."""
    for number in range(length):
        place = number % (2 * count)
        yield place if place < count else 2 * count - 1 - place


def _frame(luma: Image, at_s: float, span: int) -> Frame:
    def make_bgr() -> Image:
        return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR), np.uint8)

    taken_at = _BEGAN_AT + timedelta(seconds=at_s)
    return Frame(luma, at_s, taken_at, round(at_s * 1000), make_bgr, span)

"""Runs a person model over the last frames of a sample, and over a snapshot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.evaluation.archive.sample import Sample, decoded
from app.frames import Box, Detection, Image
from app.people.base import PersonModel
from app.people.crops import crop_box, in_picture

#: The frames of a sample that count: the moment and those before it.
LAST_FRAMES = 30
#: The model looks at most at so many parts of a frame.
_MOST_CROPS = 2


@dataclass(frozen=True, slots=True)
class FrameLook:
    """Things that a model *found* in the frame taken *at*, with boxes in the frame's pixels."""

    at: datetime
    found: tuple[Detection, ...]


def look_at(sample: Sample, model: PersonModel, every: int) -> list[FrameLook]:
    """Return what *model* finds in every so many of the last frames of *sample*, oldest first.

    The moment is among them. The model looks at what differed from the background, enlarged, as
    the security system does; at the whole frame where nothing did. `SampleError` when a frame is
    damaged.
    """
    chosen = sample.frames[-LAST_FRAMES:][::-1][::every][::-1]
    return [
        FrameLook(one.at, tuple(_found(decoded(one.jpeg), sample.boxes, model))) for one in chosen
    ]


def look_at_snapshot(picture: Image, at: datetime, model: PersonModel) -> FrameLook:
    """Return what *model* finds in *picture*, the best of an event *at* its opening.

    A sample ends where somebody may be half in view; this picture is up to a second later.
    """
    return FrameLook(at, tuple(_found(picture, (), model)))


def _found(picture: Image, boxes: Sequence[Box], model: PersonModel) -> Iterator[Detection]:
    for part in _parts(boxes, picture.shape[1], picture.shape[0]):
        x, y, width, height = part
        yield from in_picture(model.detect(picture[y : y + height, x : x + width]), part)


def _parts(boxes: Sequence[Box], width: int, height: int) -> list[Box]:
    """Return the parts of a frame of *width* and *height* at which the model looks."""
    inside = [one for box in boxes if (one := _clipped(box, width, height))]
    largest = sorted(inside, key=lambda box: box.width * box.height, reverse=True)[:_MOST_CROPS]
    return [crop_box(one, width, height) for one in largest] or [Box(0, 0, width, height)]


def _clipped(box: Box, width: int, height: int) -> Box | None:
    """Return the part of *box* that is inside the frame; None when there is none."""
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.width, width), min(box.y + box.height, height)
    return Box(left, top, right - left, bottom - top) if left < right and top < bottom else None

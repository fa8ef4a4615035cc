"""The parts of a picture at which a person model looks, and when it looks at each."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from app.frames import Box, Detection, Image
from app.people.rule import DOUBT, SAME_THING, shared, subject_of

#: The side of a crop: so many times the longer side of what moves, and at least so much of the
#: picture's width (120 pixels of 640).
_AROUND, _LEAST_SHARE = 1.5, 0.1875
#: Something new is looked at so long after it was first seen, then again and again.
_LOOKS_S = (0.2, 0.4, 0.7, 1.1, 1.9, 2.9)
_AGAIN_S, _RARELY_S = 2.0, 10.0
#: A picture for the event is sought for so long after something was first seen.
_PICTURE_S = 1.2
#: Something that has not been seen for so long is forgotten.
_FORGET_S = 5.0
#: Seconds of unused time that a model may use at once: an event begins with several crops.
_SAVED_S = 4.0


class Followed(Protocol):
    """Something that a motion method follows, as a `Contour` of `app.motion`."""

    @property
    def box(self) -> Box: ...
    @property
    def area_px(self) -> float: ...
    @property
    def number(self) -> int | None: ...
    @property
    def confirmed(self) -> bool: ...
    @property
    def seen(self) -> bool: ...


AnyFollowed = TypeVar("AnyFollowed", bound=Followed)


class Crop(NamedTuple):
    """A part of the picture taken at *at_s*: *picture*, (rows, columns, BGR) uint8, was at *box*.

    *number* is that of the track which it shows, whose box is *track*; *confirmed* says whether
    that is motion.
    """

    number: int
    at_s: float
    box: Box
    picture: Image
    track: Box
    confirmed: bool


def crop_box(box: Box, width: int, height: int) -> Box:
    """Return the square around *box*, clipped to a picture of *width* and *height*."""
    side = max(_AROUND * max(box.width, box.height), _LEAST_SHARE * width)
    middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
    left, top = max(0, round(middle_x - side / 2)), max(0, round(middle_y - side / 2))
    right, bottom = round(middle_x + side / 2), round(middle_y + side / 2)
    left, top = min(left, width - 1), min(top, height - 1)
    return Box(left, top, max(1, min(right, width) - left), max(1, min(bottom, height) - top))


def cut(picture: Image, one: Followed, at_s: float) -> Crop:
    """Return the crop around *one* from *picture*, (rows, columns, BGR) uint8, taken at *at_s*.

    It is a copy, so that the picture can be released.
    """
    around = crop_box(one.box, picture.shape[1], picture.shape[0])
    x, y, width, height = around
    part = picture[y : y + height, x : x + width].copy()
    return Crop(one.number or 0, at_s, around, part, one.box, one.confirmed)


def in_picture(found: Iterable[Detection], crop: Box) -> list[Detection]:
    """Return what was *found* in *crop*, with the boxes in the pixels of the whole picture."""
    return [
        one._replace(box=one.box._replace(x=one.box.x + crop.x, y=one.box.y + crop.y))
        for one in found
    ]


def shows_person(found: Iterable[Detection], track: Box, threshold: float) -> bool:
    """Return whether a person in *found*, in the pixels of the picture, is what is at *track*.

    The track is doubtful, so the score must be well above *threshold*.
    """
    there = [one for one in found if shared(one.box, track) >= SAME_THING]
    return subject_of(there, threshold + DOUBT)[1]


class Waiting(Protocol):
    """Something that waits for the model, as a `Crop`."""

    @property
    def number(self) -> int: ...
    @property
    def confirmed(self) -> bool: ...


AnyWaiting = TypeVar("AnyWaiting", bound=Waiting)


class CropQueue(Generic[AnyWaiting]):
    """The crops that wait for the model: the newest of each track, at most *most* of them.

    Crops of what is confirmed come first, then those that wait longest.
    """

    def __init__(self, most: int = 1000) -> None:
        self._waiting: dict[int, AnyWaiting] = {}
        self._most = most
        #: How many crops were replaced by others before their turn.
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, crop: AnyWaiting) -> None:
        """Add *crop*; it takes the place of an older one of its track."""
        self.left_out += crop.number in self._waiting
        self._waiting[crop.number] = crop
        if len(self._waiting) > self._most:
            waiting = self._waiting.values()
            doubtful = (one.number for one in waiting if not one.confirmed)
            del self._waiting[next(doubtful, next(iter(self._waiting)))]
            self.left_out += 1

    def take(self) -> AnyWaiting | None:
        """Return the next crop and remove it; None when none waits."""
        waiting = self._waiting.values()
        crop = next((one for one in waiting if one.confirmed), None) or next(iter(waiting), None)
        return self._waiting.pop(crop.number) if crop else None

    def clear(self) -> None:
        """Remove all crops, as after a turn of the camera."""
        self._waiting.clear()


class CpuShare:
    """Keeps a model below *share* of a core.

    What it has not used in the last `_SAVED_S` it may use at once.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._free_s = -math.inf

    def free_at(self) -> float:
        """Return when the next crop may begin, on the clock of `used`."""
        return self._free_s

    def used(self, cpu_s: float, at_s: float) -> None:
        """Record that *cpu_s* seconds of a core were used until *at_s*."""
        self._free_s = max(self._free_s, at_s - cpu_s - _SAVED_S) + cpu_s / self._share


@dataclass(slots=True)
class _Watched:
    first_s: float
    seen_s: float
    looks: int = 0
    looked_s: float = 0.0


class Looks:
    """Decides when the model looks at what a motion method follows.

    Something new is looked at 0.2 s after it was first seen, five times more within 3 s, and then
    every 2 s; once a person is known to be there, every 10 s. The looks of the first second are
    always done, because they find the best picture. With *every_s* it looks at this interval all
    the time: for a model whose looks cost nothing.
    """

    def __init__(self, every_s: float | None = None) -> None:
        self._every_s = every_s
        self._watched: dict[int, _Watched] = {}

    def due(
        self, followed: Sequence[AnyFollowed], at_s: float, *, settled: bool
    ) -> list[AnyFollowed]:
        """Return those of *followed* at which the model should look now, at *at_s*.

        *settled* says that a person has been seen in the present event. A method that does not
        number what it follows has its largest one looked at, as number 0.
        """
        if not followed:
            return []
        self._forget(at_s)
        return [one for one in _to_watch(followed) if self._is_due(one, at_s, settled=settled)]

    def _is_due(self, one: Followed, at_s: float, *, settled: bool) -> bool:
        watched = self._watched.setdefault(one.number or 0, _Watched(at_s, at_s))
        watched.seen_s = at_s
        if at_s < self._due_s(watched, settled=settled) - 1e-6:
            return False
        age_s = at_s - watched.first_s + 1e-6
        watched.looks = max(watched.looks + 1, sum(after_s <= age_s for after_s in _LOOKS_S))
        watched.looked_s = at_s
        return True

    def _due_s(self, watched: _Watched, *, settled: bool) -> float:
        if self._every_s is not None:
            return (watched.looked_s if watched.looks else watched.first_s) + self._every_s
        if watched.looks < len(_LOOKS_S):
            due_s = watched.first_s + _LOOKS_S[watched.looks]
        else:
            due_s = watched.looked_s + _AGAIN_S
        if settled and watched.looks and due_s - watched.first_s > _PICTURE_S:
            due_s = max(due_s, watched.looked_s + _RARELY_S)
        return due_s

    def _forget(self, at_s: float) -> None:
        gone = [number for number, one in self._watched.items() if at_s - one.seen_s > _FORGET_S]
        for number in gone:
            del self._watched[number]


def _to_watch(followed: Sequence[AnyFollowed]) -> list[AnyFollowed]:
    """Return what is in sight of *followed*; of what has no number only the largest."""
    numbered = [one for one in followed if one.seen and one.number is not None]
    others = [one for one in followed if one.seen and one.number is None]
    return numbered + sorted(others, key=lambda one: one.area_px)[-1:]

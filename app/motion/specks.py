"""Follows what is too small to be somebody by its motion alone, so that a person model looks at it.

People of 15 to 35 pixels in a picture 640 wide are as small as an insect or a pulse of noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.frames import Box
from app.motion.blobs import Blob
from app.motion.tracks import Track

#: The smallest speck, as a share of the smallest blob that may be somebody.
SMALLEST = 0.25
#: Sights from which a speck is more than noise, and seconds that one lives unseen.
_LEAST_SIGHTS, _LINGER_S = 2, 0.7
#: So many specks at most are followed and offered; the largest.
_MOST_FOLLOWED, _MOST_OFFERED = 12, 3


@dataclass(slots=True)
class Speck:
    """A small *blob*, followed since *first_s* and last seen at *seen_s*."""

    number: int
    blob: Blob
    first_s: float
    seen_s: float
    sights: int = 1

    def touches(self, box: Box, reach: int) -> bool:
        return are_near(self.blob.box, box, reach)


class Specks:
    """The specks of one scene, whose numbers are beside those of tracks: negative.

    A speck that has moved by less than *reach* pixels since the last picture is the same.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._specks: list[Speck] = []
        self._numbers = 0

    @property
    def any(self) -> bool:
        return bool(self._specks)

    def follow(self, blobs: Iterable[Blob], tracks: Iterable[Track], at_s: float) -> None:
        """Follow the small *blobs* of the picture of *at_s* that are not beside *tracks*."""
        boxes = [track.box for track in tracks]
        lonely = [
            blob
            for blob in blobs
            if not any(are_near(blob.box, box, 2 * self._reach) for box in boxes)
        ]
        for blob in sorted(lonely, key=lambda one: -one.area_px)[:_MOST_FOLLOWED]:
            self._add(blob, at_s)
        self._specks = [one for one in self._specks if at_s - one.seen_s < _LINGER_S]

    def offered(self, at_s: float) -> list[Speck]:
        """Return the specks in the picture of *at_s* at which a model should look."""
        lasting = [
            one for one in self._specks if one.seen_s == at_s and one.sights >= _LEAST_SIGHTS
        ]
        return sorted(lasting, key=lambda one: -one.blob.area_px)[:_MOST_OFFERED]

    def take(self, number: int) -> Speck | None:
        """Remove and return the speck *number*; None when it is gone."""
        found = next((one for one in self._specks if one.number == number), None)
        if found:
            self._specks.remove(found)
        return found

    def _add(self, blob: Blob, at_s: float) -> None:
        for one in self._specks:
            if one.seen_s < at_s and one.touches(blob.box, self._reach):
                one.blob, one.seen_s = blob, at_s
                one.sights += 1
                return
        self._numbers -= 1
        self._specks.append(Speck(self._numbers, blob, at_s, at_s))


def are_near(one: Box, other: Box, reach: int) -> bool:
    """Return whether two boxes overlap, or are less than *reach* pixels apart."""
    return (
        other.x < one.x + one.width + reach
        and one.x < other.x + other.width + reach
        and other.y < one.y + one.height + reach
        and one.y < other.y + other.height + reach
    )

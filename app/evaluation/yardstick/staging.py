"""A scene before it is drawn: who comes when, what the light does, and its labels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from app.evaluation.yardstick.footage import FPS, HEIGHT, WIDTH, Footage, Pixels
from app.frames import Image

#: Changes the picture of a frame, given its number.
Effect = Callable[[int, Pixels], Pixels]
#: Nothing happens in the first seconds of a scene, and these are not scored.
SETTLE_S = 5.0
#: The frames over which the last ones of a visit fade into the clean room.
_FADE = 8


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that is nobody, from *start_s* to *end_s*."""

    kind: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Labels:
    """The contents of a scene: when somebody is in view, and what else happens.

    Nothing before *settle_s* is scored.
    """

    name: str
    seconds: float
    presence: tuple[tuple[float, float], ...] = ()
    disturbances: tuple[Disturbance, ...] = ()
    settle_s: float = SETTLE_S


class Story:
    """The clean room of *footage* for *seconds*, with visits spliced in."""

    def __init__(self, footage: Footage, seconds: float) -> None:
        self.footage = footage
        #: The number of frames.
        self.length = int(seconds * FPS)
        #: The first frame of each visit, and the one after its last.
        self.presence: list[tuple[int, int]] = []
        #: Makes the picture of a visitor from the number of a frame of the footage.
        self.look: Callable[[int], Pixels] | None = None
        self._cues: dict[int, tuple[int, float]] = {}

    def visit(self, at: int, which: int, hold: int = 0, after: int = 20) -> int:
        """Let visit number *which* enter at frame *at*; return the frame after its last.

        In the middle of it the visitor stands still for *hold* frames.
        """
        first, last = self.footage.visits[which]
        order = list(range(first, last + 1))
        if hold:
            middle = first + (last - first) // 2
            still = list(range(middle - 12, middle + 12))
            still += still[::-1]
            standing = [still[place % len(still)] for place in range(hold)]
            order = [*range(first, middle), *standing, *range(middle, last + 1)]
        lead = [max(0, first - 3 + place) for place in range(3)]
        end = len(self.footage.frames) - 1
        return self.show(at, order, lead, [min(end, last + 1 + place) for place in range(after)])

    def show(
        self, at: int, order: Sequence[int], lead: Sequence[int] = (), tail: Sequence[int] = ()
    ) -> int:
        """Show the frames *order* of the footage from frame *at* on, as a visit.

        *lead* and *tail* are shown before and after it; nobody is in view there. Returns the frame
        after its last.
        """
        end = at + len(order)
        for place, source in enumerate([*lead, *order, *tail]):
            self._cues[at - len(lead) + place] = (source, 1.0)
        # The exposure of the footage has drifted, so its last frames fade.
        fading = tail[-_FADE:]
        faded = end + len(tail) - len(fading)
        for place, source in enumerate(fading):
            self._cues[faded + place] = (source, 1 - (place + 1) / _FADE)
        self.presence.append((at, end))
        return end

    def picture(self, number: int) -> Pixels:
        """Return the picture of frame *number*."""
        base = self.footage.empty_room(number)
        if number not in self._cues:
            return base
        source, weight = self._cues[number]
        shown = (self.look or self._as_it_is)(source)
        return shown if weight == 1 else weight * shown + (1 - weight) * base

    def _as_it_is(self, source: int) -> Pixels:
        return self.footage.frames[source].astype(np.float32)


@dataclass(slots=True)
class Staging:
    """A scene that can be drawn.

    *sigma* is the noise of the sensor in grey levels, for all frames or by the number of a frame.
    With a *bitrate* its stream is starved to so many bits a second.
    """

    story: Story
    effect: Effect | None = None
    sigma: float | Callable[[int], float] = 2.0
    disturbances: list[Disturbance] = field(default_factory=list)
    bitrate: int | None = None

    def labels(self, name: str) -> Labels:
        """Return the contents of the scene, which is called *name*."""
        seconds = self.story.length / FPS
        return Labels(
            name,
            seconds,
            tuple((first / FPS, end / FPS) for first, end in self.story.presence),
            tuple(one for one in self.disturbances if one.start_s < seconds),
        )

    def draw(self, rng: np.random.Generator) -> Iterator[Image]:
        """Yield the pictures, (rows, columns, BGR) uint8, with noise from *rng*."""
        for number in range(self.story.length):
            picture = self.story.picture(number)
            if self.effect:
                picture = self.effect(number, picture)
            sigma = self.sigma(number) if callable(self.sigma) else self.sigma
            noise = grain(rng)
            noisy = picture + sigma / noise.std() * noise[..., None]
            yield np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def grain(rng: np.random.Generator) -> Pixels:
    """Return the noise of a sensor, (rows, columns); its pixels depend a little on one another."""
    noise = rng.standard_normal((HEIGHT, WIDTH), np.float32)
    return np.asarray(0.7 * noise + 0.8 * np.asarray(cv2.GaussianBlur(noise, (3, 3), 0)))


def disturbances(at: Sequence[int], kind: str, seconds: float = 2.0) -> list[Disturbance]:
    """Return a disturbance of *seconds* at each of the frames *at*."""
    return [Disturbance(kind, number / FPS, number / FPS + seconds) for number in at]


def quiet(
    footage: Footage,
    seconds: float,
    effect: Effect | None = None,
    sigma: float | Callable[[int], float] = 2.0,
    happens: Sequence[Disturbance] = (),
) -> Staging:
    """Return a scene in which nobody comes."""
    return Staging(Story(footage, seconds), effect, sigma, list(happens))

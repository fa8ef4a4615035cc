"""The sentences that announce an event to the owner: from the settings, or the usual ones.

Each is filled in with the camera, the day, the time and the duration.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import AfterValidator

from app.protocol import Evidence

#: Shares of the picture: its height and its whole size from which something is close to the camera,
#: and the size from which it may be a person at the usual distance.
_CLOSE_HEIGHT, _CLOSE_SIZE, _PERSON_SIZE = 0.95, 0.3, 0.01
_ANIMALS = ("sheep", "cow", "bear", "horse", "elephant", "zebra", "giraffe")
#: The names that a sentence may have in braces.
_OPENING_NAMES = ("camera", "date", "time")
_DURATION_NAMES = (*_OPENING_NAMES, "seconds", "duration")
# strftime would use the language of the system.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _only_names(known: tuple[str, ...]) -> Callable[[str], str]:
    """Return a check that a text has only *known* names in braces."""
    names = ", ".join(f"{{{name}}}" for name in known)

    def check(text: str) -> str:
        try:
            parts = [part for part in Formatter().parse(text) if part[1] is not None]
        except ValueError:
            raise ValueError(
                f"has a single brace; write {{{{ or }}}} for a brace itself; the names to fill in "
                f"are {names}"
            ) from None
        for _, name, spec, conversion in parts:
            if name not in known or spec or conversion:
                raise ValueError(
                    f"has {{{name}}} with an unknown name or a format; the names to fill in are "
                    f"{names}, exactly as here"
                )
        return text

    return check


_Template = Annotated[str, Len(1, 500)]
OpeningTemplate = Annotated[_Template, AfterValidator(_only_names(_OPENING_NAMES))]
DurationTemplate = Annotated[_Template, AfterValidator(_only_names(_DURATION_NAMES))]


@dataclass(frozen=True, slots=True)
class EventWords:
    """The owner's own sentences; None means the usual sentence.

    Where light is the trigger, an opening is announced only if its sentence is set.
    """

    opening: OpeningTemplate | None = None
    clip: DurationTemplate | None = None
    left_open: DurationTemplate | None = None


_MOTION = EventWords(
    opening="Motion in front of camera {camera}.", clip="The clip of camera {camera}: {duration}."
)
_LIGHT = EventWords(
    opening="Your {camera} was opened on {date} at {time}.",
    clip="Your {camera} was opened on {date} at {time} for {duration}.",
    left_open="Your {camera} has been left open: since {time}, for {duration} so far.",
)


class AlertText:
    """Makes the sentences for the events of *camera*, in English and in local time."""

    def __init__(
        self, camera: str, trigger: Literal["background", "light"], words: EventWords
    ) -> None:
        self._camera = camera
        self._by_light = trigger == "light"
        self._own = words
        self._usual = _LIGHT if self._by_light else _MOTION

    @property
    def announces_opening(self) -> bool:
        """Return whether an event is announced before its clip is ready."""
        return not self._by_light or self._own.opening is not None

    def opening(
        self, at: datetime, evidence: Evidence | None = None, seen: str | None = None
    ) -> str:
        """Return the sentence for an event that began at *at*, with *evidence* if it is known.

        *seen* is the class of what a model saw, as in "person" or "cat".
        """
        if self._own.opening or self._by_light:
            return self._filled(self._own.opening or self._usual.opening, at)
        if seen == "person":
            what = f"A person in front of camera {self._camera}"
            return f"{what}: {_came(evidence)}." if evidence else f"{what}."
        usual = self._filled(self._usual.opening, at)
        if evidence or seen:
            return f"{usual[:-1]}: {described(evidence, seen)}."
        return usual

    def corrected(self, seen: str) -> str:
        """Return the sentence for an alert that was caused by *seen*, as in "cat"."""
        return f"That was {with_article(seen)}."

    def corrected_again(self, corrected: str) -> str:
        """Return the sentence *corrected* for an event in which a person was seen after that."""
        return f"{corrected} A person was seen later."

    def clip(self, at: datetime, lasted_s: float) -> str:
        """Return the sentence for the clip of an event that began at *at* and took *lasted_s*."""
        return self._filled(self._own.clip or self._usual.clip, at, lasted_s)

    def left_open(self, at: datetime, lasted_s: float) -> str:
        """Return the sentence for a door opened at *at* that is still open *lasted_s* later."""
        return self._filled(self._own.left_open or _LIGHT.left_open, at, lasted_s)

    def ended(self, lasted_s: float) -> str:
        """Return the sentence for the end of an event that took *lasted_s*."""
        if self._by_light:
            return f"Your {self._camera} was closed after {_duration(lasted_s)}."
        return f"Motion in front of camera {self._camera} ended after {lasted_s:.0f} s."

    def _filled(self, template: str | None, at: datetime, lasted_s: float = 0.0) -> str:
        local = at.astimezone()
        values = {
            "camera": self._camera,
            "date": _date(local),
            "time": _twelve_hours(local),
            "seconds": str(_whole(lasted_s)),
            "duration": _duration(lasted_s),
        }
        return "".join(
            text + (values[name] if name else "")
            for text, name, _, _ in Formatter().parse(template or "")
        )


def described(evidence: Evidence | None, seen: str | None = None) -> str:
    """Return *evidence* in everyday words, as in "a person-sized shape came in from the left".

    *seen* is the class of what came in, if a model knows it.
    """
    if evidence is None:
        return with_article(seen or "something")
    if seen:
        what = with_article(seen)
    elif evidence.height >= _CLOSE_HEIGHT or evidence.size >= _CLOSE_SIZE:
        what = "something close to the camera"
    elif evidence.size >= _PERSON_SIZE:
        what = "a person-sized shape"
    else:
        what = "a small or distant shape"
    return f"{what} {_came(evidence)}"


def with_article(seen: str) -> str:
    """Return the class *seen* by a model in everyday words, with its article, as in "a cat".

    Models mistake one large animal for another, so they are all "an animal".
    """
    if seen in _ANIMALS:
        return "an animal"
    return f"{'an' if seen[:1] in 'aeiou' else 'a'} {seen}"


def _came(evidence: Evidence) -> str:
    side = "front" if evidence.entered == "below" else evidence.entered
    came = f"came in from the {side}" if side else "appeared"
    return came + (f", {evidence.zone}" if evidence.zone else "")


def _date(local: datetime) -> str:
    return f"{_DAYS[local.weekday()]}, {_MONTHS[local.month - 1]} {local.day} {local.year}"


def _twelve_hours(local: datetime) -> str:
    half = "AM" if local.hour < 12 else "PM"
    return f"{(local.hour - 1) % 12 + 1}:{local.minute:02d}{half}"


def _whole(seconds: float) -> int:
    return max(math.floor(seconds + 0.5), 1)


def _duration(seconds: float) -> str:
    count = _whole(seconds)
    return f"{count} second" if count == 1 else f"{count} seconds"

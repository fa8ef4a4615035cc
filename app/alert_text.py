"""What the owner is told of an event: sentences of the owner's own, or the usual ones, filled in
with camera, day, time and length.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import AfterValidator

#: What a sentence may name in braces.
_MOMENT = ("camera", "date", "time")
_LENGTH = ("seconds", "duration")
# strftime would speak the language of the system.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _template(*known: str) -> Callable[[str], str]:
    """A check that a text names nothing but *known* in braces."""
    names = ", ".join(f"{{{name}}}" for name in known)

    def check(text: str) -> str:
        try:
            parts = [part for part in Formatter().parse(text) if part[1] is not None]
        except ValueError:
            raise ValueError(
                f"a brace stands alone; {{{{ and }}}} mean a brace itself, and what can be filled "
                f"in is {names}"
            ) from None
        for _, name, spec, conversion in parts:
            if name not in known or spec or conversion:
                raise ValueError(
                    f"names {{{name}}} or asks for a form of it; what can be filled in is {names}, "
                    "just so"
                )
        return text

    return check


Text = Annotated[str, Len(1, 500)]
AtOpening = Annotated[Text, AfterValidator(_template(*_MOMENT))]
Lasting = Annotated[Text, AfterValidator(_template(*_MOMENT, *_LENGTH))]


@dataclass(frozen=True, slots=True)
class EventWords:
    """The owner's own sentences; None is the usual one. Where light is the trigger, the opening is
    told only if it has one here.
    """

    opening: AtOpening | None = None
    clip: Lasting | None = None
    left_open: Lasting | None = None


_MOTION = EventWords(
    opening="Motion in front of camera {camera}.", clip="The clip of camera {camera}: {duration}."
)
_LIGHT = EventWords(
    opening="Your {camera} was opened on {date} at {time}.",
    clip="Your {camera} was opened on {date} at {time} for {duration}.",
    left_open="Your {camera} has been left open: since {time}, for {duration} so far.",
)


class AlertText:
    """The sentences for the events of *camera*. All times are told in the house's own time zone, in
    English.
    """

    def __init__(
        self, camera: str, trigger: Literal["background", "light"], words: EventWords
    ) -> None:
        self._camera = camera
        self._by_light = trigger == "light"
        self._own = words
        self._usual = _LIGHT if self._by_light else _MOTION

    @property
    def announces_opening(self) -> bool:
        """Whether the owner is to hear of an opening before its clip is there."""
        return not self._by_light or self._own.opening is not None

    def opening(self, at: datetime) -> str:
        """An event has begun."""
        return self._filled(self._own.opening or self._usual.opening, at)

    def clip(self, at: datetime, lasted_s: float) -> str:
        """The clip of an event that began then and lasted so long is there."""
        return self._filled(self._own.clip or self._usual.clip, at, lasted_s)

    def left_open(self, at: datetime, lasted_s: float) -> str:
        """What was opened then is open still."""
        return self._filled(self._own.left_open or _LIGHT.left_open, at, lasted_s)

    def ended(self, lasted_s: float) -> str:
        """An event is over."""
        if self._by_light:
            return f"Your {self._camera} was closed after {_duration(lasted_s)}."
        return f"Motion in front of camera {self._camera} ended after {lasted_s:.0f} s."

    def _filled(self, template: str | None, at: datetime, lasted_s: float = 0.0) -> str:
        there = at.astimezone()
        values = {
            "camera": self._camera,
            "date": (
                f"{_DAYS[there.weekday()]}, {_MONTHS[there.month - 1]} {there.day} {there.year}"
            ),
            "time": (
                f"{(there.hour - 1) % 12 + 1}:{there.minute:02d}{'AM' if there.hour < 12 else 'PM'}"
            ),
            "seconds": str(_whole(lasted_s)),
            "duration": _duration(lasted_s),
        }
        return "".join(
            text + (values[name] if name else "")
            for text, name, _, _ in Formatter().parse(template or "")
        )


def _whole(seconds: float) -> int:
    return max(math.floor(seconds + 0.5), 1)


def _duration(seconds: float) -> str:
    count = _whole(seconds)
    return f"{count} second" if count == 1 else f"{count} seconds"

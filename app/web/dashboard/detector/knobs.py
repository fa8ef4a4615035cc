"""The knobs of the detector as a form: each with its value, default, limits and help."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from app.config import PROJECT, Config
from app.config.help import key_help
from app.detector import EventSettings
from app.motion.base import MotionSettings

Kind = Literal["choice", "whole", "number", "pair"]
#: Values by section and key, as in {"motion": {"min_size": 0.004}}.
Changes = dict[str, dict[str, Any]]

_SECTIONS: Mapping[str, type] = {"motion": MotionSettings, "events": EventSettings}
#: The keys of each group of the form, and which values of `motion.trigger` or `motion.method` use
#: it; none is always used.
GROUPS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("The method", (), ("motion.trigger", "motion.method")),
    ("What counts as somebody", ("structure",), ("motion.min_size", "motion.absorb_s")),
    (
        "What counts as motion",
        ("running_average",),
        (
            "motion.min_area",
            "motion.delta_thresh",
            "events.min_occupied_fraction",
            "events.motion_classification_store_cnt",
            "motion.alpha",
            "motion.ksize",
            "motion.dilate_iterations",
            "motion.frame_width",
        ),
    ),
    (
        "What counts as light",
        ("light",),
        ("motion.thresh", "motion.hysteresis_levels", "motion.debounce_s"),
    ),
    (
        "Events and alerts",
        ("structure", "running_average"),
        ("events.event_gap_s", "events.min_notify_seconds"),
    ),
)
#: Help that the file gives only in the context of other keys.
_HELP = {
    "motion.method": "structure ignores light, and asks whether something hides what is behind it "
    "and goes somewhere. running_average is the classic method.",
    "motion.frame_width": "The width in pixels to which each picture is made smaller before it is "
    "judged. min_area and ksize are in these pixels.",
}


@dataclass(frozen=True, slots=True)
class KnobRange:
    """The numbers between which a value must be; None where there is no limit."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    @property
    def lowest(self) -> float | None:
        """The number below which every value is wrong."""
        return self.above if self.least is None else self.least

    @property
    def highest(self) -> float | None:
        """The number above which every value is wrong."""
        return self.below if self.most is None else self.most

    def __str__(self) -> str:
        words = (
            ("at least", self.least),
            ("more than", self.above),
            ("at most", self.most),
            ("less than", self.below),
        )
        return ", ".join(f"{word} {limit:g}" for word, limit in words if limit is not None)


@dataclass(frozen=True, slots=True)
class Knob:
    """A key of the settings as a field of the form; *value* and *default* are as people write them.

    *choices* are the values of a choice.
    """

    key: str
    kind: Kind
    value: str
    default: str
    limits: KnobRange
    choices: tuple[str, ...]
    help: str


class WrongKnob(ValueError):
    """The value of a knob cannot be read; the text is for the person who entered it."""


def knobs_of(config: Config) -> dict[str, Knob]:
    """Return the knobs of all `GROUPS` with the values of *config*, by key."""
    keys = (key for _, _, keys in GROUPS for key in keys)
    return {key: _knob(key, config) for key in keys}


def read_changes(form: Iterable[tuple[str, str]], config: Config) -> Changes:
    """Return the values in *form* that differ from those of *config*; raises `WrongKnob`."""
    known = knobs_of(config)
    found: Changes = {}
    for key, text in form:
        if key not in known:
            raise WrongKnob(f"{key:.60} is no knob.")
        knob = known[key]
        if (value := _read(knob, text.strip())) != _read(knob, knob.value):
            section, _, name = key.partition(".")
            found.setdefault(section, {})[name] = value
    return found


def lines_of(changes: Changes) -> str:
    """Return *changes* as lines for the configuration; empty when there are none."""
    return "".join(
        f"{section}:\n" + "".join(f"  {name}: {_text(value)}\n" for name, value in keys.items())
        for section, keys in changes.items()
    )


def _knob(key: str, config: Config) -> Knob:
    section, _, name = key.partition(".")
    annotation = _hints(section)[name]
    kind, kept = _kind(annotation)
    return Knob(
        key,
        kind,
        _text(getattr(getattr(config, section), name)),
        _text(next(one.default for one in fields(_SECTIONS[section]) if one.name == name)),
        _limits(kept),
        get_args(annotation) if kind == "choice" else (),
        _help().get(key, ""),
    )


def _kind(annotation: Any) -> tuple[Kind, Any]:
    """Return the kind of a key's *annotation*, and the part of it that has the limits."""
    if get_origin(annotation) is Literal:
        return "choice", None
    if get_origin(annotation) is tuple:
        return "pair", get_args(annotation)[0]
    return "whole" if get_args(annotation)[0] is int else "number", annotation


def _limits(annotation: Any) -> KnobRange:
    marks = getattr(annotation, "__metadata__", ())
    found = {
        name: next(
            (limit for one in marks if (limit := getattr(one, short, None)) is not None), None
        )
        for name, short in (("least", "ge"), ("above", "gt"), ("most", "le"), ("below", "lt"))
    }
    return KnobRange(**found)


def _read(knob: Knob, text: str) -> Any:
    """Return the value that *text* means; whether it is within its limits is checked later."""
    try:
        if knob.kind == "pair":
            first, second = text.strip("[]").split(",")
            return [int(first), int(second)]
        if knob.kind == "whole":
            return int(text)
        if knob.kind == "number":
            value = float(text)
            if not math.isfinite(value):
                raise ValueError
            return value
    except ValueError:
        kinds = {"pair": "two whole numbers, as in 21, 21", "whole": "a whole number"}
        wanted = kinds.get(knob.kind, "a number")
        raise WrongKnob(f"{knob.key} must be {wanted}, not {text:.40}.") from None
    if text not in knob.choices:
        raise WrongKnob(f"{knob.key} must be {' or '.join(knob.choices)}.")
    return text


def _text(value: Any) -> str:
    """Return *value* as YAML and as people read it, without an exponent."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(one) for one in value)}]"
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".")
    return str(value)


@cache
def _hints(section: str) -> dict[str, Any]:
    return get_type_hints(_SECTIONS[section], include_extras=True)


@cache
def _help() -> dict[str, str]:
    """Return the comments of the project's own `config.yml`, by key."""
    try:
        text = (PROJECT / "config" / "config.yml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return _HELP
    return {**key_help(text), **_HELP}

"""The words for a verdict: a headline, the reason, and a row for each thing that differs."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.alert_text import described
from app.detector import Verdict
from app.motion.base import Contour
from app.protocol import Evidence

#: The figures of a row, where the motion model has evidence.
COLUMNS = ("size", "time", "hides", "darker", "went")


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A row: *title* names the thing and the reason, *figures* are those of `COLUMNS`, or none."""

    title: str
    figures: tuple[str, ...]
    confirmed: bool


def headline(verdict: Verdict, contours: Sequence[Contour], *, damaged: bool = False) -> str:
    """Return the verdict in a few words."""
    if damaged:
        return "Damaged: not judged"
    if verdict.learning:
        return "Learning"
    if verdict.level is not None:
        return f"{'Bright' if verdict.motion else 'Dark'}: {verdict.level:.0f} of 255"
    if verdict.motion:
        return "Somebody" if _evidence(contours) else "Motion"
    return "Nobody" if verdict.objection else "Nothing moves"


def reason(verdict: Verdict, contours: Sequence[Contour]) -> str:
    """Return why the verdict is as it is; empty where nothing is known."""
    if verdict.learning:
        return "The background is not known yet."
    if not verdict.motion:
        return f"Reason: {verdict.objection}" if verdict.objection else ""
    known = _evidence(contours)
    if not known:
        return f"Largest area: {verdict.area_px:.0f} px" if verdict.level is None else ""
    text = described(max(known, key=lambda one: one.size))
    return text[:1].upper() + text[1:]


def findings(contours: Sequence[Contour]) -> list[FindingRow]:
    """Return a row for each of *contours*: what is confirmed first, and then by size."""
    ordered = sorted(contours, key=lambda one: (one.confirmed, one.area_px), reverse=True)
    return [
        FindingRow(
            f"{label(one)} {_judged(one)}".strip(),
            _figures(one.evidence) if one.evidence else (),
            one.confirmed,
        )
        for one in ordered
    ]


def label(contour: Contour) -> str:
    """Return the number by which a person finds *contour* in the picture, if it has one."""
    return "" if contour.number is None else f"#{contour.number}"


def event_text(verdict: Verdict, at_s: float) -> str:
    """Return the open event, and for how long it is open; empty when none is open."""
    event = verdict.event
    if event is None or verdict.changed == "closed":
        return ""
    return f"event {event.number} open, {at_s - event.started_at_s:.0f} s"


def _evidence(contours: Sequence[Contour]) -> list[Evidence]:
    """Return the evidence of what is confirmed and in sight."""
    return [one.evidence for one in contours if one.confirmed and one.seen and one.evidence]


def _judged(contour: Contour) -> str:
    if contour.evidence is None:
        what = "motion" if contour.confirmed else contour.objection or "no motion"
        return f"{what}: {contour.area_px:.0f} px"
    what = contour.objection or "new"
    if contour.confirmed:
        what = "somebody" if contour.seen else "somebody, out of sight"
    zone = contour.evidence.zone
    return f"{what}, {zone}" if zone else what


def _figures(evidence: Evidence) -> tuple[str, ...]:
    hidden = "-" if evidence.hidden is None else f"{evidence.hidden:.0%}"
    return (
        f"{evidence.size:.1%}",
        f"{evidence.lasted_s:.1f} s",
        hidden,
        f"{evidence.darker:.0%}",
        f"{evidence.travelled:.0%}",
    )

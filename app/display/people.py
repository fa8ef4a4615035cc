"""The words for the looks of a person model, and for the decision about an alert."""

from app.alert_text import with_article
from app.frames import Detection
from app.people.base import PERSON
from app.people.view import PeopleView


def decision_text(view: PeopleView) -> str:
    """Return the decision and its reason, as in "sent: a person .87"; empty without an event."""
    if view.number is None:
        return ""
    if view.decision is None:
        return "no alert: too soon after the last"
    if view.decision == "waiting":
        return "waiting for the model"
    reason = ", ".join(_reasons(view))
    text = f"{view.decision}: {reason}" if reason else view.decision
    if view.corrected:
        text += f"; corrected: {_named(view.corrected)}"
    return text


def detection_text(one: Detection) -> str:
    """Return the class of *one* and its score, as in "person .87"."""
    return f"{one.kind} {_score(one)}"


def _reasons(view: PeopleView) -> list[str]:
    # "person" and "nobody" are what was seen, and "no model" decides nothing.
    reasons = [] if view.why in (None, "person", "nobody", "no model") else [view.why]
    best = view.best
    if best and (best.person or best.detection.kind != PERSON):
        return [*reasons, _named(best.detection)]
    return [*reasons, "nobody"] if view.why == "nobody" else reasons


def _named(one: Detection) -> str:
    return f"{with_article(one.kind)} {_score(one)}"


def _score(one: Detection) -> str:
    return f"{one.score:.2f}".removeprefix("0")

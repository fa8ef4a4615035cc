"""The lines that `replay` prints: a table for people, or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.detector import Verdict
from app.evaluation.people_replay import AlertOutcome
from app.frames import Frame

_AT_ONCE_S = 0.05


def event_line(video: str, outcome: AlertOutcome, *, with_people: bool) -> str:
    """Return an event of *video* as JSON; *with_people* adds what the person model did."""
    event = outcome.event
    fields = {
        "video": video,
        "event": event.number,
        "started_s": round(event.started_at_s, 3),
        "ended_s": event.ended_at_s and round(event.ended_at_s, 3),
        "peak_area_px": round(event.peak_area_px, 1),
        "boxes": event.boxes,
        **({"evidence": asdict(event.evidence)} if event.evidence else {}),
        **(_people(outcome) if with_people else {}),
    }
    return json.dumps(fields)


def _people(outcome: AlertOutcome) -> dict[str, Any]:
    best, corrected = outcome.best, outcome.corrected
    return {
        "decision": outcome.decision,
        "why": outcome.why,
        "decided_s": outcome.decided_s and round(outcome.decided_s, 3),
        "score": outcome.score and round(outcome.score, 3),
        "person": best.person if best else None,
        "seen": best.detection.kind if best else None,
        "seen_score": round(best.detection.score, 3) if best else None,
        "seen_s": round(best.at_s, 3) if best else None,
        "crops": outcome.answers,
        "corrected": corrected.kind if corrected else None,
    }


def frame_line(video: str, frame: Frame, verdict: Verdict) -> str:
    """Return the *verdict* on a *frame* of *video* as JSON."""
    level = {} if verdict.level is None else {"level": round(verdict.level, 1)}
    fields = {
        "video": video,
        "frame": frame.number,
        "t_s": round(frame.at_s, 3),
        "motion": verdict.motion,
        "area_px": round(verdict.area_px, 1),
        **level,
        **({"objection": verdict.objection} if verdict.objection else {}),
        **({"damaged": True} if frame.damaged else {}),
        "event": verdict.event is not None and verdict.event.ended_at_s is None,
    }
    return json.dumps(fields)


def table(video: str, outcomes: Sequence[AlertOutcome], *, with_people: bool) -> str:
    """Return a table of the events of *video*; *with_people* adds what became of each alert."""
    if not outcomes:
        return f"{video}: no event"
    heading = "  event    from s      to s   largest area px" + ("   alert" if with_people else "")
    return "\n".join([f"{video}:", heading, *(_row(one, with_people) for one in outcomes)])


def _row(outcome: AlertOutcome, with_people: bool) -> str:
    event = outcome.event
    row = (
        f"{event.number:7} {event.started_at_s:9.1f} {event.ended_at_s or 0:9.1f} "
        f"{event.peak_area_px:17.0f}"
    )
    return f"{row}   {alert_text(outcome)}" if with_people else row


def alert_text(outcome: AlertOutcome) -> str:
    """Return what became of an alert, as in "sent after 0.3 s: person 0.91"."""
    if outcome.decision is None:
        return "none: too soon after the last"
    after_s = (outcome.decided_s or 0.0) - outcome.event.started_at_s
    when = "at once" if after_s < _AT_ONCE_S else f"after {after_s:.1f} s"
    best = outcome.best
    seen = f"{best.detection.kind} {best.detection.score:.2f}" if best else "nobody"
    why = {"sure": "sure", "remembered": "remembered", "no answer": "no answer"}.get(
        outcome.why or "", ""
    )
    said = ", ".join(part for part in (why, seen if outcome.answers else "") if part)
    if outcome.corrected:
        said += f"; corrected: {outcome.corrected.kind}"
    return f"{outcome.decision} {when}: {said}" if said else f"{outcome.decision} {when}"

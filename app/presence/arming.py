"""Arrivals and departures: their effect on the switches, and their announcements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app import protocol
from app.presence.household import Change
from app.protocol import ArmedBy, Fact

#: The name in `armed_by` when presence armed or disarmed.
BY = "who is home"


@dataclass(frozen=True, slots=True)
class Transition:
    """A *change* at the moment *at*; it is announced as *fact* when it is carried out.

    *others* are the other people who are home. When the house changes too often, *alert* is False,
    and a *remark* says so once.
    """

    change: Change
    at: datetime
    fact: str
    others: tuple[str, ...] = ()
    alert: bool = True
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """The effect of a transition: *switches* to set, who *changed* them, and the *fact*."""

    switches: dict[str, bool]
    changed: ArmedBy
    fact: Fact


def transition(change: Change, at: datetime, home: tuple[str, ...]) -> Transition:
    """Return the transition of *change* at *at*; the people in *home* are home after it."""
    others = tuple(name for name in home if name != change.person)
    return Transition(change, at, protocol.new_fact_id(at), others)


def action_for(transition: Transition, switches: Mapping[str, bool]) -> Action:
    """Return the effect of *transition* on the *switches*, given by name.

    Only the first person who arrives and the last person who leaves set switches, and only those
    that differ. `camera_status` is set only while `auto_detect_status` is on.
    """
    change = transition.change
    if change.kind in ("came", "left"):
        return _action(transition, {}, _person_text(transition), alert=False)
    home = change.kind == "occupied"
    subject = f"{_name(change)} is home" if home else "Everyone has left"
    if switches["camera_status"] != home:
        armed = "disarmed" if home else "armed"
        text = f"{subject}. The house was {armed} already."
        return _action(transition, {"home": home}, text)
    if not switches["auto_detect_status"]:
        armed = "armed" if home else "disarmed"
        text = f"{subject}. Arming by who is home is off, so the house stays {armed}."
        return _action(transition, {"home": home}, text)
    text = f"{subject}: {'disarmed' if home else 'armed'}."
    return _action(transition, {"home": home, "camera_status": not home}, text)


def _action(
    transition: Transition, switches: dict[str, bool], text: str, alert: bool = True
) -> Action:
    reasons = {
        "occupied": f"{_name(transition.change)} came home",
        "emptied": "everyone has left",
    }
    why = reasons.get(transition.change.kind, text.rstrip("."))
    fact = Fact(
        transition.fact,
        "presence_changed",
        transition.at,
        f"{text} {transition.remark}".strip(),
        alert=alert and transition.alert,
    )
    return Action(switches, ArmedBy(BY, transition.at, why), fact)


def _person_text(transition: Transition) -> str:
    name = _name(transition.change)
    others = " and ".join(map(_capitalised, transition.others))
    if transition.change.kind == "came":
        return f"{name} is home too." if others else f"{name} is home."
    if not others:
        return f"{name} has left: nobody is home."
    verb = "is" if len(transition.others) == 1 else "are"
    return f"{name} has left; {others} {verb} home."


def _name(change: Change) -> str:
    return _capitalised(change.person or "somebody")


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]

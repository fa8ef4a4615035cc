"""Comings and goings, as the house acts on them and as they are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app import protocol
from app.presence.household import Change
from app.protocol import ArmedBy, Fact

#: Who it was, in `armed_by`.
BY = "who is home"


@dataclass(frozen=True, slots=True)
class Coming:
    """A *change* at the moment *at*, to be told as *fact* once it is carried out. *others* are at
    home besides.
    """

    change: Change
    at: datetime
    fact: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """What a coming or going does to the house: *switches* to set and who is noted for it, and what
    is told.
    """

    switches: dict[str, bool]
    changed: ArmedBy
    fact: Fact


def coming(change: Change, at: datetime, home: tuple[str, ...]) -> Coming:
    """*change*, which leaves those in *home* at home."""
    return Coming(
        change, at, protocol.new_fact_id(at), tuple(name for name in home if name != change.person)
    )


def deed(coming: Coming, switches: Mapping[str, bool]) -> Deed:
    """What follows from *coming* when the house's *switches* stand as they do.

    Only the first who comes and the last who leaves turn anything, and only what is not so already;
    `camera_status` only while `auto_detect_status` is on.
    """
    change = coming.change
    if change.kind in ("came", "left"):
        return _told(coming, {}, _of_one(coming), alert=False)
    home = change.kind == "occupied"
    what = f"{_name(change)} is home" if home else "Everyone has left"
    if switches["camera_status"] != home:
        return _told(
            coming,
            {"home": home},
            f"{what}. The house was {'disarmed' if home else 'armed'} already.",
        )
    if not switches["auto_detect_status"]:
        return _told(
            coming,
            {"home": home},
            f"{what}. Arming by who is home is off, so the house stays "
            f"{'armed' if home else 'disarmed'}.",
        )
    return _told(
        coming,
        {"home": home, "camera_status": not home},
        f"{what}: {'disarmed' if home else 'armed'}.",
    )


def _told(coming: Coming, switches: dict[str, bool], text: str, alert: bool = True) -> Deed:
    why = {"occupied": f"{_name(coming.change)} came home", "emptied": "everyone has left"}.get(
        coming.change.kind, text.rstrip(".")
    )
    fact = Fact(coming.fact, "presence_changed", coming.at, text, alert=alert)
    return Deed(switches, ArmedBy(BY, coming.at, why), fact)


def _of_one(coming: Coming) -> str:
    name, others = _name(coming.change), " and ".join(map(_titled, coming.others))
    if coming.change.kind == "came":
        return f"{name} is home too." if others else f"{name} is home."
    return (
        f"{name} has left; {others} {'is' if len(coming.others) == 1 else 'are'} home."
        if others
        else f"{name} has left: nobody is home."
    )


def _name(change: Change) -> str:
    return _titled(change.person or "somebody")


def _titled(name: str) -> str:
    """*name* as it begins a sentence."""
    return name[:1].upper() + name[1:]

"""The effects of arrivals and departures on the house, and their announcements."""

from datetime import UTC, datetime

import pytest

from app.presence.arming import Action, action_for, transition
from app.presence.household import Change

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def action(change: Change, *home: str, armed: bool = False, auto: bool = True) -> Action:
    return action_for(
        transition(change, NOW, home),
        {"camera_status": armed, "auto_detect_status": auto, "home": bool(home)},
    )


@pytest.mark.parametrize(
    ("change", "armed", "auto", "switches", "text"),
    [
        (
            Change("emptied", None),
            False,
            True,
            {"home": False, "camera_status": True},
            "Everyone has left: armed.",
        ),
        (
            Change("emptied", None),
            True,
            True,
            {"home": False},
            "Everyone has left. The house was armed already.",
        ),
        (
            Change("emptied", None),
            False,
            False,
            {"home": False},
            "Everyone has left. Arming by who is home is off, so the house stays disarmed.",
        ),
        (
            Change("occupied", "anna"),
            True,
            True,
            {"home": True, "camera_status": False},
            "Anna is home: disarmed.",
        ),
        (
            Change("occupied", "anna"),
            False,
            True,
            {"home": True},
            "Anna is home. The house was disarmed already.",
        ),
        (
            Change("occupied", "anna"),
            True,
            False,
            {"home": True},
            "Anna is home. Arming by who is home is off, so the house stays armed.",
        ),
    ],
)
def test_the_first_and_the_last_set_only_what_differs(
    change: Change, armed: bool, auto: bool, switches: dict[str, bool], text: str
) -> None:
    found = action(change, armed=armed, auto=auto)
    assert found.switches == switches
    assert found.fact.text == text
    assert found.fact.alert
    assert found.changed.by == "who is home"


@pytest.mark.parametrize(
    ("change", "home", "text"),
    [
        (Change("came", "ben"), ("anna", "ben"), "Ben is home too."),
        (Change("came", "ben"), ("ben",), "Ben is home."),
        (Change("left", "ben"), ("anna",), "Ben has left; Anna is home."),
        (Change("left", "ben"), ("anna", "cleo"), "Ben has left; Anna and Cleo are home."),
        (Change("left", "ben"), (), "Ben has left: nobody is home."),
    ],
)
def test_all_others_are_announced_but_change_nothing(
    change: Change, home: tuple[str, ...], text: str
) -> None:
    found = action(change, *home, armed=True)
    assert found.switches == {}
    assert found.fact.text == text
    assert not found.fact.alert


def test_the_reason_is_recorded_for_status() -> None:
    assert action(Change("emptied", None)).changed.why == "everyone has left"
    assert action(Change("occupied", "anna"), armed=True).changed.why == "Anna came home"


def test_a_transition_carried_out_again_is_the_same_fact() -> None:
    once = transition(Change("emptied", None), NOW, ())
    switches = {"camera_status": False, "auto_detect_status": True, "home": True}
    assert (
        action_for(once, switches).fact.id
        == action_for(once, switches | {"camera_status": True}).fact.id
    )

"""What comings and goings do to the house, and how they are told."""

from datetime import UTC, datetime

import pytest

from app.presence.arming import Deed, coming, deed
from app.presence.household import Change

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


def done(change: Change, *home: str, armed: bool = False, auto: bool = True) -> Deed:
    return deed(
        coming(change, NOW, home),
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
def test_the_first_and_the_last_turn_what_is_not_so_already(
    change: Change, armed: bool, auto: bool, switches: dict[str, bool], text: str
) -> None:
    found = done(change, armed=armed, auto=auto)
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
def test_all_others_are_noted_but_change_nothing(
    change: Change, home: tuple[str, ...], text: str
) -> None:
    found = done(change, *home, armed=True)
    assert found.switches == {}
    assert found.fact.text == text
    assert not found.fact.alert


def test_why_the_house_was_turned_is_said_for_status() -> None:
    assert done(Change("emptied", None)).changed.why == "everyone has left"
    assert done(Change("occupied", "anna"), armed=True).changed.why == "Anna came home"


def test_a_coming_that_is_carried_out_again_is_the_same_fact() -> None:
    once = coming(Change("emptied", None), NOW, ())
    switches = {"camera_status": False, "auto_detect_status": True, "home": True}
    assert deed(once, switches).fact.id == deed(once, switches | {"camera_status": True}).fact.id

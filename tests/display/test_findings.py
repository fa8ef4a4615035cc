"""The words of a verdict."""

from dataclasses import replace

import pytest

from app.detector import Verdict
from app.display.findings import COLUMNS, event_text, findings, headline, label, reason
from app.motion.base import Contour
from tests.display.drawn import evidence as evidence_of
from tests.display.drawn import other, somebody, verdict

PLAIN = Contour(somebody().box, 8214.2, confirmed=True)


@pytest.mark.parametrize(
    ("given", "contours", "words", "why"),
    [
        (verdict(), [], "Nothing moves", ""),
        (verdict(learning=True), [], "Learning", "The background is not known yet."),
        (
            verdict(objection="the light is changing"),
            [other()],
            "Nobody",
            "Reason: the light is changing",
        ),
        (
            verdict(motion=True),
            [other(), somebody()],
            "Somebody",
            "A person-sized shape came in from the left",
        ),
        (verdict(motion=True), [PLAIN], "Motion", "Largest area: 1234 px"),
        (verdict(motion=True, level=83.6), [], "Bright: 84 of 255", ""),
        (verdict(level=12.0), [], "Dark: 12 of 255", ""),
    ],
)
def test_a_verdict_has_a_headline_and_a_reason(
    given: Verdict, contours: list[Contour], words: str, why: str
) -> None:
    assert (headline(given, contours), reason(given, contours)) == (words, why)


def test_a_damaged_frame_is_not_judged() -> None:
    assert headline(verdict(), [], damaged=True) == "Damaged: not judged"


def test_what_is_confirmed_comes_first_with_its_figures() -> None:
    rows = findings([other(), somebody()])
    assert [one.title for one in rows] == ["#3 somebody", "#4 did not travel"]
    assert rows[0].figures == ("5.0%", "1.2 s", "64%", "43%", "12%")
    assert rows[1].figures == ("1.0%", "1.2 s", "-", "43%", "12%")
    assert len(COLUMNS) == len(rows[0].figures)


def test_somebody_out_of_sight_is_no_evidence_of_this_picture() -> None:
    hidden = replace(somebody(), seen=False)
    assert findings([hidden])[0].title == "#3 somebody, out of sight"
    assert headline(verdict(motion=True), [hidden]) == "Motion"


def test_the_zone_of_somebody_is_named() -> None:
    evidence = replace(evidence_of(), zone="drive")
    one = replace(somebody(), evidence=evidence)
    assert findings([one])[0].title == "#3 somebody, drive"


def test_without_evidence_the_area_is_the_reason() -> None:
    small = Contour(PLAIN.box, 423.0, objection="too small")
    assert [one.title for one in findings([small, PLAIN])] == [
        "motion: 8214 px",
        "too small: 423 px",
    ]
    assert label(PLAIN) == ""


def test_an_open_event_is_shown_with_its_time() -> None:
    assert event_text(verdict(opened_at_s=10.0), 22.4) == "event 7 open, 12 s"
    assert event_text(verdict(), 22.4) == ""
    assert event_text(replace(verdict(opened_at_s=10.0), changed="closed"), 22.4) == ""

"""A frame in, a verdict out: when an event opens and closes, and when it is an alert."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from app.detector import Detector, Event, EventSettings, Verdict
from app.frames import Box, Frame, Image
from app.motion import make_motion
from app.motion.base import MotionModel, MotionSettings, Sighting

BLACK: Image = np.zeros((4, 4), np.uint8)
STILL = Sighting(motion=False, area_px=0.0, boxes=(), learning=False)


@dataclass
class ScriptedMotion(MotionModel):
    """Returns the given sightings one after another."""

    sightings: Iterator[Sighting]
    judged: list[tuple[tuple[int, ...], int]] = field(default_factory=list)
    relearned: int = 0

    def judge(
        self,
        luma: Image,
        span: int = 255,
        at_s: float | None = None,  # noqa: ARG002
    ) -> Sighting:
        self.judged.append((luma.shape, span))
        return next(self.sightings)

    def relearn(self) -> None:
        self.relearned += 1


def moving(area_px: float = 6000.0, x: int = 10) -> Sighting:
    return Sighting(motion=True, area_px=area_px, boxes=(Box(x, 20, 30, 40),), learning=False)


def frame(number: int, at_s: float, luma: Image = BLACK, span: int = 255) -> Frame:
    return Frame(luma, at_s, datetime(2026, 11, 20, tzinfo=UTC), number, lambda: luma, span)


def scripted(
    sightings: Sequence[Sighting], events: EventSettings
) -> tuple[Detector, ScriptedMotion]:
    motion = ScriptedMotion(iter(sightings))
    return Detector(motion, events), motion


def verdicts(script: str, events: EventSettings, interval_s: float = 1.0) -> list[Verdict]:
    """Return the verdicts on frames, one each *interval_s*: `x` shows motion, `.` none."""
    detector, _ = scripted([moving() if sign == "x" else STILL for sign in script], events)
    return [detector.judge(frame(number, number * interval_s)) for number in range(len(script))]


def changes(script: str, events: EventSettings) -> str:
    """Return a sign a frame: `(` an event opens, `)` it closes, `-` it is open, `.` none is."""
    signs = {"opened": "(", "closed": ")"}
    return "".join(
        signs.get(one.changed or "", "-" if one.event else ".") for one in verdicts(script, events)
    )


@pytest.mark.parametrize(
    ("window", "fraction", "gap_s", "script", "expected"),
    [
        # A window that is not full yet counts as if the missing frames were still.
        (5, 0.6, 9, "xxx", "..("),
        (5, 0.6, 9, "xx", ".."),
        (5, 0.6, 9, ".x.x.x", ".....("),
        # The newest frame must show motion, and old ones drop out.
        (5, 0.6, 9, "xx..x", "....("),
        (5, 0.6, 9, "xx...x", "......"),
        (5, 0.6, 9, "xx...xx", "......."),
        (1, 1.0, 9, ".x", ".("),
        (3, 0.01, 9, "..x", "..("),
        (4, 1.0, 9, "xxx.xxxx", ".......("),
        # A fraction is rounded up; 0.28 of 25 is 7, though a little more in floating point.
        (4, 0.6, 9, "xxx", "..("),
        (25, 0.28, 9, "xxxxxxxx", "......(-"),
        (10, 0.7, 9, "xxxxxxxx", "......(-"),
        # It closes when the gap has passed without motion, and not before.
        (1, 1.0, 3, "x..x...", "(-----)"),
        (1, 1.0, 3, "x...", "(--)"),
        (1, 1.0, 3, "x..", "(--"),
        (1, 1.0, 0, "xx.", "(-)"),
        # And opens again by the same rule.
        (1, 1.0, 1, "x.x.", "()()"),
        (2, 1.0, 2, "xx..x.xx", ".(-)...("),
        (4, 0.5, 1, "xx.x", ".()("),
        (4, 0.5, 1, "xx...", ".().."),
    ],
)
def test_an_event_opens_and_closes_by_the_rule(
    window: int, fraction: float, gap_s: float, script: str, expected: str
) -> None:
    events = EventSettings(
        motion_classification_store_cnt=window, min_occupied_fraction=fraction, event_gap_s=gap_s
    )
    assert changes(script, events) == expected


def test_18_of_30_frames_open_and_5_seconds_close_an_event() -> None:
    seen = verdicts("x" * 20 + "." * 120, EventSettings(), interval_s=0.1)
    opened, closed = (
        next(n for n, one in enumerate(seen) if one.changed == change)
        for change in ("opened", "closed")
    )
    assert opened == 17
    assert closed in (69, 70)


def test_an_event_lasts_from_its_opening_to_the_last_motion() -> None:
    seen = verdicts(
        "..xxx.x....",
        EventSettings(motion_classification_store_cnt=2, min_occupied_fraction=1, event_gap_s=3),
    )
    event = seen[3].event
    assert event == Event(
        number=1,
        started_at_s=3.0,
        ended_at_s=None,
        peak_area_px=6000.0,
        boxes=(Box(10, 20, 30, 40),),
        alert=True,
    )
    closed = seen[9]
    assert closed.changed == "closed"
    assert closed.event is not None
    assert (closed.event.started_at_s, closed.event.ended_at_s) == (3.0, 6.0)
    assert seen[10].event is None


def test_events_are_numbered_from_1() -> None:
    seen = verdicts("x.x.x", EventSettings(motion_classification_store_cnt=1, event_gap_s=1))
    assert [one.event.number for one in seen if one.event and one.changed == "opened"] == [1, 2, 3]


def test_an_event_keeps_its_largest_area_and_its_boxes() -> None:
    areas = [5500.0, 9000.0, 7000.0]
    detector, _ = scripted(
        [moving(area_px, x=int(area_px)) for area_px in areas],
        EventSettings(motion_classification_store_cnt=1),
    )
    seen = [detector.judge(frame(n, n)).event for n in range(3)]
    assert [one and one.peak_area_px for one in seen] == [5500.0, 9000.0, 9000.0]
    assert seen[2] is not None
    assert seen[2].boxes == (Box(9000, 20, 30, 40),)


def test_alerts_are_at_least_min_notify_seconds_apart() -> None:
    events = EventSettings(motion_classification_store_cnt=1, event_gap_s=1, min_notify_seconds=4)
    opened = [
        one.event for one in verdicts("x.x.x.x.x", events) if one.event and one.changed == "opened"
    ]
    assert [(one.started_at_s, one.alert) for one in opened] == [
        (0, True),
        (2, False),
        (4, True),
        (6, False),
        (8, True),
    ]


def test_only_an_alert_that_was_sent_counts() -> None:
    events = EventSettings(motion_classification_store_cnt=1, event_gap_s=1, min_notify_seconds=4)
    script = "x..x..x..x.."
    detector, _ = scripted([moving() if sign == "x" else STILL for sign in script], events)
    alerts = []
    for number in range(len(script)):
        verdict = detector.judge(frame(number, number))
        if verdict.event and verdict.changed == "opened":
            alerts.append(verdict.event.alert)
            if number == 0:
                detector.take_back_alert()
    # The first was held, so the second counts, and the third comes too soon after it.
    assert alerts == [True, True, False, True]


def test_an_alert_that_is_sent_late_counts_from_then_on() -> None:
    events = EventSettings(motion_classification_store_cnt=1, event_gap_s=1, min_notify_seconds=4)
    detector, _ = scripted([moving(), STILL, STILL, moving()], events)
    detector.judge(frame(0, 0.0))
    detector.take_back_alert()
    detector.count_alert(3.0)
    verdicts = [detector.judge(frame(n, 2.0 * n)) for n in (1, 2, 3)]
    assert [one.event and one.event.alert for one in verdicts] == [True, None, False]


def test_an_alert_stays_an_alert_until_the_event_ends() -> None:
    events = EventSettings(motion_classification_store_cnt=1, event_gap_s=2, min_notify_seconds=3)
    assert {one.event.alert for one in verdicts("xxxxxxxx..", events) if one.event} == {True}


def test_a_verdict_has_what_the_motion_model_saw() -> None:
    learning = Sighting(motion=False, area_px=0.0, boxes=(), learning=True)
    detector, motion = scripted([learning, moving(6543.0)], EventSettings())
    assert detector.judge(frame(0, 0)) == Verdict(
        motion=False, area_px=0.0, boxes=(), learning=True, event=None, changed=None
    )
    seen = detector.judge(frame(1, 1, span=219))
    assert (seen.motion, seen.area_px, seen.boxes, seen.learning) == (
        True,
        6543.0,
        (Box(10, 20, 30, 40),),
        False,
    )
    assert motion.judged == [((4, 4), 255), ((4, 4), 219)]


def test_relearning_keeps_an_open_event_until_its_gap_ends() -> None:
    events = EventSettings(motion_classification_store_cnt=1, event_gap_s=3)
    detector, motion = scripted([moving(), STILL, STILL, STILL], events)
    detector.judge(frame(0, 0))
    detector.relearn()
    seen = [detector.judge(frame(n, n)) for n in (1, 2, 3)]
    assert motion.relearned == 1
    assert [one.changed for one in seen] == [None, None, "closed"]
    assert all(one.event and one.event.number == 1 for one in seen)


def test_motion_before_relearning_opens_no_event() -> None:
    detector, _ = scripted(
        [moving()] * 4, EventSettings(motion_classification_store_cnt=3, min_occupied_fraction=1)
    )
    for n in range(2):
        detector.judge(frame(n, n))
    detector.relearn()
    assert [detector.judge(frame(n, n)).changed for n in (2, 3)] == [None, None]


def test_closing_ends_an_open_event_at_its_last_motion() -> None:
    detector, _ = scripted(
        [moving(), moving(), STILL, moving()], EventSettings(motion_classification_store_cnt=1)
    )
    for n in range(3):
        detector.judge(frame(n, n))
    event = detector.end_event()
    assert event is not None
    assert (event.started_at_s, event.ended_at_s) == (0, 1)
    assert detector.end_event() is None
    reopened = detector.judge(frame(3, 3))
    assert reopened.changed == "opened"
    assert reopened.event is not None
    assert reopened.event.number == 2


def test_no_event_opens_while_the_background_is_learned() -> None:
    events = EventSettings(motion_classification_store_cnt=2, min_occupied_fraction=0.5)
    detector = Detector(make_motion(MotionSettings(method="running_average")), events)
    dark, bright = np.zeros((48, 64), np.uint8), np.full((48, 64), 255, np.uint8)
    flicker = [detector.judge(frame(n, n / 10, bright if n % 2 else dark)) for n in range(11)]
    assert [one.learning for one in flicker] == [True] * 10 + [False]
    assert [one.changed for one in flicker] == [None] * 10 + ["opened"]


def test_a_damaged_frame_is_neither_judged_nor_learned() -> None:
    detector, motion = scripted([STILL, moving(), moving()], EventSettings(2, 1.0, 10.0, 10.0))
    judged = [
        detector.judge(replace(frame(number, number * 1.0), damaged=number in (1, 3)))
        for number in range(5)
    ]
    assert len(motion.judged) == 3
    assert [one.motion for one in judged] == [False, False, True, False, True]
    assert judged[4].changed == "opened"


def test_all_frames_of_which_one_is_damaged_are_worth_judging() -> None:
    detector = Detector(make_motion(MotionSettings()), EventSettings())
    for number in range(80):
        detector.judge(frame(number, number / 10))
    assert detector.rests
    frames = [frame(number, number / 10) for number in (80, 81, 82)]
    assert detector.worth_judging(frames) == frames[-1:]
    for spoiled in (replace(frames[1], damaged=True), replace(frames[1], scene=1)):
        assert len(detector.worth_judging([frames[0], spoiled, frames[2]])) == 3


def test_an_event_ends_when_a_minute_of_frames_is_damaged() -> None:
    detector, _ = scripted([moving()] * 2, EventSettings(2, 1.0, 10.0, 10.0))
    judged = [
        detector.judge(replace(frame(number, number * 1.0), damaged=number >= 2))
        for number in range(70)
    ]
    closed = [number for number, one in enumerate(judged) if one.changed == "closed"]
    assert closed == [61]
    event = judged[61].event
    assert event
    assert event.ended_at_s == 1.0
    assert judged[62].event is None


def test_another_scene_is_learned_first() -> None:
    detector, motion = scripted([STILL] * 3, EventSettings())
    for number, scene in enumerate((0, 0, 1)):
        detector.judge(replace(frame(number, number * 1.0), scene=scene))
    assert motion.relearned == 1


def opened_at_s(script: str, interval_s: float, events: EventSettings | None = None) -> list[float]:
    """Return when events open, of a source whose frames should come ten a second."""
    motion = ScriptedMotion(iter([moving() if sign == "x" else STILL for sign in script]))
    detector = Detector(motion, events or EventSettings(), fps=10)
    times_s = [number * interval_s for number in range(len(script))]
    return [
        at_s
        for number, at_s in enumerate(times_s)
        if detector.judge(frame(number, at_s)).changed == "opened"
    ]


@pytest.mark.parametrize("interval_s", [0.1, 0.2, 0.5])
def test_a_slower_source_is_judged_by_time(interval_s: float) -> None:
    script = round(10 / interval_s) * "." + round(5 / interval_s) * "x"
    (at_s,) = opened_at_s(script, interval_s)
    assert 11.3 <= at_s <= 12


def test_a_flash_opens_no_event_however_slow_the_source_is() -> None:
    assert opened_at_s(20 * "." + "xx" + 20 * ".", 1.0) == []
    assert opened_at_s(20 * "." + "xxx" + 20 * ".", 1.0) == [22.0]


def test_a_model_that_confirms_opens_an_event_at_once() -> None:
    motion = ScriptedMotion(iter([STILL, moving(), STILL, moving(), *([STILL] * 6)]))
    motion.confirms = True
    detector = Detector(motion, EventSettings(event_gap_s=3))
    seen = [detector.judge(frame(number, number)) for number in range(10)]
    assert [one.changed for one in seen] == [None, "opened", *([None] * 4), "closed", *([None] * 3)]
    closed = seen[6].event
    assert closed
    assert (closed.started_at_s, closed.ended_at_s) == (1, 3)


def test_somebody_who_leaves_a_recorded_zone_opens_an_alert() -> None:
    sightings = [replace(moving(), alert=alert) for alert in (False, False, True, True)]
    motion = ScriptedMotion(iter(sightings))
    motion.confirms = True
    detector = Detector(motion, EventSettings())
    seen = [detector.judge(frame(number, number)) for number in range(4)]
    assert [one.changed for one in seen] == ["opened", None, "closed", "opened"]
    assert [one.event.alert for one in seen if one.event] == [False, False, False, True]

"""The best picture of an event is chosen around its opening."""

import numpy as np

from app.clock import FakeClock
from app.daemons.security_system.findings import BestShot, Shot
from app.frames import Box, Detection, Frame

BOX = Box(1, 2, 3, 4)


def shot(at_s: float, score: float, kind: str = "person") -> Shot:
    luma = np.zeros((24, 32), np.uint8)
    frame = Frame(luma, at_s, FakeClock().now(), 0, lambda: np.zeros((24, 32, 3), np.uint8))
    return Shot(frame, Detection(BOX, score, kind), kind == "person")


def test_an_event_begins_with_the_best_picture_just_before_it() -> None:
    best = BestShot()
    for one in (shot(1.0, 0.99), shot(9.5, 0.6), shot(9.8, 0.7)):
        best.offer(one)
    best.opened(10.0)
    assert best.shot
    assert best.shot.frame.at_s == 9.8
    assert not best.has_news


def test_a_better_picture_counts_only_near_the_opening() -> None:
    best = BestShot()
    best.opened(10.0)
    found = []
    for at_s, score in ((10.2, 0.5), (10.4, 0.4), (10.9, 0.8), (11.5, 0.95)):
        best.offer(shot(at_s, score))
        assert best.shot
        found.append(best.shot.frame.at_s)
    assert found == [10.2, 10.2, 10.9, 10.9]
    assert best.has_news
    assert not best.is_settled(10.9)
    assert best.is_settled(11.0)


def test_a_person_who_is_seen_late_takes_the_place_of_a_cat() -> None:
    best = BestShot()
    best.opened(10.0)
    best.offer(shot(10.1, 0.9, "cat"))
    best.offer(shot(30.0, 0.6))
    assert best.shot
    assert best.shot.person


def test_the_next_event_knows_nothing_of_the_last() -> None:
    best = BestShot()
    best.opened(10.0)
    best.offer(shot(10.1, 0.9))
    best.closed()
    best.opened(11.0)
    assert best.shot is None
    assert not best.has_news

"""Questions go to likely people first, because tags of people are rare."""

import numpy as np

from app.silencer.questions import least_certain


def test_two_likely_people_come_first_then_the_least_certain() -> None:
    assert least_certain(np.array([-5.0, 0.1, 4.0, -0.5, 6.0])) == [4, 2, 1, 3, 0]


def test_without_events_there_are_no_questions() -> None:
    assert least_certain(np.zeros(0)) == []

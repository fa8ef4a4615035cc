"""Chooses the events whose tags would teach the silencer most."""

import numpy as np

from app.silencer.logistic import Floats

MOST_A_DAY = 3


def least_certain(likely: Floats) -> list[int]:
    """Return the rows in the order in which to ask.

    *likely* has the logit of a person for each event. The two events that are most likely people
    come first, because tags of people are rare; then those of which least is known.
    """
    first = [int(row) for row in np.argsort(-likely)[:2]]
    return [*first, *(int(row) for row in np.argsort(np.abs(likely)) if row not in first)]

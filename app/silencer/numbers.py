"""The numbers of an event, from which the silencer learns."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.protocol import EventRecord, Evidence, Label

#: Where and when: the picture has so many columns and rows of cells, each by hour.
COLUMNS, ROWS, HOURS = 8, 6, 24
#: A model is sure of a person from this best score on: such an event is never silenced, and counts
#: as a person without a tag.
SURE_SCORE = 0.8
NAMES = (
    "size",
    "height",
    "slimness",
    "travelled",
    "lasted",
    "hidden",
    "hidden_known",
    "darker",
    "lighter_only",
    "across",
    "foot",
    "entered",
    "hour_sine",
    "hour_cosine",
    "person_score",
    "other_score",
)
#: Where the scores begin in the numbers.
SCORES = NAMES.index("person_score")
#: Below this share nothing is darker than the background.
_DARKER = 0.07
Origin = Literal["tag", "score"]


@dataclass(frozen=True, slots=True)
class Example:
    """The numbers of one event, and its label.

    *at* is its beginning in the house's time zone. *numbers* are those of `NAMES`. Without a label
    it is a person if *score*, the best person score, is sure.
    """

    event: str
    at: datetime
    numbers: tuple[float, ...]
    label: Label | None = None
    score: float | None = None

    @property
    def is_sure(self) -> bool:
        """Return whether the model is sure of a person."""
        return self.score is not None and self.score >= SURE_SCORE

    @property
    def is_person(self) -> bool | None:
        """Return whether it is a person, by the tag or else by the model; None: nobody knows."""
        if self.label is not None:
            return self.label == "occupied"
        return True if self.is_sure else None


def example(event: str, record: EventRecord, aspect: float) -> Example | None:
    """Return the example of *event*; None where the motion method gives no evidence.

    *aspect* is the width of the camera's pictures, divided by their height.
    """
    evidence = record.evidence
    if evidence is None or evidence.size <= 0 or evidence.height <= 0 or evidence.box[3] <= 0:
        return None
    at = record.started_at.astimezone()
    numbers = (*_of_evidence(evidence, aspect), *_of_hour(at), *_of_scores(record))
    return Example(event, at, tuple(round(n, 4) for n in numbers), record.label, record.score)


def cell(numbers: tuple[float, ...]) -> tuple[int, int]:
    """Return the column and the row of the cell in which the feet stood."""
    across, foot = numbers[NAMES.index("across")], numbers[NAMES.index("foot")]
    return min(int(across * COLUMNS), COLUMNS - 1), min(int(foot * ROWS), ROWS - 1)


def _of_evidence(evidence: Evidence, aspect: float) -> tuple[float, ...]:
    left, top, width, height = evidence.box
    # The share of the height leads from pixels to shares, whatever the resolution was.
    picture_height = height / evidence.height
    across = (left + width / 2) / (picture_height * aspect)
    return (
        math.log10(evidence.size),
        evidence.height,
        math.log(height / max(width, 1)),
        evidence.travelled,
        math.log10(max(evidence.lasted_s, 0.1)),
        evidence.hidden or 0.0,
        float(evidence.hidden is not None),
        evidence.darker,
        float(evidence.darker < _DARKER),
        min(max(across, 0.0), 1.0),
        min(max((top + height) / picture_height, 0.0), 1.0),
        float(evidence.entered is not None),
    )


def _of_hour(at: datetime) -> tuple[float, float]:
    turn = 2 * math.pi * (at.hour + at.minute / 60) / HOURS
    return math.sin(turn), math.cos(turn)


def _of_scores(record: EventRecord) -> tuple[float, float]:
    is_other = record.seen is not None and record.seen != "person"
    return record.score or 0.0, (record.seen_score or 0.0) if is_other else 0.0

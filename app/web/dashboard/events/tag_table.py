"""The table of what the tags say so far: how often an alert was right, and how often none was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.protocol import HELD_BACK, Decision, Label
from app.web.dashboard.events.index import EventIndex
from app.web.dashboard.events.row import EventFilter

LABELS: tuple[Label, ...] = ("occupied", "unoccupied")
#: The columns: what became of the alert. Without a person model and a silencer nothing is decided.
DECISIONS: Mapping[Decision | None, str] = {
    "sent": "alert sent",
    "held": "held back",
    "silenced": "silenced",
    None: "no decision",
}


@dataclass(frozen=True, slots=True)
class Share:
    """*part* of *whole* events."""

    part: int
    whole: int

    def __str__(self) -> str:
        if not self.whole:
            return "not known yet"
        return f"{self.part} of {self.whole} ({self.part / self.whole:.0%})"


@dataclass(frozen=True, slots=True)
class TagTable:
    """The tagged events of *camera*, or of all cameras if that is None: a number for each cell."""

    camera: str | None
    cells: Mapping[tuple[Label, Decision | None], int]

    def cell(self, label: Label, decision: Decision | None) -> int:
        return self.cells.get((label, decision), 0)

    def total(self, label: Label) -> int:
        """Return how many events have *label*."""
        return sum(self.cell(label, decision) for decision in DECISIONS)

    @property
    def undecided(self) -> int:
        """Return how many events had no decision about their alert."""
        return sum(self.cell(label, None) for label in LABELS)

    def held_back(self, label: Label) -> int:
        """Return how many events with *label* had an alert that was held back or silenced."""
        return sum(self.cell(label, decision) for decision in HELD_BACK)

    @property
    def false_alarms(self) -> Share:
        """The share of events without anybody among those whose alert was not held back."""
        false, right = (self.total(one) - self.held_back(one) for one in ("unoccupied", "occupied"))
        return Share(false, false + right)

    @property
    def missed_visits(self) -> Share:
        """The share of the visits whose alert was held back or silenced."""
        return Share(self.held_back("occupied"), self.total("occupied"))


def tag_tables(events: EventIndex) -> Iterator[TagTable]:
    """Yield the table of all cameras, then, if there are several, that of each camera."""
    counts = events.tally(
        lambda row: (row.camera, row.label, None if row.decision == "waiting" else row.decision),
        EventFilter(asked=False),
    )
    tables: dict[str | None, dict[tuple[Label, Decision | None], int]] = {None: {}}
    for (camera, label, decision), count in sorted(counts.items(), key=lambda one: one[0][0]):
        if label:
            for cells in (tables[None], tables.setdefault(camera, {})):
                cells[label, decision] = cells.get((label, decision), 0) + count
    several = len(tables) > 2
    return (TagTable(name, cells) for name, cells in tables.items() if several or name is None)

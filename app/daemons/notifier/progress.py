"""The stages of a delivery, kept in Redis: a kill neither loses nor repeats the delivery."""

from app.protocol import Fact, Stage
from app.protocol.deliveries import DELIVERED, stage_mark
from app.state import State


class DeliveryProgress:
    """The stages that the delivery of *subject* by the channel *name* has reached.

    *subject* is a fact, or the id of something else. Marks that could not be written to Redis are
    kept here, and written with the next mark or by `load`.
    """

    def __init__(self, state: State, name: str, subject: Fact | str) -> None:
        self._state = state
        self._name = name
        self._subject = subject
        self._known: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}

    def load(self) -> None:
        """Write the marks that are not in Redis yet, then read all marks."""
        self._save()
        self._known = self._state.delivery_marks(self._subject)

    @property
    def delivered(self) -> bool:
        return delivered_mark(self._name) in self._known | self._unsaved

    def set_delivered(self, when: str) -> None:
        self._mark(delivered_mark(self._name), when)

    @property
    def has_begun(self) -> bool:
        """Return whether a message of its own was posted, or may have been."""
        return bool(self.get(Stage.POSTING) or self.get(Stage.POSTED))

    def get(self, stage: Stage, of: str = "") -> str | None:
        return (self._known | self._unsaved).get(stage_mark(self._name, stage, of))

    def set(self, stage: Stage, value: str, of: str = "") -> None:
        self._mark(stage_mark(self._name, stage, of), value)

    def _mark(self, mark: str, value: str) -> None:
        self._unsaved[mark] = value
        self._save()

    def _save(self) -> None:
        if self._unsaved:
            self._state.mark_delivery(self._subject, self._unsaved)
            self._known |= self._unsaved
            self._unsaved = {}


def delivered_mark(name: str) -> str:
    """Return the mark of a delivery that the channel *name* has finished."""
    return DELIVERED.of(name)

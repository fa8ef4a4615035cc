"""How far the telling of something has come, noted in Redis stage by stage, so that a kill neither
loses nor repeats it.
"""

from app.protocol import Fact
from app.state import State


class Marks:
    """How far the delivery of *told* (a fact, or the id of something else) by the way *name* has
    come.

    What Redis did not take is kept here and written with the next mark, or by `load`.
    """

    def __init__(self, state: State, name: str, told: Fact | str) -> None:
        self._state = state
        self._name = name
        self._told = told
        self._known: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}

    def load(self) -> None:
        """Take in what is in Redis by now."""
        self._save()
        self._known = self._state.delivery_marks(self._told)

    @property
    def delivered(self) -> bool:
        return delivered_mark(self._name) in self._known | self._unsaved

    def set_delivered(self, when: str) -> None:
        self._mark(delivered_mark(self._name), when)

    @property
    def is_begun(self) -> bool:
        """Whether it may be on its way as a message of its own."""
        return bool(self.get("posting") or self.get("posted"))

    def get(self, stage: str) -> str | None:
        return (self._known | self._unsaved).get(f"{self._name}:{stage}")

    def set(self, stage: str, value: str) -> None:
        self._mark(f"{self._name}:{stage}", value)

    def _mark(self, mark: str, value: str) -> None:
        self._unsaved[mark] = value
        self._save()

    def _save(self) -> None:
        if self._unsaved:
            self._state.mark_delivery(self._told, self._unsaved)
            self._known |= self._unsaved
            self._unsaved = {}


def delivered_mark(name: str) -> str:
    """The mark that says that the way *name* has told it."""
    return f"delivered:{name}"

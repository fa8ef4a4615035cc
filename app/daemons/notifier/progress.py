"""The stages of a delivery, kept in Redis: a kill neither loses nor repeats the delivery.

What Redis may forget, because its log is synced once a second, is in the notifier's journal too.
"""

from collections.abc import Mapping, Sequence

from app.daemons.notifier.journal import DeliveryJournal
from app.protocol import Fact, Stage
from app.protocol.deliveries import DELIVERED, stage_mark
from app.state import State

#: The stages that must be on the disk before the delivery continues. They are written after the
#: others, so the others are on the disk then too.
_SYNCED = (Stage.POSTING, Stage.POSTED, Stage.SKIPPED)


class DeliveryProgress:
    """The stages that the delivery of *subject* by the channel *name* has reached.

    *subject* is a fact, or the id of something else. Marks that could not be written to Redis are
    kept here, and written with the next mark or by `load`. Each mark is written to *journal* first,
    where one is given; what Redis has forgotten is written to Redis again.
    """

    def __init__(
        self,
        state: State,
        name: str,
        subject: Fact | str,
        journal: DeliveryJournal | None = None,
    ) -> None:
        self._state = state
        self._name = name
        self._subject = subject
        self._id = subject.id if isinstance(subject, Fact) else subject
        self._journal = journal
        self._known: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}

    def load(self) -> None:
        """Write the marks that are not in Redis yet, then read all marks."""
        load_all([self])

    @property
    def marks(self) -> Mapping[str, str]:
        """The marks of the subject, of all channels, at the last `load`."""
        return self._known

    @property
    def delivered(self) -> bool:
        return delivered_mark(self._name) in self._known | self._unsaved

    @property
    def is_over(self) -> bool:
        """Return whether the message is shown or skipped, even if it is not marked as finished."""
        return self.delivered or bool(self.get(Stage.POSTED) or self.get(Stage.SKIPPED))

    @property
    def is_unconfirmed(self) -> bool:
        """Return whether a call may have shown the message."""
        return bool(self.get(Stage.POSTING)) and not self.is_over

    def set_delivered(self, when: str) -> None:
        self._mark(delivered_mark(self._name), when)

    @property
    def has_begun(self) -> bool:
        """Return whether a message of its own was posted, or may have been."""
        return bool(self.get(Stage.POSTING) or self.get(Stage.POSTED))

    def get(self, stage: Stage, of: str = "") -> str | None:
        return (self._known | self._unsaved).get(stage_mark(self._name, stage, of))

    def set(self, stage: Stage, value: str, of: str = "") -> None:
        mark = stage_mark(self._name, stage, of)
        if self._journal:
            self._journal.write([self._id], {mark: value}, sync=bool(value) and stage in _SYNCED)
        self._mark(mark, value)

    def _mark(self, mark: str, value: str) -> None:
        self._unsaved[mark] = value
        self._save()

    def _forgotten(self) -> dict[str, str]:
        """Return the marks of this channel that Redis no longer has as they were written."""
        if self._journal is None:
            return {}
        return {
            mark: value
            for mark, value in self._journal.marks(self._id).items()
            if mark.startswith(f"{self._name}:") and self._known.get(mark, "") != value
        }

    def _save(self) -> None:
        _save_all([self])


def load_all(progresses: Sequence[DeliveryProgress]) -> None:
    """Do `DeliveryProgress.load` for each of *progresses*, in few round trips to Redis."""
    _save_all(progresses)
    if not progresses:
        return
    state = progresses[0]._state
    found = state.all_delivery_marks([one._subject for one in progresses])
    for progress, marks in zip(progresses, found, strict=True):
        progress._known = marks
        progress._unsaved = progress._forgotten()
    _save_all(progresses)


def set_all_delivered(progresses: Sequence[DeliveryProgress], when: str) -> None:
    """Do `DeliveryProgress.set_delivered` for each of *progresses*, in one round trip."""
    for progress in progresses:
        progress._unsaved[delivered_mark(progress._name)] = when
    _save_all(progresses)


def _save_all(progresses: Sequence[DeliveryProgress]) -> None:
    """Write the marks of *progresses* that are not in Redis yet, all or none."""
    unsaved = [one for one in progresses if one._unsaved]
    if not unsaved:
        return
    unsaved[0]._state.mark_deliveries([(one._subject, one._unsaved) for one in unsaved])
    for progress in unsaved:
        progress._known |= progress._unsaved
        progress._unsaved = {}


def delivered_mark(name: str) -> str:
    """Return the mark of a delivery that the channel *name* has finished."""
    return DELIVERED.of(name)

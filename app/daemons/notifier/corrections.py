"""Corrections: an alert in Slack is edited when a person model has seen what caused it.

A correction is kept as a mark on the event first. A message that is posted later shows it from the
beginning, and so does every later change of the message. The fact is acknowledged when Slack shows
the correction, or can never show it; so a kill or an outage loses none, and a second edit changes
nothing. Channels whose messages cannot be edited get nothing: that would be a second alarm.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from app.backoff import Backoff
from app.clock import Clock
from app.daemons.notifier.composer import ALERT_PATIENCE
from app.daemons.notifier.delivery_queue import PendingFact
from app.daemons.notifier.progress import delivered_mark
from app.daemons.notifier.retry_queue import RETRY_MAX_S, RetryQueue
from app.daemons.notifier.shown_alerts import ShownAlerts
from app.notify.base import MessageRefused
from app.notify.slack.replies import SlackReplies
from app.protocol import Fact, Stage
from app.protocol.deliveries import HELD, correction_marks, stage_mark
from app.state import State

#: The seconds between two looks whether the alert is delivered.
ALERT_LOOK_S = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PendingCorrection:
    """A correction that Slack does not show yet: *fact*, the stream's *entry*."""

    entry: str
    fact: Fact
    replied: bool = False
    due_s: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(RETRY_MAX_S))

    @property
    def name(self) -> str:
        return f"the correction of event {self.fact.event}"

    @property
    def missing(self) -> str:
        return "is not shown yet"


class Corrections:
    """Corrects alerts by *slack*.

    *alert_of* returns the alert of an event while it is not delivered, and *acknowledge* gets the
    stream's id of each fact that is done. The thread that reads facts calls `accept`; all else
    belongs to the thread that also shows tags.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        slack: SlackReplies,
        alert_of: Callable[[str], PendingFact | None],
        acknowledge: Callable[[str], None],
    ) -> None:
        self._state = state
        self._clock = clock
        self._slack = slack
        self._alert_of = alert_of
        self._alerts = ShownAlerts(state, slack)
        self._arrived: SimpleQueue[PendingCorrection] = SimpleQueue()
        self._retries = RetryQueue[PendingCorrection](
            clock, self._show, lambda pending: acknowledge(pending.entry)
        )

    def accept(self, entry: str, fact: Fact) -> None:
        """Keep the correction *fact*, the stream's *entry*, and show it soon."""
        fields = self._state.event_fields(fact.event or "")
        marks = correction_marks(fields, fact.at, fact.text) if fields else {}
        if marks:
            self._state.mark_event(fact.event or "", marks)
        self._arrived.put(PendingCorrection(entry, fact))

    def step(self) -> None:
        """Show the corrections that are due."""
        while not self._arrived.empty():
            self._retries.enqueue(self._arrived.get_nowait())
        self._retries.reply_to_due()

    def wait_s(self) -> float:
        """Return the seconds until a correction is due; infinite when there is none."""
        return self._retries.wait_s() if self._arrived.empty() else 0.0

    def _show(self, pending: PendingCorrection) -> float:
        """Show a correction; returns 0 when that is done, else the seconds until the next try."""
        fact, event = pending.fact, pending.fact.event or ""
        alert = self._alert_of(event)
        if alert and self._slack.name in alert.remaining:
            return ALERT_LOOK_S
        fields = self._state.event_fields(event)
        shown = self._alerts.find(event, fields) if fields else None
        if shown is None:
            return ALERT_LOOK_S if self._may_come(fact, fields) else 0.0
        removes = shown.record.label is not None and self._slack.delete_after_tag
        try:
            self._alerts.show(shown, removes=removes and not shown.is_removed)
        except MessageRefused as error:
            _log.warning("%s is not shown: %s", pending.name, error)
        return 0.0

    def _may_come(self, fact: Fact, fields: dict[str, str]) -> bool:
        """Return whether another notifier may still post the alert of the event with *fields*."""
        name = self._slack.name
        ends = (HELD.name, delivered_mark(name), stage_mark(name, Stage.SKIPPED))
        is_fresh = abs(self._clock.now() - fact.at) < ALERT_PATIENCE
        return bool(fields) and is_fresh and not any(fields.get(mark) for mark in ends)

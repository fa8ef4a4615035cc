"""Reads facts and requests from their streams in a thread that waits for both in one call.

It decides which facts are held back, and passes the others to the outbox, and requests to their
handler. Whatever it has read and not passed on is read again.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from app import protocol
from app.clock import Clock
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.mute import READS, Mute
from app.daemons.notifier.outbox import Outbox
from app.daemons.notifier.progress import delivered_mark
from app.daemons.notifier.request_handler import RequestHandler
from app.errors import ProtocolError, StateUnavailable
from app.notify.slack.replies import SlackReplies
from app.protocol import Fact, Stage
from app.protocol.deliveries import HELD, UNTOLD, stage_mark
from app.state import TAKE_OVER_AFTER_MS, State
from app.state.inbox import Inbox
from app.worker import Worker, waiting

#: The longest wait for a fact or a request in one call. A Redis that hangs is noticed after it.
WAIT_S = 4.0
REDIS_RETRY_S = 1.0

_log = logging.getLogger(__name__)


class Intake:
    """Passes facts to *outbox*, unless they are held back, and requests to *requests*.

    `read_waiting` is called before the thread starts; after that everything belongs to the
    thread, except `stop` and the figures. *trouble_changed* is called when reading begins to fail,
    and when it works again. *started_at* is the start of this program.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        outbox: Outbox,
        requests: RequestHandler,
        journal: DeliveryJournal,
        *,
        started_at: datetime,
        trouble_changed: Callable[[], None],
    ) -> None:
        self.worker = Worker("streams", self.step)
        #: The reason why nothing can be read; None while reading works.
        self.trouble: str | None = None
        #: The number of facts that were held back.
        self.held = 0
        self._state = state
        self._clock = clock
        self._outbox = outbox
        self._requests = requests
        self._journal = journal
        self._started_at = started_at
        self._trouble_changed = trouble_changed
        self._mute = Mute()
        self._inbox: Inbox = state.inbox("notifier", protocol.host_name(), WAIT_S)
        self._catch_up_at_s = 0.0
        self._stopping = False

    def read_waiting(self) -> None:
        """Read all that waits: what a notifier left unfinished, and all new facts.

        After a failure, call it again.
        """
        self._catch_up_at_s = 0.0
        self._catch_up_if_due()
        while fresh := self._inbox.facts.new(0):
            self._accept_all(fresh)

    def step(self) -> float:
        """Wait for new entries and pass them on; returns the seconds to rest after a failure."""
        try:
            self._catch_up_if_due()
            self._set_trouble(None)
            with waiting():
                arrivals = self._inbox.new()
            self._accept_all(arrivals.facts)
            for entry, request in arrivals.requests:
                self._requests.enqueue(entry, request)
        except StateUnavailable as error:
            # An answer with entries may be lost.
            self._catch_up_at_s = 0.0
            if not self._stopping:
                self._set_trouble(str(error))
            return REDIS_RETRY_S
        return 0.0

    def stop(self) -> None:
        """End the wait for new entries; another thread may call it after `Worker.ask_to_stop`."""
        self._stopping = True
        self._inbox.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._inbox.close()

    def _set_trouble(self, what: str | None) -> None:
        has_changed = (what is None) != (self.trouble is None)
        self.trouble = what
        if has_changed:
            self._trouble_changed()

    def _catch_up_if_due(self) -> None:
        """Read, now and then, what this notifier or a dead one has read but not finished."""
        if self._clock.monotonic() < self._catch_up_at_s:
            return
        after = "0"
        while found := self._inbox.facts.unfinished(after):
            after = found[-1][0]
            missing = [(entry, fact) for entry, fact in found if entry not in self._outbox]
            self._accept_all(missing, read_before=True)
        for entry, request in self._inbox.requests.all_unfinished():
            self._requests.enqueue(entry, request)
        self._catch_up_at_s = self._clock.monotonic() + TAKE_OVER_AFTER_MS / 1000

    def _accept_all(self, read: Sequence[tuple[str, Fact]], *, read_before: bool = False) -> None:
        """Pass the facts that were *read* to the outbox; acknowledge those with nothing to deliver.

        What was read before, or published before this start, may have been delivered already.
        """
        if not read:
            return
        switches = self._state.read_strings(*READS)
        all_marks = self._state.all_delivery_marks([fact for _, fact in read])
        done = []
        for (entry, fact), marks in zip(read, all_marks, strict=True):
            if fact.kind == "motion_corrected":
                if not self._correct(entry, fact):
                    done.append(entry)
            elif names := self._remaining(fact, marks, switches):
                is_doubtful = read_before or fact.at < self._started_at
                self._outbox.enqueue(entry, fact, names, is_doubtful=is_doubtful)
            else:
                done.append(entry)
        if done:
            self._inbox.facts.acknowledge(*done)

    def _correct(self, entry: str, fact: Fact) -> bool:
        """Let Slack show the correction *fact*; returns False where no channel can do that."""
        if SlackReplies.name not in self._outbox.channels_for(fact):
            return False
        return self._requests.correct(entry, fact)

    def _remaining(
        self, fact: Fact, marks: dict[str, str], switches: Sequence[str | None]
    ) -> set[str]:
        """Return the names of the channels that must still deliver *fact*; none when it is held.

        The decision to hold it back is made once, before the first channel delivers it.
        """
        try:
            names = self._channels_for(fact, marks)
        except ProtocolError as error:
            _log.warning("fact %s is not delivered: %s", fact.id, error)
            return set()
        if not names:
            return names
        marks = marks | self._journal.marks(fact.id)
        if HELD.name in marks:
            return set()
        remaining = {name for name in names if delivered_mark(name) not in marks}
        is_new = remaining == names and not _has_begun(marks, names)
        if is_new and (reason := self._mute.reason(fact, self._clock.now(), *switches)):
            self._hold(fact, reason)
            return set()
        return remaining

    def _hold(self, fact: Fact, reason: str) -> None:
        _log.info("held back, since %s: %s", reason, fact.text)
        held = {HELD.name: f"{self._clock.now().isoformat()} {reason}"}
        self._journal.write([fact.id], held, sync=False)
        self._state.mark_delivery(fact, held)
        self.held += 1

    def _channels_for(self, fact: Fact, marks: Mapping[str, str]) -> set[str]:
        """Return the names of the channels that deliver *fact*, or have delivered it.

        An event that is no alert, and of which none was held back, gets a mark, which its clips
        need.
        """
        if not fact.alert:
            event = protocol.opened_event(fact)
            if event and not marks.get("decision"):
                self._state.mark_event(event, {UNTOLD.name: "no alert"})
            return set()
        if fact.file:
            # A wrong id raises here, before the fact is in any queue.
            protocol.event_started_at(fact.event or "")
        return self._outbox.channels_for(fact)


def _has_begun(marks: Mapping[str, str], names: set[str]) -> bool:
    """Return whether a channel may have delivered a fact, or a part, before a kill."""
    begun = (stage_mark(name, stage) for name in names for stage in (Stage.POSTING, Stage.DIGEST))
    return any(marks.get(mark) for mark in begun)

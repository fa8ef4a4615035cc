"""The notifier: tells the owner what happened, by every way that is configured.

    python -m app.daemons.notifier

Facts come from the stream `events`; one is acknowledged when every way has told it. What has been told is marked in
Redis, so that a kill at any moment neither loses an alert nor repeats one. The loop here only reads and judges, and
watches the other programs' hearts; each way has a thread of its own in the outbox, and so have the answers.
"""

import logging
import sys
from pathlib import Path

from app import protocol
from app.answers import Answers
from app.clock import Clock
from app.config import Config, slack_access
from app.daemon import Counters, Daemon, run_daemon
from app.errors import ProtocolError, StateUnavailable
from app.hearts import Hearts
from app.notify import Notifier, NotifySettings, SlackAccess, make_notifiers
from app.notify.slack import SlackNotifier
from app.notify.slack_answers import SlackAnswers
from app.outbox import Outbox, delivered_mark
from app.protocol import Fact
from app.roster import posts
from app.silence import READS, Silence
from app.state import TAKE_OVER_AFTER_MS

#: How long a step waits for a fact. A signal is obeyed after it.
WAIT_S = 1.0
#: How long the end waits for those who are just telling something, and how often it looks whether they have.
PATIENCE_S = 0.6
LOOK_S = 0.02

_log = logging.getLogger(__name__)


class NotifierDaemon(Daemon):
    """Tells the owner."""

    name = "notifier"
    backoff_max_s = 5.0
    redis_timeout_s = 2.0

    def __init__(self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None) -> None:
        super().__init__(folder, profile, clock)
        self._facts = self.state.facts(self.name, protocol.host_name())
        self._silence = Silence()
        self._settings = _settings(self.config)
        self._outbox, self._answers = self._make_desk()
        self._former: list[tuple[Outbox, Answers]] = []
        self._hearts = self._make_hearts()
        self._started = False
        self._catch_up_at_s = 0.0
        self._held = 0

    def open(self) -> None:
        ways = " and to ".join(str(way.notifier) for way in self._outbox.ways)
        _log.info("alerts go to %s", ways or "nobody: notify.backends is empty")

    def step(self) -> float:
        self._outbox.check()
        self._answers.worker.check()
        self._former = [desk for desk in self._former if not _has_ended(desk)]
        if self._former:
            return 0.1
        try:
            self._take_in()
            self._hearts.step()
        except StateUnavailable:
            self._catch_up_at_s = 0.0
            self._hearts.interrupted()
            raise
        self.in_trouble(self._outbox.trouble)
        return 0.0

    def configure(self) -> None:
        """Take over other ways to the owner, when the former have ended; what waits is read again, since Redis has it all."""
        self._hearts = self._make_hearts()
        settings = _settings(self.config)
        if settings == self._settings:
            self._outbox.hurry()
            return
        self._settings = settings
        self._dismiss()
        self._outbox, self._answers = self._make_desk()
        self._started = False
        self._catch_up_at_s = 0.0
        self.open()

    def close(self) -> None:
        self._dismiss()
        until_s = self.clock.monotonic() + PATIENCE_S
        while not all(_has_ended(desk) for desk in self._former) and self.clock.monotonic() < until_s:
            self.clock.sleep(LOOK_S)

    def counters(self) -> Counters:
        counters: Counters = {"delivered": self._outbox.delivered, "held": self._held, "waiting": self._outbox.waiting}
        for way in self._outbox.ways:
            counters[f"{way.name}_waiting"] = way.waiting
            counters[f"{way.name}_trouble"] = way.trouble
            if way.notifier.digests:
                counters |= {f"{way.name}_digests": way.digests, f"{way.name}_repeated": way.notifier.repeated}
        counters |= {"answered": self._answers.answered, "questions": self._answers.waiting}
        return counters

    def _make_desk(self) -> tuple[Outbox, Answers]:
        notify, data_dir, access = self._settings
        notifiers = make_notifiers(notify, data_dir, access, self.clock)
        slack = SlackAnswers(self._slack(notifiers, access)) if access else None
        outbox = Outbox(notifiers, self.state, self.clock, notify.digest_after_s, self._facts.done)
        return outbox, Answers(self.state, self.clock, slack, next(iter(self.config.cameras)))

    def _slack(self, notifiers: list[Notifier], access: SlackAccess) -> SlackNotifier:
        """The one among *notifiers*, so that they share what Slack says of its limits; answers need one also if no alert goes there."""
        return next((one for one in notifiers if isinstance(one, SlackNotifier)), None) or SlackNotifier(access, self.clock)

    def _make_hearts(self) -> Hearts:
        own = protocol.heartbeat_key(self.name, protocol.host_name())
        return Hearts(self.state, self.clock, own, posts(self.config))

    def _dismiss(self) -> None:
        """Let those who work now begin nothing more."""
        self._outbox.ask_to_stop()
        self._answers.worker.ask_to_stop()
        self._former.append((self._outbox, self._answers))

    def _take_in(self) -> None:
        """Wait for facts. Now and then look for what was left lying, by us or by another notifier."""
        if self.clock.monotonic() >= self._catch_up_at_s:
            for entry, fact in self._facts.all_unfinished():
                if entry not in self._outbox:
                    self._consider(entry, fact)
            self._catch_up_at_s = self.clock.monotonic() + TAKE_OVER_AFTER_MS / 1000
        if not self._started:  # only when all that was left is there: half a digest must not pass for the whole
            self._outbox.start()
            self._answers.worker.start()
            self._started = True
        for entry, fact in self._facts.new(WAIT_S):
            self._consider(entry, fact)

    def _consider(self, entry: str, fact: Fact) -> None:
        """Have *fact* told if it is to be; otherwise be done with it."""
        try:
            left = self._left_to_tell(fact)
        except ProtocolError as error:
            _log.warning("fact %s is not told: %s", fact.id, error)
            left = set()
        if left:
            self._outbox.add(entry, fact, left)
        else:
            self._facts.done(entry)

    def _left_to_tell(self, fact: Fact) -> set[str]:
        """The ways that have still to tell *fact*. Whether it is held back is asked once, before the first has told it."""
        if not fact.alert or fact.kind == "motion_ended":
            return set()
        marks = self.state.delivery_marks(fact)
        names = self._outbox.names
        left = {name for name in names if delivered_mark(name) not in marks}
        if "held" in marks:
            return set()
        if left == names and not _is_begun(marks, names) and (reason := self._reason_to_hold(fact)):
            _log.info("held back, since %s: %s", reason, fact.text)
            self.state.mark_delivery(fact, {"held": f"{self.clock.now().isoformat()} {reason}"})
            self._held += 1
            return set()
        return left

    def _reason_to_hold(self, fact: Fact) -> str | None:
        return self._silence.reason(fact, self.clock.now(), *self.state.read_strings(*READS))


def _has_ended(desk: tuple[Outbox, Answers]) -> bool:
    outbox, answers = desk
    return outbox.has_ended() & answers.worker.has_ended()


def _settings(config: Config) -> tuple[NotifySettings, Path, SlackAccess | None]:
    return config.notify, config.data_dir, slack_access(config)


def _is_begun(marks: dict[str, str], names: set[str]) -> bool:
    """Whether a way may have told it, or part of it, before this program was killed."""
    return any(marks.get(f"{name}:posting") or marks.get(f"{name}:digest") for name in names)


if __name__ == "__main__":
    sys.exit(run_daemon(NotifierDaemon))

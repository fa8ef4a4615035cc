"""The notifier: tells the owner what happened, by every way that is configured.

    python -m app.daemons.notifier

Facts come from the stream `events`; one is acknowledged when every way that is to tell it has told
it. What has been told is marked in Redis, so that a kill at any moment neither loses an alert nor
repeats one. The loop here only reads and judges, and watches the other programs' hearts; each way
has threads of its own in the outbox, and so have the answers.
"""

import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app import protocol
from app.clock import Clock
from app.config import Config
from app.daemon import Counters, Daemon
from app.daemons.notifier.clip_files import LINK_LIFE_S, Films, Links, Shrinker
from app.daemons.notifier.composer import Letters
from app.daemons.notifier.heartbeat_monitor import HeartbeatMonitor
from app.daemons.notifier.mute import READS, Silence
from app.daemons.notifier.outbox import Outbox
from app.daemons.notifier.progress import delivered_mark
from app.daemons.notifier.request_handler import Answers
from app.errors import ProtocolError, StateUnavailable
from app.notify import Notifier, NotifySettings, ServiceSettings, SlackSettings, make_notifiers
from app.notify.slack.answers import SlackAnswers
from app.notify.slack.notifier import SlackNotifier
from app.programs import expected_programs
from app.protocol import Fact
from app.state import TAKE_OVER_AFTER_MS
from app.uploads.base import S3Settings

if TYPE_CHECKING:
    from app.uploads.s3 import S3Store

#: How long a step waits for a fact. A signal is obeyed after it.
WAIT_S = 1.0
#: How long the end waits for those who are just telling something, and how often it looks whether
#: they have.
PATIENCE_S = 0.6
LOOK_S = 0.02

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the ways and the answers are made of."""

    notify: NotifySettings
    data_dir: Path
    accesses: ServiceSettings
    s3: S3Settings
    upload_every_s: float
    #: How long a clip is that somebody asks for.
    clip_s: float


@dataclass(frozen=True, slots=True)
class Desk:
    """Those who tell and answer, and the films they have."""

    outbox: Outbox
    answers: Answers
    films: Films

    def ask_to_stop(self) -> None:
        """Begin nothing more."""
        self.outbox.ask_to_stop()
        self.answers.ask_to_stop()
        self.films.close()

    def has_ended(self) -> bool:
        """Whether nobody tells or answers any more."""
        return self.outbox.has_ended() & self.answers.has_ended()


class NotifierDaemon(Daemon):
    """Tells the owner."""

    name = "notifier"
    backoff_max_s = 5.0
    redis_timeout_s = 2.0

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._facts = self.state.facts(self.name, protocol.host_name())
        self._silence = Silence()
        self._settings = _settings(self.config)
        self._desk = self._make_desk()
        self._former: list[Desk] = []
        self._hearts = self._make_hearts()
        self._started = False
        self._catch_up_at_s = 0.0
        self._held = 0

    def open(self) -> None:
        self._announce()
        self._desk.films.tidy()

    def step(self) -> float:
        self._outbox.check()
        self._desk.answers.check()
        self._former = [desk for desk in self._former if not desk.has_ended()]
        if self._former:
            return 0.1
        try:
            self._take_in()
            self._hearts.step()
        except StateUnavailable:
            self._catch_up_at_s = 0.0
            self._hearts.interrupted()
            raise
        self.report_trouble(self._outbox.trouble)
        return 0.0

    def configure(self) -> None:
        """Take over other ways to the owner, when the former have ended; what waits is read again,
        since Redis has it all.
        """
        self._hearts = self._make_hearts()
        settings = _settings(self.config)
        if settings == self._settings:
            self._outbox.hurry()
            return
        self._settings = settings
        self._dismiss()
        self._desk = self._make_desk()
        self._started = False
        self._catch_up_at_s = 0.0
        self._announce()

    def close(self) -> None:
        self._dismiss()
        until_s = self.clock.monotonic() + PATIENCE_S
        while (
            not all(desk.has_ended() for desk in self._former) and self.clock.monotonic() < until_s
        ):
            self.clock.sleep(LOOK_S)

    def counters(self) -> Counters:
        counters: Counters = {
            "delivered": self._outbox.delivered,
            "held": self._held,
            "waiting": self._outbox.waiting,
        }
        for way in self._outbox.ways:
            counters[f"{way.name}_waiting"] = way.waiting
            counters[f"{way.name}_trouble"] = way.trouble
            if way.notifier.makes_digests and way.lane == "alerts":
                counters |= {
                    f"{way.name}_digests": way.digests,
                    f"{way.name}_repeated": way.notifier.possible_repeats,
                }
        counters |= {
            "answered": self._desk.answers.answered,
            "questions": self._desk.answers.waiting,
        }
        return counters

    def _announce(self) -> None:
        ways = " and to ".join(str(notifier) for notifier in self._outbox.notifiers)
        _log.info("alerts go to %s", ways or "nobody: notify.backends is empty")

    @property
    def _outbox(self) -> Outbox:
        return self._desk.outbox

    def _make_desk(self) -> Desk:
        settings, access = self._settings, self._settings.accesses.slack
        links, every_s = _links(settings.s3), settings.upload_every_s
        films = Films(
            self.state, self.clock, settings.data_dir, links, Shrinker(), upload_every_s=every_s
        )
        notifiers = make_notifiers(
            settings.notify, settings.data_dir, settings.accesses, self.clock
        )
        slack = SlackAnswers(self._slack(notifiers, access)) if access else None
        letters = Letters(self.state, self.clock, films)
        outbox = Outbox(notifiers, letters, settings.notify.digest_after_s, self._facts.acknowledge)
        camera = next(iter(self.config.cameras))
        return Desk(
            outbox,
            Answers(self.state, self.clock, slack, films, camera=camera, clip_s=settings.clip_s),
            films,
        )

    def _slack(self, notifiers: list[Notifier], settings: SlackSettings) -> SlackNotifier:
        """The one among *notifiers*, so that they share what Slack says of its limits; answers need
        one also if no alert goes there.
        """
        return next(
            (one for one in notifiers if isinstance(one, SlackNotifier)), None
        ) or SlackNotifier(settings, self.clock)

    def _make_hearts(self) -> HeartbeatMonitor:
        own = protocol.heartbeat_key(self.name, protocol.host_name())
        return HeartbeatMonitor(self.state, self.clock, own, expected_programs(self.config))

    def _dismiss(self) -> None:
        """Let those who work now begin nothing more."""
        self._desk.ask_to_stop()
        self._former.append(self._desk)

    def _take_in(self) -> None:
        """Wait for facts. Now and then look for what was left lying, by us or by another
        notifier.
        """
        if self.clock.monotonic() >= self._catch_up_at_s:
            for entry, fact in self._facts.all_unfinished():
                if entry not in self._outbox:
                    self._consider(entry, fact)
            self._catch_up_at_s = self.clock.monotonic() + TAKE_OVER_AFTER_MS / 1000
        if (
            not self._started
        ):  # only when all that piled up is there: half a digest must not pass for the whole
            while fresh := self._facts.new(0):
                for entry, fact in fresh:
                    self._consider(entry, fact)
            self._outbox.start()
            self._desk.answers.start()
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
            self._facts.acknowledge(entry)

    def _left_to_tell(self, fact: Fact) -> set[str]:
        """The ways that have still to tell *fact*. Whether it is held back is asked once, before
        the first has told it.
        """
        names = self._tellers(fact)
        if not names:
            return names
        marks = self.state.delivery_marks(fact)
        left = {name for name in names if delivered_mark(name) not in marks}
        if "held" in marks:
            return set()
        if left == names and not _is_begun(marks, names) and (reason := self._reason_to_hold(fact)):
            _log.info("held back, since %s: %s", reason, fact.text)
            self.state.mark_delivery(fact, {"held": f"{self.clock.now().isoformat()} {reason}"})
            self._held += 1
            return set()
        return left

    def _tellers(self, fact: Fact) -> set[str]:
        """The ways that are to tell *fact*, whether or not they have. Of an event that nobody tells
        its film is to know.
        """
        if not fact.alert:
            if event := protocol.opened_event(fact):
                self.state.mark_event(event, {"untold": "no alert"})
            return set()
        if fact.file:
            protocol.event_started_at(fact.event or "")
        return self._outbox.tellers(fact)

    def _reason_to_hold(self, fact: Fact) -> str | None:
        return self._silence.reason(fact, self.clock.now(), *self.state.read_strings(*READS))


def _settings(config: Config) -> Settings:
    twilio = None if config.twilio.missing() else config.twilio
    accesses = ServiceSettings(
        None if config.slack.missing() else config.slack,
        twilio,
        config.apprise if config.apprise.urls else None,
    )
    clip_s = config.recording.pre_roll_s + config.recording.post_roll_s
    return Settings(
        config.notify, config.data_dir, accesses, config.s3, config.uploads.upload_every_s, clip_s
    )


def _links(settings: S3Settings) -> Links | None:
    """What makes links to the bucket of *settings*; None when there is none."""
    if settings.bucket is None:
        return None

    @cache
    def store() -> "S3Store":
        from app.uploads.s3 import S3Store

        return S3Store(settings)

    return lambda key: store().link(key, LINK_LIFE_S)


def _is_begun(marks: dict[str, str], names: set[str]) -> bool:
    """Whether a way may have told it, or part of it, before this program was killed."""
    return any(marks.get(f"{name}:posting") or marks.get(f"{name}:digest") for name in names)

"""The notifier's threads, made from the settings: for the channels, and for the replies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.clock import Clock
from app.config import Config
from app.daemons.notifier.clip_files import LINK_LIFE_S, ClipFiles, MakeLink
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.daemons.notifier.composer import Composer
from app.daemons.notifier.corrections import Corrections
from app.daemons.notifier.intake import Intake
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.outbox import Outbox
from app.daemons.notifier.request_handler import RequestHandler
from app.notify import Notifier, NotifySettings, ServiceSettings, SlackSettings, make_notifiers
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.replies import SlackReplies
from app.state import State
from app.uploads.base import S3Settings
from app.worker import WorkerGroup

if TYPE_CHECKING:
    from app.uploads.s3 import S3Store


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The part of the configuration on which the threads depend.

    *camera* is used when a request names none, and *clip_s* is the length of a requested clip.
    """

    notify: NotifySettings
    data_dir: Path
    services: ServiceSettings
    s3: S3Settings
    upload_every_s: float
    camera: str
    clip_s: float


class NotifierWorkers(WorkerGroup):
    """The threads of *intake*, *outbox* and *requests*, and the *clips* that they use."""

    def __init__(
        self, intake: Intake, outbox: Outbox, requests: RequestHandler, clips: ClipFiles
    ) -> None:
        super().__init__([intake.worker, *outbox.workers, *requests.workers])
        self.intake = intake
        self.outbox = outbox
        self.requests = requests
        self.clips = clips

    def ask_to_stop(self) -> None:
        """Begin no further step, and end the present wait for facts and the present rendition."""
        super().ask_to_stop()
        self.intake.stop()
        self.clips.close()

    def has_ended(self) -> bool:
        """Return whether all threads have ended; closes the notifiers whose threads have ended."""
        have_ended = super().has_ended()
        self.outbox.close_ended()
        if self.intake.worker.has_ended():
            self.intake.close()
        return have_ended


def worker_settings(config: Config) -> WorkerSettings:
    """Return the part of *config* on which the threads depend."""
    return WorkerSettings(
        config.notify,
        config.data_dir,
        config.services,
        config.s3,
        config.uploads.upload_every_s,
        next(iter(config.cameras)),
        config.recording.pre_roll_s + config.recording.post_roll_s,
    )


def make_workers(
    settings: WorkerSettings,
    state: State,
    clock: Clock,
    acknowledge: Callable[..., None],
    journal: DeliveryJournal,
    *,
    started_at: datetime,
    trouble_changed: Callable[[], None],
) -> NotifierWorkers:
    """Return the threads for *settings*, not started.

    *acknowledge* gets the stream's ids of facts that are delivered. *started_at* and
    *trouble_changed* are as in `Intake` and `Outbox`.
    """
    clips = _make_clip_files(settings, state, clock)
    notifiers = make_notifiers(settings.notify, settings.data_dir, settings.services, clock)
    composer = Composer(state, clock, clips)
    outbox = Outbox(
        notifiers,
        composer,
        settings.notify.digest_after_s,
        acknowledge,
        journal,
        trouble_changed=trouble_changed,
    )
    slack = _slack_replies(notifiers, settings.services.slack, clock)
    corrections = Corrections(state, clock, slack, outbox.alert_of, acknowledge) if slack else None
    requests = RequestHandler(
        state,
        clock,
        slack,
        clips,
        camera=settings.camera,
        clip_s=settings.clip_s,
        journal=journal,
        corrections=corrections,
    )
    intake = Intake(
        state,
        clock,
        outbox,
        requests,
        journal,
        started_at=started_at,
        trouble_changed=trouble_changed,
    )
    return NotifierWorkers(intake, outbox, requests, clips)


def _make_clip_files(settings: WorkerSettings, state: State, clock: Clock) -> ClipFiles:
    return ClipFiles(
        state,
        clock,
        settings.data_dir,
        _link_maker(settings.s3),
        ClipShrinker(),
        upload_every_s=settings.upload_every_s,
    )


def _slack_replies(
    notifiers: Iterable[Notifier], settings: SlackSettings | None, clock: Clock
) -> SlackReplies | None:
    """Return the replies by the Slack notifier among *notifiers*, or by a new one.

    Alerts and replies share one, since Slack's limits apply to both. Replies need one even if no
    alert is delivered to Slack; without *settings* there are none.
    """
    if settings is None:
        return None
    for notifier in notifiers:
        if isinstance(notifier, SlackNotifier):
            return SlackReplies(notifier)
    return SlackReplies(SlackNotifier(settings, clock))


def _link_maker(settings: S3Settings) -> MakeLink | None:
    """Return a function that makes links to the bucket of *settings*; None without a bucket."""
    if settings.bucket is None:
        return None

    @cache
    def store() -> "S3Store":
        # The SDK is imported only for the first link.
        from app.uploads.s3 import S3Store

        return S3Store(settings)

    return lambda key: store().link(key, LINK_LIFE_S)

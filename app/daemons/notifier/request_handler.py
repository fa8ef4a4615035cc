"""Answers what people asked for, as it is read from the stream `requests`: a picture taken now, a
clip, a tag shown, a sentence said.

A request is acknowledged when it is answered, so that a kill loses none; one that can be answered
no more is dropped with a sentence. Each waits for itself alone.
"""

import logging
import threading
from datetime import timedelta

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_files import Films
from app.daemons.notifier.clip_request_handler import ClipAnswers
from app.daemons.notifier.progress import Marks
from app.daemons.notifier.retry_queue import Job, Jobs
from app.errors import DeliveryError, StateUnavailable
from app.notify import Message
from app.notify.slack.answers import PostedAlert, ShownTag, SlackAnswers, mention
from app.notify.slack.api import Unfit
from app.notify.slack.blocks import escaped
from app.notify.slack.posts import Posted
from app.protocol import EventRecord, Request
from app.state import TAKE_OVER_AFTER_MS, State
from app.state.switches import Switches
from app.worker import Worker

#: How long a step waits for a request; the end of the program waits for it too.
WAIT_S = 0.5
REDIS_RETRY_S = 1.0
#: How long a camera is given for a picture taken now, and how often it is looked whether it is
#: there.
PICTURE_WAIT = timedelta(seconds=5)
PICTURE_LOOK_S = 0.1
#: How old a request may be when it is first read, or tried again, by kind; of clips see
#: `app.daemons.notifier.clip_request_handler`.
LIVES = {"last_image": timedelta(minutes=2), "say": timedelta(minutes=30), "tag": timedelta(days=1)}

_log = logging.getLogger(__name__)


class Answers:
    """Answers by *slack* and with *films*; without Slack requests are only acknowledged.

    *camera* is the one that is meant when none is named, and a clip that is asked for lasts
    *clip_s*.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        slack: SlackAnswers | None,
        films: Films,
        *,
        camera: str,
        clip_s: float,
    ) -> None:
        self.answered = 0
        self._worker = Worker("answers", self.step)
        self._state = state
        self._clock = clock
        self._slack = slack
        self._camera = camera
        self._requests = state.requests("notifier", protocol.host_name())
        self._switches = Switches()
        self._jobs = Jobs(clock, self._answer, self._finish)
        self.clips = (
            ClipAnswers(state, clock, slack, films, camera=camera, clip_s=clip_s, done=self._finish)
            if slack
            else None
        )
        self._workers = [self._worker, *([self.clips.worker] if self.clips else [])]
        self._open: set[str] = set()
        self._catch_up_at_s = 0.0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many requests are not answered yet."""
        return len(self._open)

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def check(self) -> None:
        """Raise `RuntimeError` when a thread has died of a mistake."""
        for worker in self._workers:
            worker.check()

    def ask_to_stop(self) -> None:
        """Begin to answer nothing more."""
        for worker in self._workers:
            worker.ask_to_stop()

    def has_ended(self) -> bool:
        """Whether nothing is being answered any more."""
        return all(worker.has_ended() for worker in self._workers)

    def step(self) -> float:
        """Take in what was asked for, and answer what is due."""
        try:
            self._take_in()
            self._jobs.serve()
        except StateUnavailable:
            self._catch_up_at_s = 0.0
            return REDIS_RETRY_S
        return 0.0

    def _take_in(self) -> None:
        if self._clock.monotonic() >= self._catch_up_at_s:
            for entry, request in self._requests.all_unfinished():
                self._add(Job(entry, request))
            self._catch_up_at_s = self._clock.monotonic() + TAKE_OVER_AFTER_MS / 1000
        for entry, request in self._requests.new(min(self._jobs.wait_s(), WAIT_S)):
            self._add(Job(entry, request))

    def _add(self, job: Job) -> None:
        if job.entry in self._open:
            return
        self._open.add(job.entry)
        if job.request.kind == "clip" and self.clips:
            self.clips.add(job)
        else:
            self._jobs.add(job)

    def _finish(self, job: Job) -> None:
        self._requests.acknowledge(job.entry)
        with self._lock:
            self.answered += 1
        self._open.discard(job.entry)

    def _answer(self, job: Job) -> float:
        """Answer; returns 0 when that is done, else the seconds until it should be tried again."""
        if self._slack is None:
            _log.info(
                "%s of %s has no answer: Slack is not configured here",
                job.request.kind,
                job.request.by,
            )
            return 0.0
        age = self._clock.now() - job.request.at
        if age > LIVES[job.request.kind]:
            _log.warning("%s of %s is too old to be answered", job.request.kind, job.request.by)
            if job.request.kind == "last_image" and age < LIVES["say"]:
                self._slack.reply(
                    job.request.reply_to,
                    "Your picture was asked for too long ago to be one of now. Please ask again.",
                )
            return 0.0
        if job.request.kind == "last_image":
            return self._show_picture(job, self._slack)
        if job.request.kind == "say":
            self._slack.reply(job.request.reply_to, job.request.text or "")
        else:
            self._show_tag(job.request, self._slack)
        return 0.0

    def _show_picture(self, job: Job, slack: SlackAnswers) -> float:
        """Show a picture taken since it was asked for; if there will be none, the last one, with
        the reason.
        """
        request, camera = job.request, job.request.camera or self._camera
        job.marks = job.marks or Marks(self._state, slack.name, f"answer-{job.entry}")
        job.marks.load()
        caption = job.marks.get("caption")
        if caption is None and not self._has_fresh(camera, request):
            armed = self._switches.read("camera_status", *self._state.read_strings("camera_status"))
            if armed and self._clock.now() - request.at < PICTURE_WAIT:
                return PICTURE_LOOK_S
            caption = (
                f"Camera {camera} {'brings no picture just now' if armed else 'is off'}; this is "
                "its last one, taken"
            )
        latest = self._state.latest(camera)
        if latest is None:
            slack.reply(
                request.reply_to,
                f"There is no picture of camera {escaped(camera)} of the last day.",
            )
            return 0.0
        taken = f"{latest.taken_at.astimezone():%H:%M:%S}"
        if self._clock.now() - latest.taken_at > timedelta(hours=12):
            taken = f"{latest.taken_at.astimezone():%Y-%m-%d %H:%M:%S}"
        if job.marks.get("caption") is None:
            caption = f"{caption} {taken}" if caption else f"{camera}, taken now {taken}"
            job.marks.set("caption", caption)
        message = Message(
            f"answer-{job.entry}", latest.taken_at, caption or camera, camera, latest.jpeg
        )
        slack.post_picture(request.reply_to, message, job.marks)
        return 0.0

    def _has_fresh(self, camera: str, request: Request) -> bool:
        taken_at = self._state.latest_taken_at(camera)
        return taken_at is not None and taken_at >= request.at

    def _show_tag(self, request: Request, slack: SlackAnswers) -> None:
        """Let the alert's message show what its event is tagged by now, and delete its picture if
        that is wanted.
        """
        fields = self._state.event_fields(request.event or "")
        noted = _noted(request.label)
        if not fields:
            slack.reply(request.reply_to, f"{noted} The event itself is not known any more.")
            return
        record = protocol.decode_event(fields)
        posted = fields.get(f"{slack.name}:posted")
        if not posted and fields.get(f"{slack.name}:posting"):
            raise DeliveryError("it is being found out where the alert was posted")
        if not posted:
            slack.reply(request.reply_to, noted)
            return
        alert = PostedAlert(
            request.event or "",
            record,
            Posted.loads(posted),
            deleted=f"{slack.name}:deleted" in fields,
        )
        try:
            slack.show_tag(alert, _said(record, request))
        except Unfit as error:
            slack.reply(
                request.reply_to,
                f"{noted} The message could not be changed: {escaped(error.error)}.",
            )
        deletes = record.label and slack.delete_after_tag and not alert.deleted
        if deletes and alert.posted.file and slack.delete_picture(alert):
            self._state.mark_event(alert.event, {f"{slack.name}:deleted": alert.posted.file})


def _noted(label: str | None) -> str:
    return f"Noted: {label}." if label else "Noted: not tagged any more."


def _said(record: EventRecord, request: Request) -> ShownTag | None:
    """What the event is tagged, which may be newer than *request*, and by whom; None when it is
    not.
    """
    if record.label is None:
        return None
    if record.label_by in (None, request.by):
        return ShownTag(
            record.label, mention(request.user, request.by), record.label_at or request.at
        )
    return ShownTag(record.label, escaped(record.label_by), record.label_at or request.at)

"""Replies to requests: with a new picture, a clip, a tag in its message, or a sentence.

`app.daemons.notifier.intake` reads them from the stream `requests`. Each is acknowledged after its
reply, so a kill loses none. A request that is too old is dropped; where that helps, the person gets
a sentence. A request that waits delays no other. Two kinds of requests get no reply here: those
about the silencer, which a camera's program obeys, and those for a picture or a clip from the
dashboard, which shows it by itself.
"""

import logging
import threading
from datetime import timedelta
from queue import SimpleQueue

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_files import ClipFiles
from app.daemons.notifier.clip_request_handler import ClipRequestHandler
from app.daemons.notifier.corrections import Corrections
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.progress import DeliveryProgress, delivered_mark
from app.daemons.notifier.retry_queue import PendingRequest, RetryQueue, answer_key
from app.daemons.notifier.tag_handler import TagHandler
from app.errors import StateUnavailable
from app.mrkdwn import escaped
from app.notify import Message
from app.notify.slack.replies import SlackReplies
from app.protocol import CAMERA_KINDS, Fact, Request, Stage
from app.state import Latest, State
from app.state.switches import Switches
from app.worker import Worker

REDIS_RETRY_S = 1.0
#: The time that a camera has for a new picture.
PICTURE_WAIT = timedelta(seconds=5)
PICTURE_LOOK_S = 0.1
#: A picture that is older has the day in its caption too.
DAY_SHOWN_AFTER = timedelta(hours=12)
#: The age at which a request is dropped, by kind. `app.daemons.notifier.clip_request_handler` has
#: the age for clips.
LIVES = {"last_image": timedelta(minutes=2), "say": timedelta(minutes=30), "tag": timedelta(days=1)}
#: A step that lasts longer is late: it may reply to several requests.
STEP_LIMIT_S = 600.0

#: The mark, only in the journal, of a reply that is complete.
_REPLIED = delivered_mark(SlackReplies.name)

_log = logging.getLogger(__name__)


class RequestHandler:
    """Replies by *slack* and with *clips*; without Slack it only acknowledges requests.

    *camera* is used when a request names none. A requested clip lasts *clip_s* seconds. *journal*
    has the replies that Redis may forget. The *corrections* of alerts are shown by the same thread
    as their tags. Another thread calls `enqueue` and `correct`.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        slack: SlackReplies | None,
        clips: ClipFiles,
        *,
        camera: str,
        clip_s: float,
        journal: DeliveryJournal | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        self.replied = 0
        self._corrections = corrections
        self._journal = journal
        self._worker = Worker("requests", self.step, STEP_LIMIT_S)
        self._state = state
        self._clock = clock
        self._slack = slack
        self._camera = camera
        self._requests = state.requests("notifier", protocol.host_name())
        self._switches = Switches()
        self._retries = RetryQueue(clock, self._reply, self._finish)
        self.clip_handler: ClipRequestHandler | None = None
        self._tags = TagHandler(state, clock, slack) if slack else None
        if slack:
            self.clip_handler = ClipRequestHandler(
                state,
                clock,
                slack,
                clips,
                camera=camera,
                clip_s=clip_s,
                finish=self._finish,
                journal=journal,
            )
        self._arrived: SimpleQueue[PendingRequest] = SimpleQueue()
        self._open: dict[str, PendingRequest] = {}
        self._lock = threading.Lock()

    @property
    def workers(self) -> list[Worker]:
        """Return the threads that reply."""
        return [self._worker, *([self.clip_handler.worker] if self.clip_handler else [])]

    @property
    def waiting(self) -> int:
        """Return the number of requests without a reply."""
        return sum(not pending.is_shown for pending in list(self._open.values()))

    def enqueue(self, entry: str, request: Request) -> None:
        """Reply soon to *request*, the stream's *entry*, which may be here already."""
        self._arrived.put(PendingRequest(entry, request))
        self._worker.wake()

    def correct(self, entry: str, fact: Fact) -> bool:
        """Show the correction *fact*, the stream's *entry*, soon; returns False without Slack."""
        if self._corrections is None:
            return False
        self._corrections.accept(entry, fact)
        self._worker.wake()
        return True

    def step(self) -> float:
        """Reply to the requests that are due; returns the seconds until another is due."""
        while not self._arrived.empty():
            self._add(self._arrived.get_nowait())
        try:
            self._retries.reply_to_due()
            if self._corrections:
                self._corrections.step()
        except StateUnavailable:
            return REDIS_RETRY_S
        correct_s = self._corrections.wait_s() if self._corrections else float("inf")
        return min(self._retries.wait_s(), correct_s)

    def _add(self, pending: PendingRequest) -> None:
        if pending.entry in self._open:
            return
        self._open[pending.entry] = pending
        pending.replied = _is_shown_at_page(pending.request) or self._is_replied(pending)
        if pending.replied:
            self._retries.enqueue(pending)
        elif pending.request.kind == "clip" and self.clip_handler:
            self.clip_handler.enqueue(pending)
        else:
            self._retries.enqueue(pending)

    def _is_replied(self, pending: PendingRequest) -> bool:
        key = answer_key(pending.entry)
        return self._journal is not None and _REPLIED in self._journal.marks(key)

    def _finish(self, pending: PendingRequest) -> None:
        if self._journal:
            marks = {_REPLIED: self._clock.now().isoformat()}
            self._journal.write([answer_key(pending.entry)], marks, sync=True)
        self._requests.acknowledge(pending.entry)
        with self._lock:
            self.replied += 1
        self._open.pop(pending.entry, None)

    def _reply(self, pending: PendingRequest) -> float:
        """Reply; returns 0 when that is done, else the seconds until the next try."""
        request, slack = pending.request, self._slack
        if request.kind in CAMERA_KINDS:
            return 0.0
        if slack is None:
            _log.info(
                "%s of %s gets no reply: Slack is not configured here", request.kind, request.by
            )
            return 0.0
        age = abs(self._clock.now() - request.at)
        if age > LIVES[request.kind]:
            self._drop(request, age, slack)
        elif request.kind == "last_image":
            return self._show_picture(pending, slack)
        elif request.kind == "say":
            slack.reply(request.reply_to, request.text or "")
        else:
            return self._tags.reply(pending) if self._tags else 0.0
        return 0.0

    def _drop(self, request: Request, age: timedelta, slack: SlackReplies) -> None:
        """Log that *request* is too old; a person who still waits for a picture gets a sentence."""
        _log.warning("%s of %s is too old for a reply", request.kind, request.by)
        if request.kind == "last_image" and age < LIVES["say"]:
            slack.reply(
                request.reply_to,
                "You asked for this picture too long ago. Please ask again.",
            )

    def _show_picture(self, pending: PendingRequest, slack: SlackReplies) -> float:
        """Show a picture taken since the request; otherwise the last picture, with the reason.

        Returns 0 when that is done, else the seconds until the next look for a picture. The caption
        is kept as a mark, so the same caption is used after a kill.
        """
        request, camera = pending.request, pending.request.camera or self._camera
        key = answer_key(pending.entry)
        progress = pending.progress or DeliveryProgress(self._state, slack.name, key, self._journal)
        pending.progress = progress
        progress.load()
        caption = progress.get(Stage.CAPTION)
        excuse = None
        if caption is None and not self._has_fresh(camera, request):
            armed = self._is_armed()
            if armed and abs(self._clock.now() - request.at) < PICTURE_WAIT:
                return PICTURE_LOOK_S
            excuse = "sends no picture at the moment" if armed else "is off"
        latest = self._state.latest(camera)
        if latest is None:
            slack.reply(
                request.reply_to,
                f"There is no picture of camera {escaped(camera)} from the last 24 hours.",
            )
            return 0.0
        if caption is None:
            caption = self._caption(camera, latest, excuse)
            progress.set(Stage.CAPTION, caption)
        message = Message(key, latest.taken_at, caption or camera, camera, latest.jpeg)
        slack.post_picture(request.reply_to, message, progress)
        return 0.0

    def _caption(self, camera: str, latest: Latest, excuse: str | None) -> str:
        """Return the caption of *latest*, with an *excuse* for a picture that is not new."""
        taken_at = latest.taken_at.astimezone()
        taken = f"{taken_at:%H:%M:%S}"
        if self._clock.now() - latest.taken_at > DAY_SHOWN_AFTER:
            taken = f"{taken_at:%Y-%m-%d %H:%M:%S}"
        if excuse:
            return f"Camera {camera} {excuse}. This is its last picture, taken {taken}"
        return f"{camera}, taken now {taken}"

    def _is_armed(self) -> bool:
        return self._switches.read("camera_status", *self._state.read_strings("camera_status"))

    def _has_fresh(self, camera: str, request: Request) -> bool:
        """Return whether *camera* has a picture since *request*, and not from a clock ahead."""
        taken_at = self._state.latest_taken_at(camera)
        latest = self._clock.now() + DAY_SHOWN_AFTER
        return taken_at is not None and request.at <= taken_at < latest


def _is_shown_at_page(request: Request) -> bool:
    """Return whether somebody at the dashboard asked for a picture or a clip."""
    return request.kind in ("last_image", "clip") and bool(
        request.reply_to and request.reply_to.page
    )

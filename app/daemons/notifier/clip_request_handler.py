"""Shows the clips that people asked for as soon as the camera has made them.

It has a thread of its own, since uploading a clip takes long.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from queue import SimpleQueue

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_files import ClipFiles, ClipLocation
from app.daemons.notifier.journal import DeliveryJournal
from app.daemons.notifier.progress import DeliveryProgress
from app.daemons.notifier.retry_queue import PendingRequest, RetryQueue, answer_key
from app.errors import StateUnavailable
from app.mrkdwn import escaped
from app.notify import Message
from app.notify.slack.replies import SlackReplies
from app.protocol import ClipAsked, Request
from app.state import State
from app.worker import Worker

#: The time that a camera has for a clip, in addition to the clip's own length.
MARGIN = timedelta(seconds=20)
#: The age at which a request is dropped; it is higher where uploads take longer.
LIFE = timedelta(minutes=30)
LOOK_S = 0.5
REDIS_RETRY_S = 1.0
#: A step that lasts longer is late: each of its clips may need a rendition.
STEP_LIMIT_S = 3600.0

_log = logging.getLogger(__name__)


class ClipRequestHandler:
    """Replies by *slack* with clips from *clips*, and passes each finished request to *finish*.

    *camera* is used when a request names none; its clips last *clip_s* seconds.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        slack: SlackReplies,
        clips: ClipFiles,
        *,
        camera: str,
        clip_s: float,
        finish: Callable[[PendingRequest], None],
        journal: DeliveryJournal | None = None,
    ) -> None:
        self._journal = journal
        self.worker = Worker("clip requests", self.step, STEP_LIMIT_S)
        self._state = state
        self._clock = clock
        self._slack = slack
        self._clips = clips
        self._camera = camera
        self._wait = timedelta(seconds=clip_s) + MARGIN
        self._life = max(LIFE, clips.patience + self._wait)
        self._arrived: SimpleQueue[PendingRequest] = SimpleQueue()
        self._retries = RetryQueue(clock, self._reply, finish)

    def enqueue(self, pending: PendingRequest) -> None:
        """Add *pending*."""
        self._arrived.put(pending)
        self.worker.wake()

    def step(self) -> float:
        """Reply to requests that are due; returns the seconds until another is due."""
        while not self._arrived.empty():
            self._retries.enqueue(self._arrived.get_nowait())
        try:
            self._retries.reply_to_due()
        except StateUnavailable:
            return REDIS_RETRY_S
        return self._retries.wait_s()

    def _reply(self, pending: PendingRequest) -> float:
        request, camera = pending.request, pending.request.camera or self._camera
        age = abs(self._clock.now() - request.at)
        if age > self._life:
            _log.warning("%s of %s is too old for a reply", request.kind, request.by)
            return 0.0
        asked = self._state.get(protocol.camera_key(camera, "clip"), ClipAsked)
        if asked is None or not request.at <= asked.asked_at < self._clock.now() + self._life:
            if age < self._wait:
                return LOOK_S
            return self._say(request, f"Camera {camera} sends no clip at the moment.")
        if asked.event is None or asked.file is None:
            why = asked.why or f"Camera {camera} made no clip, and gave no reason."
            return self._say(request, why)
        location = self._clips.find(asked.event, asked.file, asked.asked_at, asked.host)
        return self._show(pending, camera, location) if location else LOOK_S

    def _say(self, request: Request, text: str) -> float:
        self._slack.reply(request.reply_to, escaped(text))
        return 0.0

    def _show(self, pending: PendingRequest, camera: str, location: ClipLocation) -> float:
        key = answer_key(pending.entry)
        progress = pending.progress or DeliveryProgress(
            self._state, self._slack.name, key, self._journal
        )
        pending.progress = progress
        progress.load()
        try:
            message = self._message(key, camera, pending.request, location)
            self._slack.post_clip(pending.request.reply_to, message, progress)
        except (FileNotFoundError, InterruptedError):
            # The clip was deleted meanwhile, or the program ends.
            return LOOK_S
        if message.clip:
            self._clips.release(message.clip)
        return 0.0

    def _message(self, key: str, camera: str, request: Request, location: ClipLocation) -> Message:
        clip, remark = None, location.remark
        if location.path:
            clip = self._clips.fitting(location.path, self._slack.max_clip_bytes, key)
            if clip is None:
                remark = "The clip is too large, and stored at home."
        return Message(
            key,
            request.at,
            f"{camera}, the clip asked for at {request.at.astimezone():%H:%M:%S}",
            camera,
            topic="clip",
            clip=clip,
            clip_link=location.link,
            remark=remark,
        )

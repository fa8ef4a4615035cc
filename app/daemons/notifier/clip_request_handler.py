"""Brings the clips that people asked for, once the camera has them; in a thread of its own, since a
film takes long to bring.
"""

import logging
import queue
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_files import Film, Films
from app.daemons.notifier.progress import Marks
from app.daemons.notifier.retry_queue import Job, Jobs
from app.errors import StateUnavailable
from app.notify import Message
from app.notify.slack.answers import SlackAnswers
from app.notify.slack.blocks import escaped
from app.protocol import ClipAsked, Request
from app.state import State
from app.worker import Worker

#: How much longer than it lasts a clip may take.
MARGIN = timedelta(seconds=20)
LIFE = timedelta(minutes=30)
LOOK_S = 0.5
REDIS_RETRY_S = 1.0

_log = logging.getLogger(__name__)


class ClipAnswers:
    """Answers by *slack* with what *films* has. *camera* is meant when none is named; its clips
    last *clip_s*.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        slack: SlackAnswers,
        films: Films,
        *,
        camera: str,
        clip_s: float,
        done: Callable[[Job], None],
    ) -> None:
        self.worker = Worker("clip answers", self.step)
        self._state = state
        self._clock = clock
        self._slack = slack
        self._films = films
        self._camera = camera
        self._wait = timedelta(seconds=clip_s) + MARGIN
        self._life = max(LIFE, films.patience + self._wait)
        self._arrived: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._jobs = Jobs(clock, self._answer, done)

    def add(self, job: Job) -> None:
        """Answer *job* too."""
        self._arrived.put(job)
        self.worker.wake()

    def step(self) -> float:
        """Answer what is due; returns the seconds until something may be."""
        while not self._arrived.empty():
            self._jobs.add(self._arrived.get_nowait())
        try:
            self._jobs.serve()
        except StateUnavailable:
            return REDIS_RETRY_S
        return self._jobs.wait_s()

    def _answer(self, job: Job) -> float:
        request, camera = job.request, job.request.camera or self._camera
        age = self._clock.now() - request.at
        if age > self._life:
            _log.warning("%s of %s is too old to be answered", request.kind, request.by)
            return 0.0
        asked = self._state.get(protocol.camera_key(camera, "clip"), ClipAsked)
        if asked is None or asked.asked_at < request.at:
            return (
                LOOK_S
                if age < self._wait
                else self._say(request, f"Camera {camera} brings no clip just now.")
            )
        if asked.event is None or asked.file is None:
            return self._say(
                request, asked.why or f"Camera {camera} brings no clip, and does not say why."
            )
        film = self._films.find(asked.event, asked.file, asked.asked_at, asked.host)
        if film is None:
            return LOOK_S
        try:
            self._show(job, camera, film)
        except (
            FileNotFoundError,
            InterruptedError,
        ):  # it was deleted meanwhile, or the program ends
            return LOOK_S
        return 0.0

    def _say(self, request: Request, text: str) -> float:
        self._slack.reply(request.reply_to, escaped(text))
        return 0.0

    def _show(self, job: Job, camera: str, film: Film) -> None:
        job.marks = job.marks or Marks(self._state, self._slack.name, f"answer-{job.entry}")
        job.marks.load()
        key, at = f"answer-{job.entry}", job.request.at
        clip = (
            self._films.fitting(film.path, self._slack.max_clip_bytes, key) if film.path else None
        )
        remark = (
            "The clip is too large, and kept at home." if film.path and not clip else film.remark
        )
        text = f"{camera}, the clip asked for at {at.astimezone():%H:%M:%S}"
        message = Message(
            key, at, text, camera, topic="clip", clip=clip, clip_link=film.link, remark=remark
        )
        self._slack.post_clip(job.request.reply_to, message, job.marks)
        self._let_go(clip)

    def _let_go(self, clip: Path | None) -> None:
        if clip:
            self._films.let_go(clip)

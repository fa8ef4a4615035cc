"""What a fact becomes for a way that is to tell it: the words, with the picture or the film as that
way can take them.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_files import Film, Films
from app.daemons.notifier.progress import delivered_mark
from app.errors import ProtocolError
from app.notify import TOPIC_OF, Message, Notifier
from app.protocol import Fact
from app.state import State

#: What comes in a way's two queues: what is told at once, and what comes with a film.
Lane = Literal["alerts", "clips"]

#: How long an alert is held back for its picture, where that has to come to S3 first.
PICTURE_PATIENCE = timedelta(seconds=10)
#: How old a film gets before it is told without the alert that it belongs to, which another
#: notifier may have in hand.
ALERT_PATIENCE = timedelta(seconds=60)
PICTURE_LOOK_S = 0.5
FILM_LOOK_S = 1.0
PICTURE = "snapshot.jpg"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Later:
    """It cannot be told yet; look again in *wait_s*."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """It is not to be told by this way, for the reason *why*."""

    why: str


class Letters:
    """Writes them, with what *state* and *films* have."""

    def __init__(self, state: State, clock: Clock, films: Films) -> None:
        self.state = state
        self.clock = clock
        self.films = films

    def compose(self, fact: Fact, notifier: Notifier, lane: Lane) -> Message | Later | LeftOut:
        """What *notifier* is given of *fact*."""
        try:
            return (
                self._with_film(fact, notifier)
                if lane == "clips"
                else self._with_picture(fact, notifier)
            )
        except ProtocolError as error:
            return LeftOut(f"Redis has something wrong: {error}")
        except (
            FileNotFoundError,
            InterruptedError,
        ):  # it was deleted meanwhile, or the program ends
            return Later(FILM_LOOK_S)

    def line(self, fact: Fact, with_picture: bool = True) -> Message:
        """*fact* as one of several, or by itself."""
        event = protocol.opened_event(fact)
        picture = self.state.snapshot(fact.event) if fact.event and with_picture else None
        topic = TOPIC_OF[fact.kind] or "alert"
        message = Message(
            event or fact.id,
            fact.at,
            fact.text,
            fact.camera,
            picture,
            event,
            topic=topic,
            lasted_s=fact.lasted_s,
        )
        return replace(message, score=self._score(event)) if event else message

    def let_go(self, message: Message) -> None:
        """*message* was told."""
        if message.clip:
            self.films.let_go(message.clip)

    def _with_picture(self, fact: Fact, notifier: Notifier) -> Message | Later:
        message = self.line(fact, with_picture=not notifier.links_only)
        if not (fact.event and notifier.links_only):
            return message
        link = self.films.link(fact.event, PICTURE)
        if link is None and self.films.has_links and self.clock.now() - fact.at < PICTURE_PATIENCE:
            return Later(PICTURE_LOOK_S)
        return replace(message, picture_link=link)

    def _with_film(self, fact: Fact, notifier: Notifier) -> Message | Later | LeftOut:
        marks = self._marks_before(fact, notifier)
        below = self._below(fact, notifier, marks)
        if isinstance(below, Later | LeftOut):
            return below
        event, file = fact.event or "", fact.file or ""
        urgent = fact.kind == "left_open" and not notifier.clips_in_threads
        film = self.films.find(
            event, file, fact.at, fact.host, by_link=notifier.links_only, urgent=urgent
        )
        if film is None:
            return Later(FILM_LOOK_S)
        clip, remark = self._fitted(film, notifier, urgent)
        message = replace(
            self.line(fact, with_picture=clip is None and not notifier.links_only), parent=below
        )
        if fact.kind == "left_open" and notifier.clips_in_threads:
            message = replace(message, key=f"{fact.id}-film", text="What was filmed so far.")
        if marks and marks.get(f"{notifier.name}:digest"):
            moment = protocol.event_started_at(event).astimezone()
            message = replace(message, text=f"{message.text} ({moment:%Y-%m-%d %H:%M:%S})")
        picture_link = self.films.link(event, PICTURE) if notifier.links_only else None
        return replace(
            message, clip=clip, clip_link=film.link, picture_link=picture_link, remark=remark
        )

    def _fitted(
        self, film: Film, notifier: Notifier, urgent: bool
    ) -> tuple[Path | None, str | None]:
        """*film* as a file as large as *notifier* takes it, and a remark on it; what is *urgent*
        does not wait for a smaller one.
        """
        if film.path is None:
            return None, film.remark
        clip = self.films.fitting(
            film.path, notifier.max_clip_bytes, None if urgent else notifier.name
        )
        return (
            clip,
            film.remark
            if clip
            else f"The film is too large ({film.path.stat().st_size / 1e6:.0f} MB), and kept at home.",
        )

    def _below(
        self, fact: Fact, notifier: Notifier, marks: Mapping[str, str] | None
    ) -> str | Later | LeftOut | None:
        """What *notifier* has noted of the message that the film of *fact* belongs to; None when
        there is no such message.

        *marks* are those of what it tells before.
        """
        if marks is None or "untold" in marks:
            return None
        name = notifier.name
        digest = marks.get(f"{name}:digest")
        if (
            "held" in marks
            or marks.get(f"{name}:skipped")
            or (digest and not marks.get(f"{name}:shown"))
        ):
            return LeftOut("its alert was told in few words, or not at all")
        if delivered_mark(name) in marks:
            return (self.state.delivery_marks(digest) if digest else marks).get(f"{name}:posted")
        if digest or marks.get(f"{name}:posting") or self.clock.now() - fact.at < ALERT_PATIENCE:
            return Later(FILM_LOOK_S)
        return None

    def _marks_before(self, fact: Fact, notifier: Notifier) -> Mapping[str, str] | None:
        """The marks of what *notifier* tells before the film of *fact*; None when it tells nothing
        before.
        """
        if fact.kind == "clip_ready":
            return self.state.event_fields(fact.event or "") if "alert" in notifier.when else None
        return self.state.delivery_marks(fact) if notifier.clips_in_threads else None

    def _score(self, event: str) -> float | None:
        try:
            record = self.state.event(event)
        except ProtocolError as error:
            _log.warning("%s is told without its score: %s", event, error)
            return None
        return record.score if record else None

"""The message of a fact for a channel: its text, with a picture or a clip that fits."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from app import protocol
from app.clock import Clock
from app.daemons.notifier.clip_files import ClipFiles, ClipLocation
from app.daemons.notifier.delivery_plan import DeliveryPlan, QueueName, plan_for
from app.daemons.notifier.progress import delivered_mark
from app.daemons.notifier.tag_handler import REMOVE_AFTER
from app.errors import ProtocolError
from app.notify import TOPIC_OF, Message, Notifier
from app.protocol import HELD_BACK, Fact, Stage, shown_score
from app.protocol.deliveries import HELD, UNTOLD, correction_in, stage_mark
from app.state import State

#: The longest time that an alert waits for its picture to be in S3.
PICTURE_PATIENCE = timedelta(seconds=10)
#: The age at which a clip is delivered even if its alert is not. Another notifier may have that
#: alert.
ALERT_PATIENCE = timedelta(seconds=60)
#: The seconds between two looks for a picture or a clip that is not ready.
PICTURE_LOOK_S = 0.5
CLIP_LOOK_S = 1.0
PICTURE = "snapshot.jpg"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NotYet:
    """There is no message yet; compose it again in *wait_s* seconds."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """The channel gets no message; *why* is the reason."""

    why: str


class Composer:
    """Composes messages with the pictures in *state* and the clips in *clips*."""

    def __init__(self, state: State, clock: Clock, clips: ClipFiles) -> None:
        self.state = state
        self.clock = clock
        self.clips = clips

    def compose(
        self,
        fact: Fact,
        notifier: Notifier,
        queue: QueueName,
        marks: Mapping[str, str] | None = None,
    ) -> Message | NotYet | Skipped:
        """Return the message that *notifier* gets of *fact* through *queue*.

        *marks* are those of *fact*, if they have just been read.
        """
        try:
            if queue == "clips":
                return self._with_clip(fact, notifier)
            return self._with_picture(fact, notifier, marks)
        except ProtocolError as error:
            return Skipped(f"a record in Redis is wrong: {error}")
        except (FileNotFoundError, InterruptedError):
            # The clip was deleted meanwhile, or the program ends.
            return NotYet(CLIP_LOOK_S)

    def without_clip(
        self, fact: Fact, with_picture: bool = True, marks: Mapping[str, str] | None = None
    ) -> Message:
        """Return the message of *fact* without its clip, as a digest also shows it.

        *marks* are as in `compose`.
        """
        event = protocol.opened_event(fact)
        message = Message(
            event or fact.id,
            fact.at,
            fact.text,
            fact.camera,
            self._picture(fact.event) if fact.event and with_picture else None,
            event,
            topic=TOPIC_OF[fact.kind] or "alert",
            lasted_s=fact.lasted_s,
        )
        return self._with_record(message, event, marks) if event else message

    def _picture(self, event: str) -> bytes | None:
        """Return the picture of *event*: from Redis, or from the disk after a restart of Redis."""
        return self.state.snapshot(event) or self.clips.picture(event)

    def release(self, message: Message) -> None:
        """Delete the rendition in *message*, if there is one, after the delivery."""
        if message.clip:
            self.clips.release(message.clip)

    def _with_picture(
        self, fact: Fact, notifier: Notifier, marks: Mapping[str, str] | None
    ) -> Message | NotYet:
        message = self.without_clip(fact, not notifier.links_only, marks)
        if not (fact.event and notifier.links_only):
            return message
        link = self.clips.link(fact.event, PICTURE)
        is_fresh = abs(self.clock.now() - fact.at) < PICTURE_PATIENCE
        if link is None and self.clips.has_links and is_fresh:
            return NotYet(PICTURE_LOOK_S)
        return replace(message, picture_link=link)

    def _with_clip(self, fact: Fact, notifier: Notifier) -> Message | NotYet | Skipped:
        plan = plan_for(fact, notifier)
        marks = self._alert_marks(fact, plan)
        if marks and notifier.removes_tagged and self._was_tagged(marks):
            return Skipped("its alert was tagged, so its picture and clip are removed")
        parent = self._parent(fact, notifier, marks)
        if isinstance(parent, NotYet | Skipped):
            return parent
        event, file = fact.event or "", fact.file or ""
        location = self.clips.find(
            event, file, fact.at, fact.host, links_only=notifier.links_only, urgent=plan.is_urgent
        )
        if location is None:
            return NotYet(CLIP_LOOK_S)
        clip, remark = self._fitted(location, notifier, plan)
        message = replace(
            self.without_clip(fact, with_picture=clip is None and not notifier.links_only),
            parent=parent,
            clip=clip,
            clip_link=location.link,
            picture_link=self.clips.link(event, PICTURE) if notifier.links_only else None,
            remark=remark,
        )
        if plan.clip_of == "fact":
            # Slack knows the clips of running houses by this key, so it stays as it is.
            message = replace(message, key=f"{fact.id}-film", text="The clip so far.")
        if marks and marks.get(stage_mark(notifier.name, Stage.DIGEST)):
            moment = protocol.event_started_at(event).astimezone()
            message = replace(message, text=f"{message.text} ({moment:%Y-%m-%d %H:%M:%S})")
        return message

    def _was_tagged(self, marks: Mapping[str, str]) -> bool:
        """Return whether the alert with *marks* was tagged so long ago that its clip is removed."""
        if not marks.get("label"):
            return False
        tagged_at = protocol.decode_event(dict(marks)).label_at
        return tagged_at is not None and self.clock.now() - tagged_at >= REMOVE_AFTER

    def _fitted(
        self, location: ClipLocation, notifier: Notifier, plan: DeliveryPlan
    ) -> tuple[Path | None, str | None]:
        """Return the clip at *location*, small enough for *notifier*, and a remark on it.

        An urgent alert does not wait for a smaller rendition.
        """
        if location.path is None:
            return None, location.remark
        receiver = None if plan.is_urgent else notifier.name
        clip = self.clips.fitting(location.path, notifier.max_clip_bytes, receiver)
        if clip:
            return clip, location.remark
        size_mb = location.path.stat().st_size / 1e6
        return None, f"The clip is too large ({size_mb:.0f} MB), and stored at home."

    def _parent(
        self, fact: Fact, notifier: Notifier, marks: Mapping[str, str] | None
    ) -> str | NotYet | Skipped | None:
        """Return the mark `posted` of the alert below which the clip of *fact* is shown.

        *marks* are the marks of that alert; None without an alert.
        """
        if marks is None or UNTOLD.name in marks:
            return None
        name = notifier.name
        digest = marks.get(stage_mark(name, Stage.DIGEST))
        is_not_shown = digest and not marks.get(stage_mark(name, Stage.SHOWN))
        if HELD.name in marks or marks.get(stage_mark(name, Stage.SKIPPED)) or is_not_shown:
            return Skipped("its alert was delivered in few words, or not at all")
        if delivered_mark(name) in marks:
            posted = self.state.delivery_marks(digest) if digest else marks
            return posted.get(stage_mark(name, Stage.POSTED))
        if marks.get("decision") in HELD_BACK:
            return Skipped("its alert was held back")
        is_fresh = abs(self.clock.now() - fact.at) < ALERT_PATIENCE
        if digest or marks.get(stage_mark(name, Stage.POSTING)) or is_fresh:
            return NotYet(CLIP_LOOK_S)
        return None

    def _alert_marks(self, fact: Fact, plan: DeliveryPlan) -> Mapping[str, str] | None:
        """Return the marks of the alert that the clip of *fact* belongs to; None without one."""
        if plan.clip_of == "event":
            return self.state.event_fields(fact.event or "")
        return self.state.delivery_marks(fact) if plan.clip_of == "fact" else None

    def _with_record(
        self, message: Message, event: str, marks: Mapping[str, str] | None
    ) -> Message:
        """Return *message* with what Redis knows about *event*: the person score, a correction.

        The *marks* of a fact that opens an event are the whole hash of that event.
        """
        fields = dict(marks) if marks else self.state.event_fields(event)
        record = self.state.event_in(event, fields)
        score = shown_score(record) if record else None
        return replace(message, score=score, correction=correction_in(fields))

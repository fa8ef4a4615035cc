"""Shows tags in Slack, and removes picture and clip there a minute after the tag.

The request for a tag is acknowledged when nothing is left to remove, so a restart in between
forgets nothing. Undo within the minute restores everything, since nothing was removed yet.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from app import protocol
from app.clock import Clock
from app.daemons.notifier.retry_queue import PendingRequest
from app.errors import DeliveryError
from app.mrkdwn import escaped
from app.notify.base import MessageRefused
from app.notify.slack import blocks
from app.notify.slack.blocks import ShownTag
from app.notify.slack.posts import Posted
from app.notify.slack.replies import PostedAlert, PostedDigest, SlackReplies, mention
from app.protocol import EventRecord, Request, Stage
from app.protocol.deliveries import stage_mark
from app.state import State

#: The time for which a tag can be withdrawn before picture and clip are removed.
REMOVE_AFTER = timedelta(minutes=1)
#: The time after which clips are looked for again: one may have been on its way to Slack.
LOOK_AGAIN_AFTER = timedelta(minutes=5)
_LONGEST_WAIT_S = LOOK_AGAIN_AFTER.total_seconds()


@dataclass(frozen=True, slots=True)
class _TaggedEvent:
    """An event that is tagged, the message that shows it, and the *file* of its picture there.

    *is_removed* says that the picture was removed.
    """

    event: str
    record: EventRecord
    message: PostedAlert | PostedDigest
    file: str | None
    is_removed: bool


class TagHandler:
    """Shows tags by *slack*, and removes what it shows of a tagged event."""

    def __init__(self, state: State, clock: Clock, slack: SlackReplies) -> None:
        self._state = state
        self._clock = clock
        self._slack = slack

    def reply(self, pending: PendingRequest) -> float:
        """Show the present tag of the event, later remove its picture and its clips.

        Returns 0 when nothing is left to do, else the seconds until the next step.
        """
        request = pending.request
        fields = self._state.event_fields(request.event or "")
        if not fields:
            text = f"{_confirmation(request)} The event is no longer known."
            self._slack.reply(request.reply_to, text)
            return 0.0
        tagged = self._tagged(request.event or "", fields)
        if tagged is None:
            self._slack.reply(request.reply_to, _confirmation(request))
            return 0.0
        if not pending.is_shown:
            self._show_or_reply(tagged, request)
            pending.is_shown = True
        if not self._removes(tagged.record, request):
            return 0.0
        return self._remove(tagged, request)

    def _tagged(self, event: str, fields: dict[str, str]) -> _TaggedEvent | None:
        """Return *event* with its message; None if no message shows its buttons.

        Raises `DeliveryError` while it is not known where it was posted.
        """
        name = self._slack.name
        record = protocol.decode_event(fields)
        is_removed = stage_mark(name, Stage.DELETED) in fields
        digest = fields.get(stage_mark(name, Stage.DIGEST))
        marks = self._state.delivery_marks(digest) if digest else fields
        posted = marks.get(stage_mark(name, Stage.POSTED))
        if not posted and marks.get(stage_mark(name, Stage.POSTING)):
            raise DeliveryError("it is not known yet where the alert was posted")
        if not posted:
            return None
        place = Posted.loads(posted)
        if digest is None:
            alert = PostedAlert(event, record, place, is_removed)
            return _TaggedEvent(event, record, alert, place.file, is_removed)
        stored = blocks.loaded(marks.get(stage_mark(name, Stage.BLOCKS)))
        file = blocks.events_in_digest(stored).get(event)
        if place.file is None or file is None:
            return None
        shown = PostedDigest(place, stored, frozenset([event] if is_removed else []))
        return _TaggedEvent(event, record, shown, file, is_removed)

    def _show_or_reply(self, tagged: _TaggedEvent, request: Request) -> None:
        """Show the tag; if the message cannot be changed, the person gets a sentence."""
        try:
            self._show(tagged, request)
        except MessageRefused as error:
            reason = f"The message could not be changed: {escaped(error.code)}."
            self._slack.reply(request.reply_to, f"{_confirmation(request)} {reason}")

    def _show(self, tagged: _TaggedEvent, request: Request) -> None:
        message = tagged.message
        removes = self._removes(tagged.record, request) and not tagged.is_removed
        tag = _shown_tag(tagged.record, request, removes=removes)
        if isinstance(message, PostedAlert):
            self._slack.show_tag(message, tag)
            return
        tags = {tagged.event: tag}
        removed = set(message.removed)
        for event in blocks.events_in_digest(message.blocks).keys() - tags.keys():
            fields = self._state.event_fields(event)
            tags[event] = _shown_tag(protocol.decode_event(fields)) if fields else None
            if stage_mark(self._slack.name, Stage.DELETED) in fields:
                removed.add(event)
        self._slack.show_tags(replace(message, removed=frozenset(removed)), tags)

    def _removes(self, record: EventRecord, request: Request) -> bool:
        """Return whether *request* is the present tag, and its picture is to be removed."""
        is_present = record.label is not None and record.label_at == request.at
        return is_present and self._slack.delete_after_tag

    def _remove(self, tagged: _TaggedEvent, request: Request) -> float:
        """Remove picture and clips when they are due; returns as `reply` does."""
        age = self._clock.now() - request.at
        if age < REMOVE_AFTER:
            return min((REMOVE_AFTER - age).total_seconds(), _LONGEST_WAIT_S)
        if not tagged.is_removed:
            self._remove_picture(tagged, request)
        self._remove_clips(tagged.event)
        return max((LOOK_AGAIN_AFTER - age).total_seconds(), 0.0)

    def _remove_picture(self, tagged: _TaggedEvent, request: Request) -> None:
        """Show the message without the picture, then delete the picture."""
        message = tagged.message
        if isinstance(message, PostedAlert):
            message = replace(message, deleted=True)
        else:
            message = replace(message, removed=message.removed | {tagged.event})
        with suppress(MessageRefused):  # the person knows that the message cannot be changed
            self._show(replace(tagged, message=message, is_removed=True), request)
        if tagged.file is None or self._slack.delete_file(tagged.event, tagged.file):
            mark = stage_mark(self._slack.name, Stage.DELETED)
            self._state.mark_event(tagged.event, {mark: tagged.file or "none"})

    def _remove_clips(self, event: str) -> None:
        """Delete all clips of *event* that Slack shows."""
        queue = f"{self._slack.name}_clips"
        part = 1
        while marks := self._state.delivery_marks(_clip_fact_id(event, part)):
            posted = marks.get(stage_mark(queue, Stage.POSTED))
            file = Posted.loads(posted).file if posted else None
            deleted = stage_mark(queue, Stage.DELETED)
            if file and deleted not in marks and self._slack.delete_file(event, file):
                self._state.mark_delivery(_clip_fact_id(event, part), {deleted: file})
            part += 1


def _clip_fact_id(event: str, part: int) -> str:
    file = "clip.mp4" if part == 1 else f"clip-{part}.mp4"
    return protocol.event_fact_id(event, "clip_ready", file)


def _confirmation(request: Request) -> str:
    return f"Noted: {request.label}." if request.label else "Noted: no longer tagged."


def _shown_tag(
    record: EventRecord, request: Request | None = None, *, removes: bool = False
) -> ShownTag | None:
    """Return the tag of the event, and the person who gave it; None when it has none.

    The tag may be newer than *request*.
    """
    if record.label is None:
        return None
    who, at = escaped(record.label_by or "somebody"), record.label_at or record.started_at
    if request and record.label_by in (None, request.by):
        who, at = mention(request.user, request.by), record.label_at or request.at
    return ShownTag(record.label, who, at, removes)

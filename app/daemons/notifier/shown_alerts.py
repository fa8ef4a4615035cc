"""The messages in which Slack shows the alerts of events, and what is changed in them later.

An alert that was posted may get a tag, lose its picture, and be corrected. Each change shows the
message as all marks in Redis say, so no change undoes another, and a change that is made twice does
no harm. One thread makes all changes.
"""

from dataclasses import dataclass, replace

from app import protocol
from app.errors import DeliveryError
from app.mrkdwn import escaped
from app.notify.slack import blocks
from app.notify.slack.blocks import ShownTag
from app.notify.slack.posts import Posted
from app.notify.slack.replies import PostedAlert, PostedDigest, SlackReplies, mention
from app.protocol import EventRecord, Request, Stage
from app.protocol.deliveries import correction_in, stage_mark
from app.state import State


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """The alert of an event, the message that shows it, and the *file* of its picture there.

    *is_removed* says that the picture was removed.
    """

    event: str
    record: EventRecord
    message: PostedAlert | PostedDigest
    file: str | None
    is_removed: bool

    def without_picture(self) -> "ShownAlert":
        """Return this alert after its picture is removed."""
        message = self.message
        if isinstance(message, PostedAlert):
            message = replace(message, deleted=True)
        else:
            message = replace(message, removed=message.removed | {self.event})
        return replace(self, message=message, is_removed=True)


class ShownAlerts:
    """Finds and changes by *slack* what Slack shows of the alerts in *state*."""

    def __init__(self, state: State, slack: SlackReplies) -> None:
        self._state = state
        self._slack = slack

    def find(self, event: str, fields: dict[str, str]) -> ShownAlert | None:
        """Return the alert of *event*, whose hash is *fields*; None if no message shows it.

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
        place, correction = Posted.loads(posted), correction_in(fields)
        if digest is None:
            alert = PostedAlert(event, record, place, is_removed, correction)
            return ShownAlert(event, record, alert, place.file, is_removed)
        stored = blocks.loaded(marks.get(stage_mark(name, Stage.BLOCKS)))
        file = blocks.events_in_digest(stored).get(event)
        if place.file is None or file is None:
            return None
        shown = PostedDigest(
            place,
            stored,
            frozenset([event] if is_removed else []),
            {event: correction} if correction else {},
        )
        return ShownAlert(event, record, shown, file, is_removed)

    def show(
        self, alert: ShownAlert, request: Request | None = None, *, removes: bool = False
    ) -> None:
        """Show *alert* as it is now; *removes* says that picture and clip are soon removed.

        *request* is the newest tag, if that is the change. Raises `MessageRefused` if the message
        was deleted or may no longer be changed.
        """
        message = alert.message
        tag = _shown_tag(alert.record, request, removes=removes)
        if isinstance(message, PostedAlert):
            self._slack.show_alert(message, tag)
        else:
            self._show_digest(alert.event, message, tag)

    def _show_digest(self, event: str, digest: PostedDigest, tag: ShownTag | None) -> None:
        """Show *digest* with the *tag* of *event*, and with what the other events have."""
        tags, removed, corrections = {event: tag}, set(digest.removed), dict(digest.corrections)
        for other in blocks.events_in_digest(digest.blocks).keys() - tags.keys():
            fields = self._state.event_fields(other)
            tags[other] = _shown_tag(protocol.decode_event(fields)) if fields else None
            if stage_mark(self._slack.name, Stage.DELETED) in fields:
                removed.add(other)
            if correction := correction_in(fields):
                corrections[other] = correction
        shown = replace(digest, removed=frozenset(removed), corrections=corrections)
        self._slack.show_digest(shown, tags)


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

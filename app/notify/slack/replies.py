"""Replies to people in Slack: sentences, pictures and clips, and the tag of an alert."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException

from app.errors import DeliveryRefused
from app.mrkdwn import escaped
from app.notify.base import Message, MessageRefused, Progress
from app.notify.slack import blocks
from app.notify.slack.api import TIMEOUT_S
from app.notify.slack.blocks import Block, ShownTag
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.posts import Draft, Posted
from app.notify.slack.response_url import respond
from app.protocol import EventRecord, ReplyTo, shown_score
from app.times import utc_time

_APP_NOT_IN_CHANNEL = ("channel_not_found", "not_in_channel", "is_archived", "restricted_action")
_FILE_IS_GONE = ("file_not_found", "file_deleted")
_PICTURE_DELETED = "The picture was deleted from Slack, and is stored at home."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """An alert in Slack: its event, its place, and whether its picture was deleted there.

    *correction* says what caused it, if a model has seen that since.
    """

    event: str
    record: EventRecord
    posted: Posted
    deleted: bool
    correction: str | None = None


@dataclass(frozen=True, slots=True)
class PostedDigest:
    """A digest in Slack: its place, and its blocks as it was posted.

    *removed* are the events whose pictures were deleted, and *corrections* say by event what caused
    the alert.
    """

    posted: Posted
    blocks: Sequence[Block]
    removed: frozenset[str]
    corrections: Mapping[str, str] = field(default_factory=dict)


class SlackReplies:
    """Replies in the workspace of *notifier*."""

    name = SlackNotifier.name

    def __init__(self, notifier: SlackNotifier) -> None:
        self._notifier = notifier
        self._api = notifier.api
        self.delete_after_tag = notifier.settings.delete_after_tag

    @property
    def max_clip_bytes(self) -> int | None:
        """The size of the largest clip for Slack, in bytes."""
        return self._notifier.max_clip_bytes

    def reply(self, reply_to: ReplyTo | None, text: str) -> None:
        """Send *text*, in mrkdwn, to the person who asked, or to the channel if that fails.

        If Slack refuses both, the failure is logged, since another try would not help. Somebody at
        the dashboard gets nothing here.
        """
        if reply_to and reply_to.page:
            return
        if reply_to and reply_to.response_url and self._respond(reply_to.response_url, text):
            return
        try:
            self._api.call("chat.postMessage", channel=self._channel(reply_to), text=text)
        except (DeliveryRefused, MessageRefused) as error:
            _log.warning("a reply cannot be delivered: %s", error)

    def post_picture(self, reply_to: ReplyTo | None, message: Message, progress: Progress) -> None:
        """Post the picture and text of *message* where it was asked for; once for each key."""
        draft = Draft(
            message.key,
            self._channel(reply_to),
            message.text,
            partial(blocks.reply, message.text),
            file_name=_file_name(message),
        )
        with self._or_reply(reply_to, message.text):
            self._notifier.post(draft, message.picture, progress)

    def post_clip(self, reply_to: ReplyTo | None, message: Message, progress: Progress) -> None:
        """Post the clip of *message* where it was asked for; once for each key."""
        with self._or_reply(reply_to, message.text):
            self._notifier.post_clip(
                message,
                progress,
                text=escaped(message.text),
                channel=self._channel(reply_to),
                file_name=_file_name(message),
            )

    def show_alert(self, alert: PostedAlert, tag: ShownTag | None) -> None:
        """Show *alert* with its correction, and with *tag* or, if that is None, the buttons.

        Raises `MessageRefused` if the message was deleted or may no longer be changed.
        """
        keeps_picture = not alert.deleted
        try:
            self._update(alert, tag, alert.posted.file if keeps_picture else None)
        except MessageRefused as error:
            if error.code != "invalid_blocks" or not keeps_picture:
                raise
            self._update(alert, tag, None)

    def show_digest(self, digest: PostedDigest, tags: Mapping[str, ShownTag | None]) -> None:
        """Show *digest* with *tags*, by event; None shows the buttons. Raises as `show_alert`."""
        posted = digest.posted
        shown = blocks.with_changes(digest.blocks, tags, digest.corrections, digest.removed)
        self._api.call(
            "chat.update", channel=posted.channel, ts=posted.ts, text=posted.text, blocks=shown
        )

    def delete_file(self, event: str, file: str) -> bool:
        """Delete a picture or clip of *event* in Slack; returns False, logged, if Slack refuses."""
        try:
            self._api.call("files.delete", file=file)
        except (MessageRefused, DeliveryRefused) as error:
            if error.code not in _FILE_IS_GONE:
                _log.warning("a file of %s stays in Slack: %s", event, error)
                return False
        return True

    def _channel(self, reply_to: ReplyTo | None) -> str:
        return (reply_to and reply_to.channel) or self._notifier.channel

    @contextmanager
    def _or_reply(self, reply_to: ReplyTo | None, text: str) -> Iterator[None]:
        """Reply that *text* cannot be shown, if the app is not in the channel used in the block."""
        try:
            yield
        except DeliveryRefused as error:
            in_own_channel = self._channel(reply_to) == self._notifier.channel
            if error.code not in _APP_NOT_IN_CHANNEL or in_own_channel:
                raise
            self.reply(
                reply_to,
                f"{escaped(text)}. But it cannot be shown here: /invite the app, or ask in its "
                "own channel.",
            )

    def _update(self, alert: PostedAlert, tag: ShownTag | None, file: str | None) -> None:
        posted = alert.posted
        message = _message(alert)
        self._api.call(
            "chat.update",
            channel=posted.channel,
            ts=posted.ts,
            text=blocks.fallback(message.text, message.correction),
            blocks=self._blocks(alert, message, tag, file),
        )

    def _blocks(
        self, alert: PostedAlert, message: Message, tag: ShownTag | None, file: str | None
    ) -> list[Block]:
        shown = [blocks.section(blocks.headline(message))]
        if file:
            shown.append(blocks.picture(file, f"{message.text} {blocks.house_time(message.at)}"))
        elif alert.posted.file and not tag:
            shown.append(blocks.context(_PICTURE_DELETED))
        if tag:
            shown += blocks.tagged(alert.event, tag)
        else:
            shown.append(blocks.tag_buttons(alert.event))
        return shown

    def _respond(self, response_url: str, text: str) -> bool:
        """Reply to one person at the secret *response_url*; returns whether Slack accepted it."""
        try:
            return respond(response_url, text, self._notifier.settings.api_url, TIMEOUT_S)
        except (OSError, HTTPException) as error:
            _log.info(
                "a reply goes to the channel, not only to the person: %s",
                type(error).__name__,
            )
            return False


def _message(alert: PostedAlert) -> Message:
    """Return the message of *alert* as it is shown now."""
    posted, record, correction = alert.posted, alert.record, alert.correction
    return Message(
        alert.event,
        utc_time(posted.at) if posted.at else record.started_at,
        # A mark that was restored from Slack's history has the text that Slack shows.
        posted.text.removesuffix(f" {correction}"),
        record.camera,
        event=alert.event,
        score=shown_score(record),
        correction=correction,
    )


def mention(user: str | None, name: str) -> str:
    """Return a mention of *user*, a Slack id, in mrkdwn; the *name* without a valid id."""
    return f"<@{user}>" if user and user.isascii() and user.isalnum() else escaped(name)


def _file_name(message: Message) -> str:
    """Return a file name for the picture or clip, with the time of the house."""
    return f"{message.camera} {message.at.astimezone():%Y-%m-%d %H.%M.%S}"

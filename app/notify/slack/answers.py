"""Answers in Slack: a sentence to who asked, a picture where it was asked for, and what becomes of
a tagged alert.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException

from app.notify.base import Message, Progress
from app.notify.slack import blocks
from app.notify.slack.api import TIMEOUT_S, Refused, Unfit, sdk_log
from app.notify.slack.blocks import Block
from app.notify.slack.clips import Reel
from app.notify.slack.notifier import SlackNotifier
from app.notify.slack.posts import Draft, Posted
from app.protocol import EventRecord, ReplyTo

_NOT_THERE = ("channel_not_found", "not_in_channel", "is_archived", "restricted_action")
_GONE_FROM_SLACK = "The picture is gone from Slack, and kept at home."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """An alert that was posted: where it is, what it is about, and whether its picture was deleted
    from Slack.
    """

    event: str
    record: EventRecord
    posted: Posted
    deleted: bool


@dataclass(frozen=True, slots=True)
class ShownTag:
    """What somebody said of an event: *who* in Slack's mrkdwn."""

    label: str
    who: str
    at: datetime


class SlackAnswers:
    """Answers by the same Slack that *notifier* posts to."""

    name = SlackNotifier.name

    def __init__(self, notifier: SlackNotifier) -> None:
        self._notifier = notifier
        self._api = notifier.api
        self.delete_after_tag = notifier.settings.delete_after_tag

    def reply(self, reply_to: ReplyTo | None, text: str) -> None:
        """Tell *text*, in Slack's mrkdwn, to who asked: alone if that is still possible, else in
        the channel.

        Where nobody can be told it is logged, since trying again would not help.
        """
        if reply_to and reply_to.response_url and self._respond(reply_to.response_url, text):
            return
        try:
            self._api.call("chat.postMessage", channel=self._channel(reply_to), text=text)
        except (Refused, Unfit) as error:
            _log.warning("an answer reaches nobody: %s", error)

    def post_picture(self, reply_to: ReplyTo | None, message: Message, progress: Progress) -> None:
        """Program the picture and the words of *message* in the channel where it was asked for; once
        for each key.
        """
        text = message.text

        def compose(file: str | None, remark: str | None) -> list[Block]:
            shown = [blocks.section(blocks.escaped(text))]
            shown += [blocks.picture(file, text)] if file else []
            return shown + ([blocks.context(blocks.escaped(remark))] if remark else [])

        channel = self._channel(reply_to)
        with self._or_say(reply_to, text):
            draft = Draft(message.key, channel, text, compose, file_name=_file_name(message))
            self._notifier.post(draft, message.picture, progress)

    def post_clip(self, reply_to: ReplyTo | None, message: Message, progress: Progress) -> None:
        """Show the film of *message* in the channel where it was asked for; once for each key."""
        channel, text = self._channel(reply_to), blocks.escaped(message.text)
        with self._or_say(reply_to, message.text):
            reel = Reel(
                message.key,
                channel,
                None,
                text,
                message.clip,
                message.clip_link,
                message.remark,
                _file_name(message),
            )
            self._notifier.films.show(reel, progress)

    @property
    def max_clip_bytes(self) -> int | None:
        """The size of the largest film to show."""
        return self._notifier.max_clip_bytes

    def show_tag(self, alert: PostedAlert, said: ShownTag | None) -> None:
        """Change the message of *alert*: what was *said* in place of the buttons, and for None the
        buttons again.

        `Unfit` when the message is gone or may not be changed any more.
        """
        keeps = not alert.deleted and not (said and self.delete_after_tag)
        try:
            self._update(alert, said, alert.posted.file if keeps else None)
        except Unfit as error:
            if error.error != "invalid_blocks" or not keeps:
                raise
            self._update(alert, said, None)

    def delete_picture(self, alert: PostedAlert) -> bool:
        """Delete the picture of *alert* from Slack; returns whether it is gone. Where Slack refuses
        that, it is logged.
        """
        try:
            self._api.call("files.delete", file=alert.posted.file)
        except (Unfit, Refused) as error:
            if error.error not in ("file_not_found", "file_deleted"):
                _log.warning("the picture of %s stays in Slack: %s", alert.event, error)
                return False
        return True

    def _channel(self, reply_to: ReplyTo | None) -> str:
        return (reply_to and reply_to.channel) or self._notifier.channel

    @contextmanager
    def _or_say(self, reply_to: ReplyTo | None, text: str) -> Iterator[None]:
        """Where what is shown in here cannot be, because the app is not in that channel, tell who
        asked.
        """
        try:
            yield
        except Refused as error:
            if error.error not in _NOT_THERE or self._channel(reply_to) == self._notifier.channel:
                raise
            self.reply(
                reply_to,
                f"{blocks.escaped(text)}. It cannot be shown here, though: /invite the app, or "
                "ask in its own channel.",
            )

    def _update(self, alert: PostedAlert, said: ShownTag | None, file: str | None) -> None:
        text, record = alert.posted.text, alert.record
        shown = [
            blocks.section(blocks.headline(text, record.camera, record.started_at, record.score))
        ]
        if file:
            shown.append(blocks.picture(file, f"{text} {blocks.house_time(record.started_at)}"))
        elif alert.posted.file and not said:
            shown.append(blocks.context(_GONE_FROM_SLACK))
        shown += (
            blocks.tagged(alert.event, said.label, said.who, said.at)
            if said
            else [blocks.tag_buttons(alert.event)]
        )
        self._api.call(
            "chat.update", channel=alert.posted.channel, ts=alert.posted.ts, text=text, blocks=shown
        )

    def _respond(self, response_url: str, text: str) -> bool:
        """Answer at *response_url*, which is a secret; returns whether that was taken. It takes
        five answers in half an hour.
        """
        from slack_sdk.errors import SlackClientError
        from slack_sdk.webhook import WebhookClient

        try:
            client = WebhookClient(
                response_url, timeout=int(TIMEOUT_S), retry_handlers=[], logger=sdk_log()
            )
            answer = client.send(text=text, response_type="ephemeral", replace_original=False)
        except (OSError, HTTPException, ValueError, SlackClientError) as error:
            _log.info(
                "an answer goes to the channel, since who asked cannot be told alone: %s",
                type(error).__name__,
            )
            return False
        return answer.status_code == 200


def _file_name(message: Message) -> str:
    """What the picture or film of *message* is called where somebody saves it, with the house's own
    time.
    """
    return f"{message.camera} {message.at.astimezone():%Y-%m-%d %H.%M.%S}"


def mention(user: str | None, name: str) -> str:
    """Who is called *name*, as Slack shows people: by their id, if that is one."""
    return f"<@{user}>" if user and user.isascii() and user.isalnum() else blocks.escaped(name)

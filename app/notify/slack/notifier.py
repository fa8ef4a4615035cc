"""Delivers alerts to Slack: one message each, with its picture and its buttons.

The clip of an alert is posted in the alert's thread. Stages: `file` is the id of the uploaded
picture, `ready` says that Slack has processed it; `posting` and `posted` are as in
`app.notify.once`. The stage `blocks` has the blocks of a digest: a tag changes some of them.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused
from app.mrkdwn import escaped
from app.notify.base import (
    Digest,
    Message,
    MessageRefused,
    Notifier,
    PostedPlace,
    Progress,
    megabytes_to_bytes,
)
from app.notify.settings import SlackSettings
from app.notify.slack import blocks
from app.notify.slack.api import SlackApi
from app.notify.slack.blocks import Block
from app.notify.slack.clips import SlackClips, refuses_file
from app.notify.slack.posts import GONE, Draft, Posted, SlackPosts
from app.protocol import Stage

_NO_FILE = "none"


class SlackNotifier(Notifier):
    """Posts to the alerts channel of *settings*; their `missing` must be empty."""

    name = "slack"
    makes_digests = True
    clips_in_threads = True

    def __init__(self, settings: SlackSettings, clock: Clock, api: SlackApi | None = None) -> None:
        if settings.bot_token is None or settings.alerts_channel is None:
            raise ValueError(f"Slack needs {' and '.join(settings.missing())}")
        self.settings = settings
        self.channel = settings.alerts_channel
        self.removes_tagged = settings.delete_after_tag
        self.api = api or SlackApi(settings.api_url, settings.bot_token.get_secret_value(), clock)
        self.max_clip_bytes = megabytes_to_bytes(settings.max_clip_mb)
        self._clock = clock
        self._posts = SlackPosts(self.api, clock)
        self._clips = SlackClips(self._posts, clock)

    def __str__(self) -> str:
        return f"Slack's channel {self.channel}"

    @property
    def possible_repeats(self) -> int:
        return self._posts.possible_repeats

    def deliver(self, message: Message, progress: Progress) -> None:
        if message.topic == "clip" or message.clip or message.clip_link or message.remark:
            self._deliver_clip(message, progress)
            return
        draft = Draft(
            message.key,
            self.channel,
            message.text,
            partial(blocks.alert, message),
            fallback=blocks.fallback(message.text, message.correction),
            at=message.at,
        )
        self.post(draft, message.picture, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        if progress.get(Stage.POSTED):
            return
        pictures: list[tuple[Message, str]] = []
        remark = None
        for message in digest.messages:
            file, problem = self._uploaded(
                f"{message.key}.jpg", message.picture, progress, message.key
            )
            remark = problem or remark
            if file:
                pictures.append((message, file))

        corrections = {one.key: one.correction for one in digest.messages if one.correction}

        def compose(file: str | None, remark: str | None) -> list[Block]:
            shown = blocks.digest(digest, pictures if file else (), remark)
            return blocks.with_changes(shown, {}, corrections, ())

        plain = blocks.digest(digest, pictures, remark)
        progress.set(Stage.BLOCKS, json.dumps(plain))
        draft = Draft(
            digest.key,
            self.channel,
            blocks.digest_title(digest),
            compose,
            members=tuple(message.key for message in digest.messages),
        )
        self._posts.post_once(draft, pictures[-1][1] if pictures else None, remark, progress)

    def find_posted(
        self, messages: Sequence[Message], begun: datetime | None
    ) -> Mapping[str, PostedPlace] | None:
        return self._posts.find_all((message.key for message in messages), self.channel, begun)

    def post(self, draft: Draft, picture: bytes | None, progress: Progress) -> None:
        """Post *draft* once with *picture*, a JPEG."""
        if progress.get(Stage.POSTED):
            return
        file, remark = self._uploaded(draft.file_called(".jpg"), picture, progress)
        self._posts.post_once(draft, file, remark, progress)

    def post_clip(
        self,
        message: Message,
        progress: Progress,
        *,
        text: str,
        channel: str | None = None,
        thread_ts: str | None = None,
        file_name: str | None = None,
    ) -> None:
        """Post the clip of *message* once, with *text* in mrkdwn.

        It is posted in *channel*, the alerts channel by default, and there in the thread
        *thread_ts*, if that is given. *file_name* is as in `Draft`.
        """
        link = None if message.clip else message.clip_link
        draft = Draft(
            message.key,
            channel or self.channel,
            text,
            lambda _file, remark: blocks.clip(text, link, remark),
            thread_ts,
            file_name,
        )
        self._clips.show(draft, message.clip, message.remark, progress)

    def _deliver_clip(self, message: Message, progress: Progress) -> None:
        """Post the clip in the thread of its alert, or in the channel without a thread."""
        if progress.get(Stage.POSTED):
            return
        alert = Posted.loads(message.parent) if message.parent else None
        if alert and not progress.get(Stage.ALONE) and not self._posts.exists(alert):
            progress.set(Stage.ALONE, "yes")
        text = escaped(message.text)
        if progress.get(Stage.ALONE):
            alert = None
            text += " (The message that it belongs to is gone.)"
        try:
            self.post_clip(
                message,
                progress,
                text=text,
                channel=alert.channel if alert else None,
                thread_ts=alert.ts if alert else None,
            )
        except MessageRefused as error:
            if error.code not in GONE or alert is None:
                raise
            progress.set(Stage.ALONE, "yes")
            raise DeliveryError(f"the thread of a clip is gone: {error}", 0.0) from error

    def _uploaded(
        self, name: str, picture: bytes | None, progress: Progress, of: str = ""
    ) -> tuple[str | None, str | None]:
        """Upload *picture* as *name*, once; returns its file in Slack, or the reason for none.

        In a digest, *of* is the key of its message. After a refusal the alert is posted without the
        picture.
        """
        stored = progress.get(Stage.FILE, of)
        if stored is None and picture is None:
            return None, None
        try:
            if stored is None and picture is not None:
                stored = self._upload(name, picture)
                progress.set(Stage.FILE, stored, of)
            file, _, rest = (stored or "").partition(" ")
            if file == _NO_FILE:
                return None, rest
            if not progress.get(Stage.READY, of):
                since = datetime.fromisoformat(rest)
                self._posts.wait_for(lambda: self._is_ready(file), since, "the picture")
                progress.set(Stage.READY, "yes", of)
        except (MessageRefused, DeliveryRefused) as error:
            if not refuses_file(error):
                raise
            return None, self._give_up(error, progress, of)
        return file, None

    def _give_up(self, error: DeliveryError, progress: Progress, of: str) -> str:
        """Store that the picture was refused; returns a remark about that."""
        remark = f"The picture is stored at home, and not shown here: {error}"
        self._posts.log_once(
            str(error), "alerts are delivered to Slack without pictures: %s", error
        )
        progress.set(Stage.FILE, f"{_NO_FILE} {remark}", of)
        return remark

    def _upload(self, name: str, picture: bytes) -> str:
        """Upload *picture*; returns the value of the stage `file`: the file's id and the time."""
        file = self.api.upload(name, picture)
        self.api.call("files.completeUploadExternal", files=[{"id": file, "title": name}])
        return f"{file} {self._clock.now().isoformat()}"

    def _is_ready(self, file: str) -> bool:
        try:
            return bool(self.api.call("files.info", file=file)["file"].get("mimetype"))
        except DeliveryRefused as error:
            if error.code != "missing_scope":
                raise
            self._posts.log_once(
                "files:read", "Slack does not let the app ask whether a picture is ready: %s", error
            )
            return True

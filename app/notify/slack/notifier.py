"""Alerts in Slack: the picture is uploaded, and one message posted with it and its buttons; the
film comes into its thread.

A delivery has stages, each noted: the picture is with Slack (`file`), Slack has looked at it
(`ready`), the message is on its way (`posting`), it is there (`posted`).
"""

from datetime import datetime

from app.clock import Clock
from app.errors import DeliveryError
from app.notify.base import Digest, Message, Notifier, Progress, SlackSettings, megabytes_to_bytes
from app.notify.slack import blocks
from app.notify.slack.api import Refused, SlackApi, Unfit
from app.notify.slack.blocks import Block
from app.notify.slack.clips import Reel, SlackFilms, costs_the_file
from app.notify.slack.posts import GONE, Draft, Posted, SlackPosts


class SlackNotifier(Notifier):
    """Posts to the channel of *settings*; it needs all that their `missing` names."""

    name = "slack"
    makes_digests = True
    clips_in_threads = True

    def __init__(self, settings: SlackSettings, clock: Clock, api: SlackApi | None = None) -> None:
        if settings.bot_token is None or settings.alerts_channel is None:
            raise ValueError(f"Slack needs {' and '.join(settings.missing())}")
        self.settings = settings
        self.channel = settings.alerts_channel
        self.api = api or SlackApi(settings.api_url, settings.bot_token.get_secret_value(), clock)
        self.max_clip_bytes = megabytes_to_bytes(settings.max_clip_mb)
        self._clock = clock
        self._posts = SlackPosts(self.api, clock)
        self.films = SlackFilms(self._posts, clock)

    def __str__(self) -> str:
        return f"Slack's channel {self.channel}"

    @property
    def possible_repeats(self) -> int:
        return self._posts.possible_repeats

    def deliver(self, message: Message, progress: Progress) -> None:
        if message.topic == "clip" or message.clip or message.clip_link or message.remark:
            self._deliver_film(message, progress)
            return

        def compose(file: str | None, remark: str | None) -> list[Block]:
            return blocks.alert(message, file, remark)

        self.post(
            Draft(message.key, self.channel, message.text, compose),
            message.picture,
            progress,
        )

    def post(self, draft: Draft, picture: bytes | None, progress: Progress) -> None:
        """Program *draft* with *picture*, a JPEG, once."""
        if progress.get("posted"):
            return
        file, remark = self._uploaded(draft.file_name or draft.key, picture, progress)
        self._posts.post_once(draft, file, remark, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        if progress.get("posted"):
            return
        files: list[tuple[Message, str]] = []
        remark = None
        for message in digest.messages:
            file, trouble = self._uploaded(
                message.key, message.picture, progress, f":{message.key}"
            )
            remark = trouble or remark
            if file:
                files.append((message, file))

        def compose(file: str | None, remark: str | None) -> list[Block]:
            return blocks.digest_blocks(digest, files if file else (), remark)

        draft = Draft(
            digest.key,
            self.channel,
            f"{len(digest.messages)} alerts while there was no way to you",
            compose,
        )
        self._posts.post_once(draft, files[-1][1] if files else None, remark, progress)

    def _deliver_film(self, message: Message, progress: Progress) -> None:
        """Show the film of *message* in the thread of its alert; where that is gone, or was never
        there, in the channel.
        """
        if progress.get("posted"):
            return
        above = Posted.loads(message.parent) if message.parent else None
        if above and not progress.get("alone") and not self._posts.is_there(above):
            progress.set("alone", "yes")
        text = blocks.escaped(message.text)
        if progress.get("alone"):
            text += " (The message that it belongs to is gone.)"
            above = None
        channel, thread_ts = (above.channel, above.ts) if above else (self.channel, None)
        reel = Reel(
            message.key, channel, thread_ts, text, message.clip, message.clip_link, message.remark
        )
        try:
            self.films.show(reel, progress)
        except Unfit as error:
            if error.error not in GONE or above is None:
                raise
            progress.set("alone", "yes")
            raise DeliveryError(f"the thread of a film is gone: {error}", 0.0) from error

    def _uploaded(
        self, name: str, content: bytes | None, progress: Progress, of: str = ""
    ) -> tuple[str | None, str | None]:
        """The file of the picture *content* in Slack, called *name*, or None, and why there is none
        if there should be.

        What is not Slack's passing trouble costs the picture, never the alert.
        """
        noted = progress.get(f"file{of}")
        if noted is None and content is None:
            return None, None
        try:
            if noted is None and content is not None:
                noted = self._upload(f"{name}.jpg", content)
                progress.set(f"file{of}", noted)
            file, _, since = (noted or "").partition(" ")
            if file == "none":
                return None, since
            if not progress.get(f"ready{of}"):
                self._posts.patiently(
                    lambda: self._is_ready(file), datetime.fromisoformat(since), "the picture"
                )
                progress.set(f"ready{of}", "yes")
        except (Unfit, Refused) as error:
            if not costs_the_file(error):
                raise
            return None, self._give_up(error, progress, of)
        return file, None

    def _give_up(self, error: DeliveryError, progress: Progress, of: str = "") -> str:
        """Go on without the picture; returns the remark that says so."""
        remark = f"The picture is kept at home, not shown here: {error}"
        self._posts.say_once(str(error), "alerts go to Slack without pictures: %s", error)
        progress.set(f"file{of}", f"none {remark}")
        return remark

    def _upload(self, name: str, content: bytes) -> str:
        file = self.api.upload(name, content)
        self.api.call("files.completeUploadExternal", files=[{"id": file, "title": name}])
        return f"{file} {self._clock.now().isoformat()}"

    def _is_ready(self, file: str) -> bool:
        try:
            return bool(self.api.call("files.info", file=file)["file"].get("mimetype"))
        except Refused as error:
            if error.error != "missing_scope":
                raise
            self._posts.say_once(
                "files:read", "it cannot be seen when a picture is ready: %s", error
            )
            return True

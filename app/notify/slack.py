"""Alerts in Slack: the picture is uploaded, and one message posted with it and its buttons.

A delivery has stages, each noted: the picture is with Slack (`file`), Slack has looked at it (`ready`), the message is
on its way (`posting`), it is there (`posted`). After a crash, or when an answer was lost, "on its way" is made sure of:
the channel's newest messages are searched for our key in their metadata, for which the app needs the scope
channels:history or groups:history; failing that, Slack is asked where the picture is shown. When neither can be asked
the message is posted again, and counted in `repeated`. So a message appears twice only if Slack took it, its answer was
lost, and then either both questions were impossible, or Slack did not show it yet when asked, `SETTLE_S` later.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused
from app.notify import slack_blocks
from app.notify.base import Digest, Message, Notifier, Progress, SlackAccess
from app.notify.slack_api import Refused, SlackApi, Unanswered, Unfit
from app.notify.slack_blocks import Block

EVENT_TYPE = "whos_there_alert"
#: Slack wants about one message a second in a channel.
POST_EVERY_S = 1.0
#: How long Slack may look at a picture before the alert is posted without it.
PICTURE_PATIENCE_S = 30.0
#: How long after a lost answer it is first asked what became of the message.
SETTLE_S = 3.0
_POLL_FIRST_S = 0.05
_POLL_MAX_S = 1.0
_POLL_ALL_S = 5.0
_PAGES = 5
_PAGE = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is, and what it was made of; kept as the mark `posted`."""

    channel: str
    ts: str
    text: str
    file: str | None = None

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Posted":
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to post in *channel*: *text* is the fallback, *blocks* makes the rest for a picture's file, if any, and a remark."""

    key: str
    channel: str
    text: str
    blocks: Callable[[str | None, str | None], list[Block]]


class SlackNotifier(Notifier):
    """Posts to the channel of *access*."""

    name = "slack"
    digests = True

    def __init__(self, access: SlackAccess, clock: Clock, api: SlackApi | None = None) -> None:
        self.access = access
        self.api = api or SlackApi(access.api_url, access.token, clock)
        self._clock = clock
        self._last_post_s: dict[str, float] = {}
        self._said: set[str] = set()

    def __str__(self) -> str:
        return f"Slack's channel {self.access.channel}"

    def deliver(self, message: Message, progress: Progress) -> None:
        def blocks(file: str | None, remark: str | None) -> list[Block]:
            return slack_blocks.alert(message, file, remark)

        self.post(Draft(message.key, self.access.channel, message.text, blocks), message.picture, progress)

    def post(self, draft: Draft, picture: bytes | None, progress: Progress) -> None:
        """Post *draft* with *picture*, a JPEG, once."""
        if progress.get("posted"):
            return
        file, remark = self._uploaded(draft.key, picture, progress)
        self._post_once(draft, file, remark, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        if progress.get("posted"):
            return
        files: list[tuple[Message, str]] = []
        remark = None
        for message in digest.messages:
            file, trouble = self._uploaded(message.key, message.picture, progress, f":{message.key}")
            remark = trouble or remark
            if file:
                files.append((message, file))

        def blocks(file: str | None, remark: str | None) -> list[Block]:
            return slack_blocks.digest_blocks(digest, files if file else (), remark)

        draft = Draft(digest.key, self.access.channel, f"{len(digest.messages)} alerts while there was no way to you", blocks)
        self._post_once(draft, files[-1][1] if files else None, remark, progress)

    def _uploaded(self, key: str, content: bytes | None, progress: Progress, of: str = "") -> tuple[str | None, str | None]:
        """The file of the picture *content* in Slack, or None, and why there is none if there should be.

        What is not Slack's passing trouble costs the picture, never the alert.
        """
        noted = progress.get(f"file{of}")
        if noted is None and content is None:
            return None, None
        try:
            if noted is None and content is not None:
                noted = self._upload(f"{key}.jpg", content)
                progress.set(f"file{of}", noted)
            file, _, since = (noted or "").partition(" ")
            if file == "none":
                return None, since
            if not progress.get(f"ready{of}"):
                self._wait_until_ready(file, datetime.fromisoformat(since))
                progress.set(f"ready{of}", "yes")
        except (Unfit, Refused) as error:
            if isinstance(error, Refused) and error.error not in ("missing_scope", "no_permission"):
                raise
            return None, self._give_up(error, progress, of)
        return file, None

    def _give_up(self, error: DeliveryError, progress: Progress, of: str = "") -> str:
        """Go on without the picture; returns the remark that says so."""
        remark = f"The picture is kept at home, not shown here: {error}"
        self._say_once(str(error), "alerts go to Slack without pictures: %s", error)
        progress.set(f"file{of}", f"none {remark}")
        return remark

    def _upload(self, name: str, content: bytes) -> str:
        place = self.api.call("files.getUploadURLExternal", filename=name, length=len(content))
        self.api.upload(place["upload_url"], content)
        self.api.call("files.completeUploadExternal", files=[{"id": place["file_id"], "title": name}])
        return f"{place['file_id']} {self._clock.now().isoformat()}"

    def _wait_until_ready(self, file: str, since: datetime) -> None:
        """Return when Slack knows what *file* is. `Unfit` when that takes for ever, `DeliveryError` when it is worth coming back."""
        wait_s, waited_s = _POLL_FIRST_S, 0.0
        while not self._is_ready(file):
            if self._clock.now() - since > timedelta(seconds=PICTURE_PATIENCE_S):
                raise Unfit("the picture", f"it was not ready after {PICTURE_PATIENCE_S:.0f} s")
            if waited_s >= _POLL_ALL_S:
                raise DeliveryError("Slack is still looking at the picture", _POLL_MAX_S)
            self._clock.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(wait_s * 1.5, _POLL_MAX_S)

    def _is_ready(self, file: str) -> bool:
        try:
            return bool(self.api.call("files.info", file=file)["file"].get("mimetype"))
        except Refused as error:
            if error.error != "missing_scope":
                raise
            self._say_once("files:read", "it cannot be seen when a picture is ready: %s", error)
            return True

    def _post_once(self, draft: Draft, file: str | None, remark: str | None, progress: Progress) -> None:
        """Post *draft* unless it is found to be there already."""
        begun = progress.get("posting")
        ts = self._found(draft, file, datetime.fromisoformat(begun)) if begun else None
        if ts is None:
            ts, file = self._post(draft, file, remark, progress)
        progress.set("posted", Posted(draft.channel, ts, draft.text, file).dumps())

    def _post(self, draft: Draft, file: str | None, remark: str | None, progress: Progress) -> tuple[str, str | None]:
        """Post *draft* as well as Slack takes it; returns its ts, and the file of the picture that it shows."""
        try:
            return self._send(draft, draft.blocks(file, remark), progress), file
        except Unfit as error:
            if file and error.error == "invalid_blocks" and not self._is_hopeless(progress):
                raise DeliveryError(f"Slack does not take the picture yet: {error}") from error
            self._say_once(error.error, "a message is posted without what Slack does not take: %s", error)
            remark = f"The picture is kept at home, not shown here: {error}"
        try:
            return self._send(draft, draft.blocks(None, remark), progress), None
        except Unfit:
            return self._send(draft, [], progress), None

    def _is_hopeless(self, progress: Progress) -> bool:
        """Whether Slack has refused the message's blocks for so long that it will not take the picture any more."""
        first = progress.get("refused")
        if first is None:
            progress.set("refused", self._clock.now().isoformat())
            return False
        return self._clock.now() - datetime.fromisoformat(first) > timedelta(seconds=PICTURE_PATIENCE_S)

    def _send(self, draft: Draft, blocks: list[Block], progress: Progress) -> str:
        """Post, noting before that it is on its way, and after a clear refusal that it is not; returns its ts."""
        self._keep_pace(draft.channel)
        progress.set("posting", self._clock.now().isoformat())
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": draft.key}}
        try:
            answer = self.api.call(
                "chat.postMessage", channel=draft.channel, text=draft.text, blocks=blocks or None, metadata=metadata, unfurl_links=False
            )
        except Unanswered as error:
            if error.sent:
                raise
            progress.set("posting", "")
            raise
        except DeliveryError:
            progress.set("posting", "")
            raise
        return str(answer["ts"])

    def _keep_pace(self, channel: str) -> None:
        since_s = self._clock.monotonic() - self._last_post_s.get(channel, float("-inf"))
        self._clock.sleep(POST_EVERY_S - since_s)
        self._last_post_s[channel] = self._clock.monotonic()

    def _found(self, draft: Draft, file: str | None, begun: datetime) -> str | None:
        """The ts of *draft* if it was posted after *begun*; None when it was not, or nobody can tell."""
        self._clock.sleep(SETTLE_S - (self._clock.now() - begun).total_seconds())
        try:
            return self._in_history(draft.key, draft.channel)
        except Refused as error:
            if error.error != "missing_scope":
                raise
            self._say_once("history", "it cannot be seen whether a message whose answer was lost has arrived: %s", error)
        ts = self._shown_at(file, draft.channel) if file else None
        self.repeated += ts is None
        return ts

    def _in_history(self, key: str, channel: str) -> str | None:
        """Search the newest messages, by no clock: this machine's may be wrong."""
        cursor = None
        for _ in range(_PAGES):
            answer = self.api.call("conversations.history", channel=channel, limit=_PAGE, include_all_metadata=True, cursor=cursor)
            for message in answer["messages"]:
                if message.get("metadata", {}).get("event_payload", {}).get("key") == key:
                    return str(message["ts"])
            cursor = answer.get("response_metadata", {}).get("next_cursor")
            if not cursor:
                return None
        return None

    def _shown_at(self, file: str, channel: str) -> str | None:
        """The ts of the message that shows *file* in *channel*, None also when Slack does not say."""
        try:
            shares = self.api.call("files.info", file=file)["file"].get("shares", {})
        except (Refused, Unfit):
            return None
        found = [place["ts"] for kind in shares.values() for place in kind.get(channel, [])]
        return found[0] if found else None

    def _say_once(self, what: str, sentence: str, error: DeliveryError) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.log(logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING, sentence, error)

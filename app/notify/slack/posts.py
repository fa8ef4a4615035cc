"""Posts messages to Slack, each once.

`app.notify.once` explains the stages `posting` and `posted`. After a crash or a lost answer, the
newest messages of the channel, or of the thread, are searched for our key in their metadata; the
app needs the scope channels:history or groups:history for that. Without the scope, Slack is asked
where the picture is shown. If both questions are impossible, the message is posted again and
counted in `possible_repeats`. So a message appears twice only if Slack accepted it, its answer was
lost, and either both questions were impossible or Slack did not show the message `SETTLE_S` later.
"""

import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused, ProtocolError
from app.notify.base import MessageRefused, PostedPlace, Progress
from app.notify.once import posting, unconfirmed_since
from app.notify.slack.api import SlackApi, refusal
from app.notify.slack.blocks import Block
from app.protocol import Stage
from app.times import utc_time

EVENT_TYPE = "whos_there_alert"
#: Slack accepts about one message a second in a channel.
POST_EVERY_S = 1.0
#: The seconds that Slack may prepare a picture before the alert is posted without it.
PICTURE_PATIENCE_S = 30.0
#: The wait after a lost answer before Slack is asked for the message.
SETTLE_S = 3.0
#: Slack's errors for a thread or message that no longer exists.
GONE = ("thread_not_found", "message_not_found", "invalid_thread_ts")
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_WAIT_GROWTH = 1.5
#: The longest time of one call of `wait_for`, in seconds.
_WAIT_AT_ONCE_S = 5.0
#: The members that a digest names in its metadata, which Slack limits to some thousand letters.
_MEMBERS_NAMED = 200
_PAGES = 5
_PAGE = 200

Found = TypeVar("Found")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Posted:
    """The place and content of a posted message; stored as the mark `posted`.

    *at* is the time of what it is about, as ISO 8601; None in marks of earlier versions.
    """

    channel: str
    ts: str
    text: str
    file: str | None = None
    at: str | None = None

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> "Posted":
        """Return the message in *text*; `ProtocolError` when there is none."""
        try:
            posted = cls(**json.loads(text))
            if posted.at is not None:
                utc_time(posted.at)
            return posted
        except (ValueError, TypeError, RecursionError) as error:
            raise ProtocolError(f"not the mark of a message: {error}") from None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to post in *channel*, in the thread *thread_ts* if it is not None.

    *text* is about something at the time *at*. *fallback* is for screens that show no blocks; None
    means *text*. *blocks* makes the blocks from the id of the picture's
    file and from a remark; both may be None. *file_name* is the name of the picture or clip in
    Slack, without an ending; None means *key*. *members* are the keys of the messages in a digest.
    """

    key: str
    channel: str
    text: str
    blocks: Callable[[str | None, str | None], list[Block]]
    thread_ts: str | None = None
    file_name: str | None = None
    members: tuple[str, ...] = ()
    fallback: str | None = None
    at: datetime | None = None

    def file_called(self, ending: str) -> str:
        """Return the name in Slack of its picture or clip, with this *ending*."""
        return f"{self.file_name or self.key}{ending}"


class SlackPosts:
    """Posts drafts by *api*."""

    def __init__(self, api: SlackApi, clock: Clock) -> None:
        self.api = api
        #: The number of messages that were posted although they may have been posted before.
        self.possible_repeats = 0
        self._clock = clock
        self._last_post_s: dict[str, float] = {}
        self._logged: set[str] = set()

    def post_once(
        self, draft: Draft, file: str | None, remark: str | None, progress: Progress
    ) -> None:
        """Post *draft* with the picture *file* and *remark*, unless Slack has it already."""
        begun = unconfirmed_since(progress)
        ts = self._find(draft, file, begun) if begun else None
        if ts is None:
            ts, file = self._post(draft, file, remark, progress)
        at = draft.at.isoformat() if draft.at else None
        progress.set(Stage.POSTED, Posted(draft.channel, ts, draft.text, file, at).dumps())

    def keep_pace(self, channel: str) -> None:
        """Wait until the next message to *channel* is allowed."""
        since_s = self._clock.monotonic() - self._last_post_s.get(channel, float("-inf"))
        self._clock.sleep(POST_EVERY_S - since_s)
        self._last_post_s[channel] = self._clock.monotonic()

    def wait_for(self, look: Callable[[], Found | None], since: datetime, what: str) -> Found:
        """Call *look* repeatedly, and return its result as soon as that is true.

        Raises `DeliveryError` to continue later, and `MessageRefused` when *what* is not ready
        `PICTURE_PATIENCE_S` after *since*. A clock that was set back does not make that longer.
        """
        wait_s, waited_s = _FIRST_WAIT_S, 0.0
        while not (found := look()):
            if abs(self._clock.now() - since) > timedelta(seconds=PICTURE_PATIENCE_S):
                raise refusal(what, f"it was not ready after {PICTURE_PATIENCE_S:.0f} s")
            if waited_s >= _WAIT_AT_ONCE_S:
                raise DeliveryError(f"Slack still prepares {what}", _LONGEST_WAIT_S)
            self._clock.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(wait_s * _WAIT_GROWTH, _LONGEST_WAIT_S)
        return found

    def exists(self, posted: Posted) -> bool:
        """Return whether a posted message still exists; True where Slack may not be asked."""
        try:
            answer = self.api.call(
                "conversations.history",
                channel=posted.channel,
                latest=posted.ts,
                limit=1,
                inclusive=True,
            )
        except DeliveryRefused as error:
            return error.code == "missing_scope"
        except MessageRefused:
            return True
        return any(
            message["ts"] == posted.ts and message.get("subtype") != "tombstone"
            for message in _messages(answer)
        )

    def log_once(self, topic: str, sentence: str, error: DeliveryError) -> None:
        """Log *sentence* with *error*, the first time only for each *topic*."""
        if topic in self._logged:
            return
        self._logged.add(topic)
        level = logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING
        _log.log(level, sentence, error)

    def _post(
        self, draft: Draft, file: str | None, remark: str | None, progress: Progress
    ) -> tuple[str, str | None]:
        """Post *draft*, without the parts that Slack refuses.

        Returns the ts of the message, and the file of the picture that it shows.
        """
        try:
            return self._send(draft, draft.blocks(file, remark), progress), file
        except MessageRefused as error:
            if file and error.code == "invalid_blocks" and not self._is_hopeless(progress):
                raise DeliveryError(f"Slack does not accept the picture yet: {error}") from error
            self.log_once(
                error.code, "a message is posted without the part that Slack refuses: %s", error
            )
            remark = f"The picture is stored at home, and not shown here: {error}"
        try:
            return self._send(draft, draft.blocks(None, remark), progress), None
        except MessageRefused:
            return self._send(draft, [], progress), None

    def _is_hopeless(self, progress: Progress) -> bool:
        """Return whether Slack has refused the blocks of a message for too long."""
        first = progress.get(Stage.REFUSED)
        if first is None:
            progress.set(Stage.REFUSED, self._clock.now().isoformat())
            return False
        patience = timedelta(seconds=PICTURE_PATIENCE_S)
        return abs(self._clock.now() - datetime.fromisoformat(first)) > patience

    def _send(self, draft: Draft, blocks: list[Block], progress: Progress) -> str:
        """Post *draft* with *blocks*; returns the ts of the message."""
        self.keep_pace(draft.channel)
        with posting(progress, self._clock):
            answer = self.api.call(
                "chat.postMessage",
                channel=draft.channel,
                thread_ts=draft.thread_ts,
                text=draft.fallback or draft.text,
                blocks=blocks or None,
                metadata={"event_type": EVENT_TYPE, "event_payload": _payload(draft)},
                unfurl_links=False,
            )
        return str(answer["ts"])

    def _find(self, draft: Draft, file: str | None, begun: datetime) -> str | None:
        """Return the ts of the *draft* posted since *begun*; None when Slack does not show it."""
        self._await_settled(begun)
        try:
            return self._find_in_history(draft)
        except DeliveryRefused as error:
            if error.code != "missing_scope":
                raise
            self.log_once(
                "history", "Slack does not let the app ask whether a message has arrived: %s", error
            )
        ts = self._find_by_picture(file, draft.channel) if file else None
        self.possible_repeats += ts is None
        return ts

    def _await_settled(self, begun: datetime) -> None:
        """Wait until Slack shows a message that was posted at *begun*."""
        waited_s = (self._clock.now() - begun).total_seconds()
        self._clock.sleep(min(SETTLE_S - waited_s, SETTLE_S))

    def _find_in_history(self, draft: Draft) -> str | None:
        """Search the newest messages, of any age: the clock of this machine may be wrong."""
        for message, payload in self._history(draft.channel, draft.thread_ts):
            if payload.get("key") == draft.key:
                return str(message["ts"])
        return None

    def find_all(
        self, keys: Iterable[str], channel: str, begun: datetime | None
    ) -> dict[str, PostedPlace] | None:
        """Return the places of those of *keys* that are among the newest messages of *channel*.

        None if the app may not read there. *begun* is as in `Notifier.find_posted`.
        """
        if begun:
            self._await_settled(begun)
        wanted, found = {_short(key): key for key in keys}, {}
        try:
            for message, payload in self._history(channel):
                own = payload.get("key")
                text = str(message.get("text", ""))
                posted = Posted(channel, str(message["ts"]), text, _file_in(message)).dumps()
                for short in str(payload.get("members", "")).split():
                    if short in wanted:
                        found[wanted[short]] = PostedPlace(posted, str(own))
                if own in wanted.values():
                    found[str(own)] = PostedPlace(posted)
        except (DeliveryRefused, MessageRefused):
            return None
        return found

    def _history(
        self, channel: str, thread_ts: str | None = None
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield the newest messages, each with what our metadata say."""
        method = "conversations.replies" if thread_ts else "conversations.history"
        where = {"channel": channel, **({"ts": thread_ts} if thread_ts else {})}
        cursor = None
        for _ in range(_PAGES):
            answer = self.api.call(
                method, **where, limit=_PAGE, include_all_metadata=True, cursor=cursor
            )
            for message in _messages(answer):
                yield message, _table(_table(message.get("metadata")).get("event_payload"))
            cursor = _table(answer.get("response_metadata")).get("next_cursor")
            if not cursor:
                return

    def _find_by_picture(self, file: str, channel: str) -> str | None:
        """Return the ts of the message with *file* in *channel*; None if Slack knows none."""
        try:
            return shown_in(self.api.call("files.info", file=file), channel)
        except (DeliveryRefused, MessageRefused):
            return None


def _payload(draft: Draft) -> dict[str, str]:
    """Return what identifies the message of *draft*, and the newest of its members."""
    members = " ".join(_short(key) for key in draft.members[-_MEMBERS_NAMED:])
    return {"key": draft.key, **({"members": members} if members else {})}


def _short(key: str) -> str:
    return f"{zlib.crc32(key.encode()):08x}"


def shown_in(info: Mapping[str, Any], channel: str) -> str | None:
    """Return the ts of the first message in *channel* that shows the file.

    *info* is Slack's answer to files.info.
    """
    for kind in _table(info["file"].get("shares")).values():
        places = _table(kind).get(channel)
        ts = _table(places[0]).get("ts") if places and isinstance(places, list) else None
        if isinstance(ts, str):
            return ts
    return None


def _file_in(message: Mapping[str, Any]) -> str | None:
    """Return the file of the picture that *message* shows last."""
    shown = message.get("blocks")
    for block in reversed(shown if isinstance(shown, list) else []):
        file = _table(_table(block).get("slack_file")).get("id")
        if isinstance(file, str):
            return file
    return None


def _messages(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [message for message in answer["messages"] if isinstance(_table(message).get("ts"), str)]


def _table(found: Any) -> dict[str, Any]:
    """Return *found* if it is a JSON object, else an empty one."""
    return found if isinstance(found, dict) else {}

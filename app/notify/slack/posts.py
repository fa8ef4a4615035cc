"""Posting to Slack, each message once.

A message that is on its way is noted (`posting`), and that it is there (`posted`). After a crash,
or when an answer was lost, "on its way" is made sure of: the newest messages of the channel, or of
the thread, are searched for our key in their metadata, for which the app needs the scope
channels:history or groups:history; failing that, Slack is asked where the picture is shown. When
neither can be asked the message is posted again, and counted in `repeated`. So a message appears
twice only if Slack took it, its answer was lost, and then either both questions were impossible, or
Slack did not show it yet when asked, `SETTLE_S` later.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import Progress
from app.notify.slack.api import Refused, SlackApi, Unanswered, Unfit
from app.notify.slack.blocks import Block

EVENT_TYPE = "whos_there_alert"
#: Slack wants about one message a second in a channel.
POST_EVERY_S = 1.0
#: How long Slack may look at a picture before the alert is posted without it.
PICTURE_PATIENCE_S = 30.0
#: How long after a lost answer it is first asked what became of the message.
SETTLE_S = 3.0
#: What Slack says of a thread or message that is not there any more.
GONE = ("thread_not_found", "message_not_found", "invalid_thread_ts")
_POLL_FIRST_S = 0.05
_POLL_MAX_S = 1.0
_POLL_ALL_S = 5.0
_PAGES = 5
_PAGE = 200

Found = TypeVar("Found")

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
    """A message to post in *channel*, in the thread *thread_ts* if there is one.

    *text* is the fallback, *blocks* makes the rest for a picture's file, if any, and a remark. That
    file is called *file_name*, if that is given, and else as *key*; both without an ending.
    """

    key: str
    channel: str
    text: str
    blocks: Callable[[str | None, str | None], list[Block]]
    thread_ts: str | None = None
    file_name: str | None = None


class SlackPosts:
    """Posts by *api*."""

    def __init__(self, api: SlackApi, clock: Clock) -> None:
        self.api = api
        #: How often something was posted that may have been there.
        self.possible_repeats = 0
        self._clock = clock
        self._last_post_s: dict[str, float] = {}
        self._said: set[str] = set()

    def post_once(
        self, draft: Draft, file: str | None, remark: str | None, progress: Progress
    ) -> None:
        """Program *draft* unless it is found to be there already."""
        begun = progress.get("posting")
        ts = self._found(draft, file, datetime.fromisoformat(begun)) if begun else None
        if ts is None:
            ts, file = self._post(draft, file, remark, progress)
        progress.set("posted", Posted(draft.channel, ts, draft.text, file).dumps())

    def keep_pace(self, channel: str) -> None:
        """Wait until *channel* may get the next message."""
        since_s = self._clock.monotonic() - self._last_post_s.get(channel, float("-inf"))
        self._clock.sleep(POST_EVERY_S - since_s)
        self._last_post_s[channel] = self._clock.monotonic()

    def patiently(self, look: Callable[[], Found | None], since: datetime, what: str) -> Found:
        """What *look* finds, as soon as that is true. `DeliveryError` when it is worth coming back,
        `Unfit` when it takes for ever.
        """
        wait_s, waited_s = _POLL_FIRST_S, 0.0
        while not (found := look()):
            if self._clock.now() - since > timedelta(seconds=PICTURE_PATIENCE_S):
                raise Unfit(what, f"it was not ready after {PICTURE_PATIENCE_S:.0f} s")
            if waited_s >= _POLL_ALL_S:
                raise DeliveryError(f"Slack is still looking at {what}", _POLL_MAX_S)
            self._clock.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(wait_s * 1.5, _POLL_MAX_S)
        return found

    def is_there(self, posted: Posted) -> bool:
        """Whether a message that was posted still is; taken for granted where Slack may not be
        asked.
        """
        try:
            answer = self.api.call(
                "conversations.history",
                channel=posted.channel,
                latest=posted.ts,
                limit=1,
                inclusive=True,
            )
        except Refused as error:
            return error.error == "missing_scope"
        except Unfit:
            return True
        return any(
            message["ts"] == posted.ts and message.get("subtype") != "tombstone"
            for message in _messages(answer)
        )

    def say_once(self, what: str, sentence: str, error: DeliveryError) -> None:
        """Log *sentence* of *error*, the first time that it is about *what*."""
        if what not in self._said:
            self._said.add(what)
            _log.log(
                logging.ERROR if isinstance(error, DeliveryRefused) else logging.WARNING,
                sentence,
                error,
            )

    def _post(
        self, draft: Draft, file: str | None, remark: str | None, progress: Progress
    ) -> tuple[str, str | None]:
        """Program *draft* as well as Slack takes it; returns its ts, and the file of the picture that
        it shows.
        """
        try:
            return self._send(draft, draft.blocks(file, remark), progress), file
        except Unfit as error:
            if file and error.error == "invalid_blocks" and not self._is_hopeless(progress):
                raise DeliveryError(f"Slack does not take the picture yet: {error}") from error
            self.say_once(
                error.error, "a message is posted without what Slack does not take: %s", error
            )
            remark = f"The picture is kept at home, not shown here: {error}"
        try:
            return self._send(draft, draft.blocks(None, remark), progress), None
        except Unfit:
            return self._send(draft, [], progress), None

    def _is_hopeless(self, progress: Progress) -> bool:
        """Whether Slack has refused the message's blocks for so long that it will not take the
        picture any more.
        """
        first = progress.get("refused")
        if first is None:
            progress.set("refused", self._clock.now().isoformat())
            return False
        return self._clock.now() - datetime.fromisoformat(first) > timedelta(
            seconds=PICTURE_PATIENCE_S
        )

    def _send(self, draft: Draft, blocks: list[Block], progress: Progress) -> str:
        """Program, noting before that it is on its way, and after a clear refusal that it is not;
        returns its ts.
        """
        self.keep_pace(draft.channel)
        with on_its_way(progress, self._clock):
            answer = self.api.call(
                "chat.postMessage",
                channel=draft.channel,
                thread_ts=draft.thread_ts,
                text=draft.text,
                blocks=blocks or None,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": draft.key}},
                unfurl_links=False,
            )
        return str(answer["ts"])

    def _found(self, draft: Draft, file: str | None, begun: datetime) -> str | None:
        """The ts of *draft* if it was posted after *begun*; None when it was not, or nobody can
        tell.
        """
        self._clock.sleep(SETTLE_S - (self._clock.now() - begun).total_seconds())
        try:
            return self._in_history(draft)
        except Refused as error:
            if error.error != "missing_scope":
                raise
            self.say_once(
                "history",
                "it cannot be seen whether a message whose answer was lost has arrived: %s",
                error,
            )
        ts = self._shown_at(file, draft.channel) if file else None
        self.possible_repeats += ts is None
        return ts

    def _in_history(self, draft: Draft) -> str | None:
        """Search the newest messages, by no clock: this machine's may be wrong."""
        cursor = None
        where = {"channel": draft.channel, **({"ts": draft.thread_ts} if draft.thread_ts else {})}
        for _ in range(_PAGES):
            method = "conversations.replies" if draft.thread_ts else "conversations.history"
            answer = self.api.call(
                method, **where, limit=_PAGE, include_all_metadata=True, cursor=cursor
            )
            for message in _messages(answer):
                if (
                    _table(_table(message.get("metadata")).get("event_payload")).get("key")
                    == draft.key
                ):
                    return str(message["ts"])
            cursor = _table(answer.get("response_metadata")).get("next_cursor")
            if not cursor:
                return None
        return None

    def _shown_at(self, file: str, channel: str) -> str | None:
        """The ts of the message that shows *file* in *channel*, None also when Slack does not
        say.
        """
        try:
            return shown_in(self.api.call("files.info", file=file), channel)
        except (Refused, Unfit):
            return None


@contextmanager
def on_its_way(progress: Progress, clock: Clock) -> Iterator[None]:
    """Note that what is sent in here is on its way; and that it is not, after all, when it was
    clearly refused, or never sent.
    """
    progress.set("posting", clock.now().isoformat())
    try:
        yield
    except DeliveryError as error:
        if not (isinstance(error, Unanswered) and error.sent):
            progress.set("posting", "")
        raise


def shown_in(info: Mapping[str, Any], channel: str) -> str | None:
    """The ts of the first message in *channel* that has the file of which Slack tells *info*."""
    for kind in _table(info["file"].get("shares")).values():
        places = _table(kind).get(channel)
        ts = _table(places[0]).get("ts") if places and isinstance(places, list) else None
        if isinstance(ts, str):
            return ts
    return None


def _messages(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [message for message in answer["messages"] if isinstance(_table(message).get("ts"), str)]


def _table(found: Any) -> dict[str, Any]:
    """*found* if it is an object, else an empty one."""
    return found if isinstance(found, dict) else {}

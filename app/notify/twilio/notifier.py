"""Delivers text messages by Twilio, with the picture or clip that Twilio fetches from S3.

A picture or clip that Twilio does not accept becomes a link in the text. Stages: `posting` and
`posted` are as in `app.notify.once`; `sid` is Twilio's id of the text; `media` is "none" for a text
without its picture or clip. After a crash or a lost answer Twilio is asked for the newest texts to
the number. A text that is known to belong to another message does not count: two messages may have
the same words. Twilio fetches pictures and clips only after it has accepted a text. So it is asked
after a while whether the text was delivered; a text that failed because of them is sent again
without them.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import Digest, Message, MessageRefused, Notifier, PostedPlace, Progress
from app.notify.once import posting, unconfirmed_since
from app.notify.settings import TwilioSettings
from app.protocol import Stage
from app.times import format_time

if TYPE_CHECKING:
    from app.notify.twilio.api import TextMessage, TwilioApi

#: Twilio accepts messages of less than 5 MB, including the words.
MAX_MEDIA_BYTES = 4_900_000
#: The longest text that Twilio accepts.
MAX_BODY_CHARS = 1600
MAX_WORDS_CHARS = 300
#: The seconds by which the time of a text may seem too early: clocks are set, and Twilio counts
#: whole seconds.
_TOLERANCE = timedelta(seconds=10)
#: The number of its own texts that a notifier remembers: more than a search for a lost text reads.
_REMEMBERED = 200
#: The time for which a text is watched after it was sent, and the time between two questions to
#: Twilio.
WATCH_S = 10.0
ASK_EVERY_S = 1.0
_UNDECIDED = ("accepted", "scheduled", "queued", "sending")
_LOST = ("failed", "undelivered")

_log = logging.getLogger(__name__)


class TwilioNotifier(Notifier):
    """Sends texts to *number*."""

    makes_digests = True
    links_only = True

    def __init__(self, settings: TwilioSettings, number: str, clock: Clock) -> None:
        self.name = f"twilio-{hashlib.sha256(number.encode()).hexdigest()[:8]}"
        self._settings = settings
        self._number = number
        self._clock = clock
        self._last_alert: tuple[str, datetime] | None = None
        self._own_sids: deque[str] = deque(maxlen=_REMEMBERED)

    def __str__(self) -> str:
        return f"the phone {self._number[:3]}…{self._number[-3:]}"

    def skip_reason(self, message: Message) -> str | None:
        if message.topic != "alert":
            return None
        if self._last_alert is None or self._last_alert[0] == message.key:
            self._last_alert = message.key, message.at
        apart_s = abs((message.at - self._last_alert[1]).total_seconds())
        if 0 < apart_s < self._settings.min_alert_seconds:
            return f"motion was texted {apart_s:.0f} s before"
        self._last_alert = message.key, message.at
        return None

    def deliver(self, message: Message, progress: Progress) -> None:
        media, link = self._media_and_link(message)
        if progress.get(Stage.MEDIA) == "none":
            media, link = None, link or media
        self._send_once(_words(message), link or message.remark, media, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        first, last = digest.messages[0], digest.messages[-1]
        span = f"{format_time(first.at, last.at)} to {format_time(last.at, last.at)}"
        words = (
            f"{len(digest.messages)} messages from {span} could not be texted. The last one: "
            f"{_cut(last.text)}"
        )
        self._send_once(words, None, None, progress)

    def find_posted(
        self,
        messages: Sequence[Message],
        begun: datetime | None,  # noqa: ARG002 (Twilio lists a text at once)
    ) -> Mapping[str, PostedPlace] | None:
        with closing(_api(self._settings, self._number)) as api:
            texts, time_there = api.newest()
        now = self._clock.now()
        ahead = (time_there or now) - now
        found = {}
        for message in messages:
            since = message.at + ahead - _TOLERANCE
            sid = self._sid_of(_words(message), since, texts)
            if sid:
                self._own_sids.append(sid)
                found[message.key] = PostedPlace(sid)
        return found

    def _media_and_link(self, message: Message) -> tuple[str | None, str | None]:
        """Return the URL for Twilio to fetch, and the link for the text."""
        clip, picture = message.clip_link, message.picture_link
        if not self._settings.mms:
            return None, clip or picture
        if clip and _size(message.clip) <= MAX_MEDIA_BYTES:
            return clip, None
        return picture, clip

    def _send_once(
        self, words: str, more: str | None, media: str | None, progress: Progress
    ) -> None:
        """Send *words*, *more* on its own line, and *media*, unless they were sent before."""
        if progress.get(Stage.POSTED):
            return
        with closing(_api(self._settings, self._number)) as api:
            sid = progress.get(Stage.SID) or self._find(api, words, progress)
            if not sid:
                fits = more and len(words) + len(more) < MAX_BODY_CHARS
                body = f"{words}\n{more}" if fits else words
                sid = self._send(api, body, media, progress)
            self._own_sids.append(sid)
            progress.set(Stage.SID, sid)
            self._watch(api, sid, media, progress)
        progress.set(Stage.POSTED, sid)

    def _send(self, api: "TwilioApi", body: str, media: str | None, progress: Progress) -> str:
        """Send a text; returns its sid."""
        try:
            with posting(progress, self._clock):
                return api.send(body, media).sid
        except MessageRefused as error:
            self._retry_without_media(media, progress, error)
            raise

    def _find(self, api: "TwilioApi", words: str, progress: Progress) -> str | None:
        """Return the sid of a text with *words* that an earlier try sent, None if it sent none."""
        begun = unconfirmed_since(progress)
        if not begun:
            return None
        texts, time_there = api.newest()
        now = self._clock.now()
        since = (time_there or now) - (now - begun) - _TOLERANCE
        return self._sid_of(words, since, texts)

    def _sid_of(self, words: str, since: datetime, texts: Sequence["TextMessage"]) -> str | None:
        """Return the sid of the text in *texts* with *words*, not older than *since*, or None.

        A text that is known to belong to another message does not count.
        """
        for text in texts:
            is_recent = text.created_at and text.created_at >= since
            if is_recent and text.sid not in self._own_sids and words in text.body:
                return text.sid
        return None

    def _watch(self, api: "TwilioApi", sid: str, media: str | None, progress: Progress) -> None:
        """Log the loss of the text *sid*; if it had *media*, it is sent again without them."""
        text = self._outcome(api, sid)
        if text is None or text.status not in _LOST:
            return
        what = (
            f"the text to {self} was lost: Twilio's error {text.error} "
            f"(twilio.com/docs/api/errors/{text.error})"
        )
        self._retry_without_media(media, progress, DeliveryError(what, 0.0))
        _log.error("%s", what)

    def _outcome(self, api: "TwilioApi", sid: str) -> "TextMessage | None":
        """Return the text *sid* once Twilio has sent or lost it, or after `WATCH_S` as it is."""
        until_s = self._clock.monotonic() + WATCH_S
        try:
            text = api.fetch(sid)
            while text.status in _UNDECIDED and self._clock.monotonic() < until_s:
                self._clock.sleep(ASK_EVERY_S)
                text = api.fetch(sid)
        except DeliveryError as error:
            _log.info("it is not known whether a text arrived: %s", error)
            return None
        return text

    def _retry_without_media(
        self, media: str | None, progress: Progress, error: DeliveryError
    ) -> None:
        """Raise a `DeliveryError` to begin again without *media*, if there is any."""
        if media:
            progress.set(Stage.MEDIA, "none")
            progress.set(Stage.SID, "")
            progress.set(Stage.POSTING, "")
            _log.warning("a text is sent without its picture or clip: %s", error)
            raise DeliveryError(str(error), 0.0) from None


def _words(message: Message) -> str:
    """Return the words of *message*, with its time unless a clip may come minutes later."""
    words = _cut(message.text)
    if message.topic in ("clip", "left_open"):
        return words
    return f"{words} ({message.at.astimezone():%H:%M:%S})"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS_CHARS else f"{text[: MAX_WORDS_CHARS - 1]}…"


def _size(path: Path | None) -> float:
    """Return the size of a file in bytes, infinite when it is not on this machine."""
    try:
        return path.stat().st_size if path else float("inf")
    except FileNotFoundError:
        return float("inf")


def _api(settings: TwilioSettings, number: str) -> "TwilioApi":
    """Return Twilio's API for texts to *number*; `DeliveryRefused` without its SDK."""
    try:
        from app.notify.twilio.api import TwilioApi
    except ModuleNotFoundError as error:
        raise DeliveryRefused(
            f"{error.name} is not installed: scripts/setup.sh --with twilio"
        ) from error
    return TwilioApi(settings, number)

"""Text messages by Twilio: the words, and the picture or the film as what Twilio fetches from S3,
or as a link.

The stages that are noted: the text is on its way (`posting`), Twilio has it (`sid`), it is done
with (`posted`). After a crash or a lost answer Twilio is asked for the newest texts to the number,
of which none is taken that another message is known to have become: two messages may have the same
words. Twilio fetches pictures and films only after it has taken a text, so it is asked a while
later what has become of it; what failed for them is texted again without.
"""

import hashlib
import logging
from collections import deque
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.clock import Clock
from app.errors import DeliveryError
from app.notify.base import Digest, Message, Notifier, Progress, TwilioSettings

if TYPE_CHECKING:
    from app.notify.twilio.api import Text, TwilioApi

#: Twilio takes messages of less than 5 MB, words and all.
MEDIA_BYTES = 4_900_000
#: Longer texts Twilio does not take.
BODY_CHARS = 1600
WORDS_CHARS = 300
#: How old a text may seem to be that was sent since a given moment: clocks are set, and Twilio
#: counts whole seconds.
_SLACK = timedelta(seconds=10)
#: How many texts of its own it knows: more than are looked through for a lost one.
_KNOWN = 200
#: How long it is watched what becomes of a text, and how often it is looked.
WATCH_S = 10.0
LOOK_S = 1.0
_UNDECIDED = ("accepted", "scheduled", "queued", "sending")
_LOST = ("failed", "undelivered")

_log = logging.getLogger(__name__)


class TwilioNotifier(Notifier):
    """Texts to *number*."""

    makes_digests = True
    links_only = True

    def __init__(self, settings: TwilioSettings, number: str, clock: Clock) -> None:
        self.name = f"twilio-{hashlib.sha256(number.encode()).hexdigest()[:8]}"
        self._settings = settings
        self._number = number
        self._clock = clock
        self._last_alert: tuple[str, datetime] | None = None
        self._known: deque[str] = deque(maxlen=_KNOWN)

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
        media, link = self._shown(message)
        if progress.get("media") == "none":
            media, link = None, link or media
        says_when = message.topic in ("clip", "left_open")
        words = (
            _cut(message.text)
            if says_when
            else f"{_cut(message.text)} ({message.at.astimezone():%H:%M:%S})"
        )
        self._text_once(words, link or message.remark, media, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        first, last = digest.messages[0], digest.messages[-1]
        span = f"{first.at.astimezone():%H:%M} to {last.at.astimezone():%H:%M}"
        words = (
            f"{len(digest.messages)} messages from {span} could not be texted. The last one: "
            f"{_cut(last.text)}"
        )
        self._text_once(words, None, None, progress)

    def _shown(self, message: Message) -> tuple[str | None, str | None]:
        """The address of what Twilio is to fetch, and the link that stands in the text."""
        film, picture = message.clip_link, message.picture_link
        if not self._settings.mms:
            return None, film or picture
        if film and _bytes(message.clip) <= MEDIA_BYTES:
            return film, None
        return picture, film

    def _text_once(
        self, words: str, more: str | None, media: str | None, progress: Progress
    ) -> None:
        if progress.get("posted"):
            return
        from app.notify.twilio.api import TwilioApi, Unfit

        with closing(TwilioApi(self._settings, self._number)) as api:
            sid = progress.get("sid") or self._found(api, words, progress)
            if not sid:
                body = f"{words}\n{more}" if more and len(words) + len(more) < BODY_CHARS else words
                try:
                    sid = self._send(api, body, media, progress)
                except Unfit as error:
                    self._without_media(media, progress, error)
                    raise
            self._known.append(sid)
            progress.set("sid", sid)
            self._watch(api, sid, media, progress)
        progress.set("posted", sid)

    def _send(self, api: "TwilioApi", body: str, media: str | None, progress: Progress) -> str:
        """Send, noting before that it is on its way, and after a clear refusal that it is not;
        returns the text's id.
        """
        from app.notify.twilio.api import Unanswered

        progress.set("posting", self._clock.now().isoformat())
        try:
            return api.send(body, media).sid
        except DeliveryError as error:
            if not (isinstance(error, Unanswered) and error.sent):
                progress.set("posting", "")
            raise

    def _found(self, api: "TwilioApi", words: str, progress: Progress) -> str | None:
        """The id of the text with *words*, if one was sent since it was on its way."""
        begun = progress.get("posting")
        if not begun:
            return None
        texts, there = api.newest()
        now = self._clock.now()
        since = (there or now) - (now - datetime.fromisoformat(begun)) - _SLACK
        texts = [
            text
            for text in texts
            if text.created_at and text.created_at >= since and text.sid not in self._known
        ]
        return next((text.sid for text in texts if words in text.body), None)

    def _watch(self, api: "TwilioApi", sid: str, media: str | None, progress: Progress) -> None:
        """See what becomes of the text *sid*; if its *media* may be to blame for its loss, have it
        sent without.
        """
        text = self._outcome(api, sid)
        if text is None or text.status not in _LOST:
            return
        what = (
            f"the text to {self} was lost: Twilio's error {text.error} "
            f"(twilio.com/docs/api/errors/{text.error})"
        )
        self._without_media(media, progress, DeliveryError(what, 0.0))
        _log.error("%s", what)

    def _outcome(self, api: "TwilioApi", sid: str) -> "Text | None":
        until_s = self._clock.monotonic() + WATCH_S
        try:
            while (
                text := api.look(sid)
            ).status in _UNDECIDED and self._clock.monotonic() < until_s:
                self._clock.sleep(LOOK_S)
        except DeliveryError as error:
            _log.info("it is not known what became of a text: %s", error)
            return None
        return text

    def _without_media(self, media: str | None, progress: Progress, error: DeliveryError) -> None:
        """If there was *media* to blame, begin anew without it, by raising *error*."""
        if media:
            progress.set("media", "none")
            progress.set("sid", "")
            progress.set("posting", "")
            _log.warning("a text goes without its picture or film: %s", error)
            raise DeliveryError(str(error), 0.0) from None


def _cut(text: str) -> str:
    return text if len(text) <= WORDS_CHARS else f"{text[: WORDS_CHARS - 1]}…"


def _bytes(path: Path | None) -> float:
    """The size of the file at *path*, which is taken for too large when it is not here."""
    try:
        return path.stat().st_size if path else float("inf")
    except FileNotFoundError:
        return float("inf")

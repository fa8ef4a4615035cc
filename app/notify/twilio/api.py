"""Twilio's API as far as texts need it, with its failures told apart. Importing this imports the
SDK.
"""

import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator, TypeAdapter, ValidationError
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import TwilioSettings, retry_after_s

#: How long one read from Twilio may take.
TIMEOUT_S = 10.0
REFUSED_RETRY_S = 300.0
_NEWEST = 50

_ACCOUNT = (
    "check twilio.account_sid and twilio.auth_token against the first page of Twilio's console"
)
_FROM = "set twilio.from to a number of yours at Twilio that can send texts"
_TO = "correct the number in twilio.to"
_TRIAL = (
    "a trial account texts only numbers that are verified in Twilio's console: verify it, or "
    "upgrade"
)
#: What Twilio's numbers for errors mean, and what then helps.
CURES = {
    20003: f"the account is not known: {_ACCOUNT}",
    20005: "the account is not active: look at Twilio's console",
    20404: f"the account is not known: {_ACCOUNT}",
    21211: f"that is no number: {_TO}",
    21214: f"that number cannot be reached: {_TO}",
    21217: f"that number is not well formed: {_TO}",
    21265: f"that is a short code: {_TO}",
    21266: "it would text itself: twilio.to and twilio.from must differ",
    21408: "texts to that country are not allowed: allow it under Messaging, Settings, Geo permissions",
    21610: "that person has answered STOP: they have to text START to the number in twilio.from",
    21612: f"that number cannot be reached from twilio.from: {_FROM}",
    21614: f"that is no mobile number: {_TO}",
    21635: f"that is a landline: {_TO}",
    21608: _TRIAL,
    21219: _TRIAL,
    21212: f"that is no sender: {_FROM}",
    21603: _FROM,
    21606: _FROM,
    21659: _FROM,
    21660: _FROM,
    21701: "there is no such Messaging Service: correct twilio.from",
    21703: "the Messaging Service has no numbers: add one in Twilio's console",
}
#: What may hold for a text with a picture, and not without.
_MAYBE_MEDIA = {21612}
_LINK = re.compile(r"https?://\S+")


class Unanswered(DeliveryError):
    """No answer came. *sent* says that what was asked may have been done all the same."""

    def __init__(self, what: str, *, sent: bool) -> None:
        super().__init__(what)
        self.sent = sent


class Unfit(DeliveryError):
    """Twilio does not take this text, which may be due to its picture or film."""


class Text(NamedTuple):
    """A text at Twilio."""

    sid: str
    body: str
    created_at: datetime | None
    status: str
    error: int | None


def _date(said: str) -> str:
    parsedate_to_datetime(said)
    return said


@dataclass(frozen=True, slots=True)
class _OneAnswered:
    """What Twilio must say of a text for the SDK to understand it."""

    sid: str
    status: str
    body: str | None = None
    date_created: Annotated[str, AfterValidator(_date)] | None = None
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class _ManyAnswered:
    messages: list[_OneAnswered]
    next_page_uri: str | None = None


_ONE, _MANY = TypeAdapter(_OneAnswered), TypeAdapter(_ManyAnswered)


class TwilioApi:
    """Texts to *number*. Every failure is a `DeliveryError`. Not for several threads at once."""

    def __init__(self, settings: TwilioSettings, number: str) -> None:
        token = settings.auth_token.get_secret_value() if settings.auth_token else ""
        self._line = _Line(number)
        self._client = Client(settings.account_sid, token, http_client=self._line)
        self._client.api.base_url = settings.api_url
        self._number = number
        sender = settings.from_ or ""
        self._sender = (
            {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        )

    def close(self) -> None:
        """Let go of the connection."""
        if self._line.session:
            self._line.session.close()

    def send(self, body: str, media: str | None) -> Text:
        """Text *body*, with what is at the address *media*."""
        more = {"media_url": [media]} if media else {}
        return _text(
            self._client.messages.create(to=self._number, body=body, **self._sender, **more)
        )

    def look(self, sid: str) -> Text:
        """What has become of the text *sid*."""
        return _text(self._client.messages(sid).fetch())

    def newest(self) -> tuple[list[Text], datetime | None]:
        """The newest texts to the number, and what time it is at Twilio, if it says."""
        try:
            found = [
                _text(one) for one in self._client.messages.list(to=self._number, limit=_NEWEST)
            ]
        except TwilioException:
            raise _not_twilio() from None
        return found, self._line.at


class _Line(TwilioHttpClient):  # type: ignore[misc]  # the SDK is untyped
    """The line to Twilio. *at* is what time it was there at the last answer, None if it did not
    say.
    """

    def __init__(self, number: str) -> None:
        super().__init__(timeout=TIMEOUT_S, logger=_silent())
        self.at: datetime | None = None
        self._number = number

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        try:
            response: Response = super().request(method, url, *args, **kwargs)
        except requests.RequestException as error:
            raise _unanswered(error) from None
        lists = method == "GET" and urlsplit(url).path.endswith("/Messages.json")
        if response.status_code not in ((200,) if lists else (200, 201)):
            raise self._told_apart(response)
        try:
            (_MANY if lists else _ONE).validate_json(response.text)
        except ValidationError:
            raise _not_twilio() from None
        self.at = _moment(response.headers.get("Date", ""))
        return response

    def _told_apart(self, response: Response) -> DeliveryError:
        status = response.status_code
        if status == 429:
            return DeliveryError(
                "Twilio wants texts to wait", retry_after_s(response.headers.get("Retry-After"))
            )
        if status >= 500 or status < 400:
            return Unanswered(f"Twilio is in trouble: it answered with HTTP {status}", sent=True)
        code, said = _reason(response.text)
        whom = masked(self._number)
        if code not in _MAYBE_MEDIA and (code in CURES or status in (401, 403, 404)):
            return DeliveryRefused(
                f"Twilio refuses texts to {whom} ({code or status}): {CURES.get(code, _ACCOUNT)}",
                REFUSED_RETRY_S,
                code=str(code or status),
            )
        return Unfit(
            f"Twilio does not take a text to {whom} ({code or status}): "
            f"{CURES.get(code) or self._discreet(said)}",
            code=str(code or status),
        )

    def _discreet(self, said: str) -> str:
        """What Twilio *said*, without the number, and without links, which show what is in S3 to
        anybody.
        """
        return _LINK.sub("…", said.replace(self._number, masked(self._number)))


def masked(number: str) -> str:
    """*number* as logs may have it."""
    return f"{number[:3]}…{number[-3:]}"


def _text(found: Any) -> Text:
    return Text(
        found.sid,
        found.body or "",
        found.date_created,
        str(found.status),
        found.error_code and int(found.error_code),
    )


def _not_twilio() -> Unanswered:
    return Unanswered(
        "what answers is not Twilio, but perhaps a page to log in to the network", sent=True
    )


def _unanswered(error: requests.RequestException) -> Unanswered:
    """What *error* means; its own words have the address, and in it the account."""
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    never_sent = isinstance(error, requests.ConnectTimeout) or type(reason).__name__ in (
        "NewConnectionError",
        "NameResolutionError",
    )
    return Unanswered(f"Twilio does not answer: {type(reason).__name__}", sent=not never_sent)


def _reason(answer: str) -> tuple[int, str]:
    """Twilio's number and words for what is wrong; 0 when it gives none."""
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    said = found if isinstance(found, dict) else {}
    code = re.fullmatch("[0-9]{5}", str(said.get("code")))
    return int(code[0]) if code else 0, str(
        said.get("message") or said.get("title") or "it does not say why"
    )[:200]


def _moment(date: str) -> datetime | None:
    """The moment that a header *date* tells; None when it tells none that can be."""
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) if at.year >= 2000 else None


def _silent() -> logging.Logger:
    """A log for the SDK that says nothing: it would tell numbers and texts."""
    log = logging.getLogger(f"{__name__}.twilio")
    log.setLevel(logging.CRITICAL)
    return log

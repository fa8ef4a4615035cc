"""Twilio's API for texts. The class of an error says whether to wait, act, or change one text.

Importing this module imports the SDK.
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
from app.network.deadline import CALL_S, Deadline
from app.notify.base import MessageRefused, NoAnswer, retry_after_s
from app.notify.settings import TwilioSettings

#: The longest wait for one read from Twilio.
TIMEOUT_S = 10.0
REFUSED_RETRY_S = 300.0
_NEWEST = 50
_LONGEST_REASON = 200
#: A date before this year is a mistake of the answering server.
_EARLIEST_YEAR = 2000

_ACCOUNT = (
    "check twilio.account_sid and twilio.auth_token against the first page of Twilio's console"
)
_FROM = "set twilio.from to a number of yours at Twilio that can send texts"
_TO = "correct the number in twilio.to"
_TRIAL = (
    "a trial account texts only numbers that are verified in Twilio's console: verify it, or "
    "upgrade"
)
#: The causes and cures of Twilio's errors that only the owner can end.
CURES = {
    20003: f"the account is not known: {_ACCOUNT}",
    20005: "the account is not active: look at Twilio's console",
    20404: f"the account is not known: {_ACCOUNT}",
    21211: f"that is no number: {_TO}",
    21214: f"that number cannot be reached: {_TO}",
    21217: f"that number is not well formed: {_TO}",
    21265: f"that is a short code: {_TO}",
    21266: "it would text itself: twilio.to and twilio.from must differ",
    21408: (
        "texts to that country are not allowed: allow it under Messaging, Settings, Geo permissions"
    ),
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
#: Errors that a text may have only because of its picture.
_MAYBE_MEDIA = {21612}
_LINK = re.compile(r"https?://\S+")


class TextMessage(NamedTuple):
    """A text message as Twilio has it; *error* is Twilio's number for its failure."""

    sid: str
    body: str
    created_at: datetime | None
    status: str
    error: int | None


def _date(value: str) -> str:
    parsedate_to_datetime(value)
    return value


@dataclass(frozen=True, slots=True)
class _MessageAnswer:
    """The fields of a text message that the SDK needs in an answer."""

    sid: str
    status: str
    body: str | None = None
    date_created: Annotated[str, AfterValidator(_date)] | None = None
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class _ListAnswer:
    messages: list[_MessageAnswer]
    next_page_uri: str | None = None


_MESSAGE, _LIST = TypeAdapter(_MessageAnswer), TypeAdapter(_ListAnswer)


class TwilioApi:
    """Sends text messages to *number*, one call at a time. Every failure is a `DeliveryError`."""

    def __init__(self, settings: TwilioSettings, number: str) -> None:
        token = settings.auth_token.get_secret_value() if settings.auth_token else ""
        self._http = _HttpClient(number)
        self._client = Client(settings.account_sid, token, http_client=self._http)
        self._client.api.base_url = settings.api_url
        self._number = number
        sender = settings.from_ or ""
        key = "messaging_service_sid" if sender.startswith("MG") else "from_"
        self._sender = {key: sender}

    def close(self) -> None:
        """Close the connection."""
        if self._http.session:
            self._http.session.close()

    def send(self, body: str, media: str | None) -> TextMessage:
        """Send *body*, and the picture or clip that Twilio fetches from the URL *media*."""
        more = {"media_url": [media]} if media else {}
        created = self._client.messages.create(to=self._number, body=body, **self._sender, **more)
        return _text_message(created)

    def fetch(self, sid: str) -> TextMessage:
        """Return the text message *sid* as it is now."""
        return _text_message(self._client.messages(sid).fetch())

    def newest(self) -> tuple[list[TextMessage], datetime | None]:
        """Return the newest texts to the number, and the time at Twilio, None if not given."""
        try:
            found = self._client.messages.list(to=self._number, limit=_NEWEST)
            return [_text_message(text) for text in found], self._http.time
        except TwilioException:
            raise _not_twilio() from None


class _HttpClient(TwilioHttpClient):  # type: ignore[misc]  # the SDK is untyped
    """Sends the SDK's requests, and raises a `DeliveryError` for every failure.

    *time* is the time at Twilio of the last answer, None if it gave none.
    """

    def __init__(self, number: str) -> None:
        super().__init__(timeout=TIMEOUT_S, logger=_silent_log())
        self.time: datetime | None = None
        self._number = number

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        try:
            with Deadline(CALL_S):
                response: Response = super().request(method, url, *args, **kwargs)
        except requests.RequestException as error:
            raise _no_answer(error) from None
        except TimeoutError as error:
            raise NoAnswer(f"Twilio does not answer: {error}", sent=True) from None
        is_list = method == "GET" and urlsplit(url).path.endswith("/Messages.json")
        if response.status_code not in ((200,) if is_list else (200, 201)):
            raise self._error_of(response)
        try:
            (_LIST if is_list else _MESSAGE).validate_json(response.text)
        except ValidationError:
            raise _not_twilio() from None
        self.time = _parsed_date(response.headers.get("Date", ""))
        return response

    def _error_of(self, response: Response) -> DeliveryError:
        """Return the error for an answer that is no success."""
        status = response.status_code
        if status == 429:
            pause_s = retry_after_s(response.headers.get("Retry-After"))
            return DeliveryError("Twilio limits texts: too many requests", pause_s)
        if status >= 500 or status < 400:
            return NoAnswer(f"Twilio has a failure: it answered with HTTP {status}", sent=True)
        number, reason = _reason(response.text)
        receiver, code = masked(self._number), str(number or status)
        if number not in _MAYBE_MEDIA and (number in CURES or status in (401, 403, 404)):
            cure = CURES.get(number, _ACCOUNT)
            return DeliveryRefused(
                f"Twilio refuses texts to {receiver} ({code}): {cure}", REFUSED_RETRY_S, code=code
            )
        reason = CURES.get(number) or self._without_secrets(reason)
        return MessageRefused(
            f"Twilio does not accept a text to {receiver} ({code}): {reason}", code
        )

    def _without_secrets(self, reason: str) -> str:
        """Return *reason* without the number, and without links, which open files in S3."""
        return _LINK.sub("…", reason.replace(self._number, masked(self._number)))


def masked(number: str) -> str:
    """Return *number* as logs may show it."""
    return f"{number[:3]}…{number[-3:]}"


def _text_message(found: Any) -> TextMessage:
    return TextMessage(
        found.sid,
        found.body or "",
        found.date_created,
        str(found.status),
        found.error_code and int(found.error_code),
    )


def _not_twilio() -> NoAnswer:
    return NoAnswer(
        "the answer is not from Twilio, but perhaps from a network's log-in page", sent=True
    )


def _no_answer(error: requests.RequestException) -> NoAnswer:
    """Return *error* without its own text, whose address contains the account."""
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    kind = type(reason).__name__
    never_sent = isinstance(error, requests.ConnectTimeout) or kind in (
        "NewConnectionError",
        "NameResolutionError",
    )
    return NoAnswer(f"Twilio does not answer: {kind}", sent=not never_sent)


def _reason(answer: str) -> tuple[int, str]:
    """Return Twilio's number, 0 if none is given, and text for an error."""
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    fields = found if isinstance(found, dict) else {}
    number = re.fullmatch("[0-9]{5}", str(fields.get("code")))
    text = str(fields.get("message") or fields.get("title") or "no reason is given")
    return int(number[0]) if number else 0, text[:_LONGEST_REASON]


def _parsed_date(header: str) -> datetime | None:
    """Return the time in a header `Date`, in UTC if it has no zone; None if it is not a time."""
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) if at.year >= _EARLIEST_YEAR else None


def _silent_log() -> logging.Logger:
    """Return a logger for the SDK that writes nothing: it would log numbers and texts."""
    log = logging.getLogger(f"{__name__}.twilio")
    log.setLevel(logging.CRITICAL)
    return log

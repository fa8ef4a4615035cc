"""Slack's Web API. The class of an error says whether to wait, to act, or to change one message.

Nothing is retried here: Slack may have accepted a message although its answer was lost, and a
second call would post it twice.
"""

import logging
import re
import threading
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused
from app.network import tls
from app.network.deadline import CALL_S, Deadline, upload_s
from app.notify.base import MessageRefused, NoAnswer, retry_after_s
from app.notify.slack.response_url import opener

#: The longest wait for one read from Slack.
TIMEOUT_S = 10.0
REFUSED_RETRY_S = 60.0
_SOCKET_RETRY_S = 60.0
_SOCKET_CURE = (
    "copy the app-level token (xapp-…, with connections:write) from Basic Information into "
    "slack.app_token, and switch Socket Mode on"
)

#: Slack's errors that only the owner can end, and their cures.
CURES = {
    "channel_not_found": (
        "no such channel, or the app is not in it: check slack.alerts_channel (as C0123ABCDEF), or "
        "/invite the app"
    ),
    "not_in_channel": "the app is not in the channel: type /invite and the app's name there",
    "is_archived": "the channel is archived: unarchive it, or set slack.alerts_channel to another",
    "invalid_auth": (
        "the token is wrong: copy the Bot User OAuth Token (xoxb-…) into slack.bot_token"
    ),
    "not_authed": "there is no token: copy the Bot User OAuth Token (xoxb-…) into slack.bot_token",
    "not_allowed_token_type": (
        "the token is of another kind: slack.bot_token is the Bot User OAuth Token (xoxb-…)"
    ),
    "account_inactive": (
        "the app was removed from the workspace: install it again, and copy the new token into "
        "slack.bot_token"
    ),
    "token_revoked": (
        "the token was revoked: install the app again, and copy the new token into slack.bot_token"
    ),
    "token_expired": (
        "the token has expired: switch token rotation off, install the app again, and copy the new "
        "token into slack.bot_token"
    ),
    "missing_scope": (
        "the app lacks a scope: add it under OAuth & Permissions, and install the app again"
    ),
    "no_permission": (
        "the app may not do that: add the missing scope under OAuth & Permissions, and install the "
        "app again"
    ),
    "restricted_action": (
        "the workspace does not let the app post there: ask its admin, or set slack.alerts_channel "
        "to another channel"
    ),
    "restricted_action_read_only_channel": (
        "only admins may post there: set slack.alerts_channel to another channel"
    ),
    "ekm_access_denied": "the workspace's admin has suspended posting: ask the admin",
    "access_denied": "the app may not do that: ask the workspace's admin",
    "org_login_required": "the workspace is being moved to another plan: wait, or ask its admin",
    "team_access_not_granted": "the app is not installed in this workspace: install it",
}
#: The fields, with their types, that an answer must have to be used.
_REQUIRED_FIELDS: dict[str, dict[str, type]] = {
    "apps.connections.open": {"url": str},
    "files.getUploadURLExternal": {"upload_url": str, "file_id": str},
    "files.info": {"file": dict},
    "chat.postMessage": {"ts": str},
    "conversations.history": {"messages": list},
    "conversations.replies": {"messages": list},
}
#: Slack's errors about its own failures, which are temporary.
_PASSING = {
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "ratelimited",
    "team_added_to_org",
}
#: The error of slack_sdk, not of Slack, for an answer that is not JSON.
_NOT_JSON = "Received a response in a non-JSON format"
_DETAILS = 3


class SlackApi:
    """Calls Slack's Web API at *api_url* with *token*. Several threads may use it at once.

    Every failure is a `DeliveryError`.
    """

    def __init__(self, api_url: str, token: str, clock: Clock) -> None:
        from slack_sdk import WebClient

        self._client = WebClient(
            token=token,
            base_url=api_url,
            timeout=int(TIMEOUT_S),
            retry_handlers=[],
            logger=sdk_log(),
        )
        self._is_plain = api_url.startswith("http:")
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before_s: dict[str, float] = {}

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call *method*, by Slack's name for it, and return the answer.

        After Slack has limited the rate of a method, calls of it fail here until the limit is over.
        """
        from slack_sdk.errors import SlackApiError, SlackClientError

        self._check_rate_limit(method)
        function = getattr(self._client, method.replace(".", "_"))
        if not self._is_plain:
            self._client.ssl = tls.trusted()
        try:
            with Deadline(CALL_S):
                answer = function(**arguments).data
        except SlackApiError as error:
            raise self._error_of(method, error.response) from error
        except (OSError, HTTPException, SlackClientError) as error:
            raise _no_answer(method, error) from error
        except (AttributeError, ValueError) as error:
            # slack_sdk raises these for an answer that is not text, or not a JSON object.
            raise _not_slack(method) from error
        required = _REQUIRED_FIELDS.get(method, {})
        if not isinstance(answer, dict) or not all(
            isinstance(answer.get(name), kind) for name, kind in required.items()
        ):
            raise _not_slack(method)
        return answer

    def upload(self, name: str, content: bytes | Path) -> str:
        """Upload *content*, bytes or the path of a file, as *name*; returns the id of the file.

        Nobody sees the file until it is shared.
        """
        length = content.stat().st_size if isinstance(content, Path) else len(content)
        place = self.call("files.getUploadURLExternal", filename=name, length=length)
        if isinstance(content, bytes):
            self._send(place["upload_url"], content, length)
        else:
            with content.open("rb") as file:
                self._send(place["upload_url"], file, length)
        return str(place["file_id"])

    def _send(self, url: str, content: bytes | IO[bytes], length: int) -> None:
        """Send *content* to the address that Slack gave for it; a file is sent in blocks."""
        if not re.match("https?://[A-Za-z0-9]" if self._is_plain else "https://[A-Za-z0-9]", url):
            raise refusal("an upload", f"its address is {url[:20]}")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        request = urllib.request.Request(url, content, headers, method="POST")  # noqa: S310
        try:
            with (
                Deadline(upload_s(length)),
                opener(url).open(request, timeout=TIMEOUT_S) as answer,
            ):
                answer.read()
        except HTTPError as error:
            if error.code == 429:
                raise self._rate_limit("an upload", error.headers.get("Retry-After")) from error
            if error.code < 500:
                raise refusal("an upload", f"HTTP {error.code}") from error
            raise _failure("an upload", f"HTTP {error.code}") from error
        except (OSError, HTTPException) as error:
            raise _no_answer("an upload", error) from error

    def _check_rate_limit(self, method: str) -> None:
        with self._lock:
            left_s = self._not_before_s.get(method, 0.0) - self._clock.monotonic()
        if left_s > 0:
            raise _rate_limited(method, left_s)

    def _rate_limit(self, method: str, header: str | None) -> DeliveryError:
        pause_s = retry_after_s(header)
        with self._lock:
            self._not_before_s[method] = self._clock.monotonic() + pause_s
        return _rate_limited(method, pause_s)

    def _error_of(self, method: str, response: Any) -> DeliveryError:
        """Return the error for an answer of Slack's that is no success."""
        status = int(response.status_code)
        answer = response.data if isinstance(response.data, dict) else {}
        error = answer.get("error")
        if status == 429:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return self._rate_limit(method, headers.get("retry-after"))
        if status >= 500:
            return _failure(method, f"HTTP {status}")
        if not isinstance(error, str) or error.startswith(_NOT_JSON):
            return _not_slack(method)
        if error in _PASSING:
            return _failure(method, error)
        if error in CURES:
            return _service_refusal(method, error, answer.get("needed"))
        details = answer.get("errors")
        shown = details[:_DETAILS] if isinstance(details, list) else []
        return refusal(method, error, "".join(f", {detail}" for detail in shown))


def refusal(method: str, error: str, detail: str = "") -> MessageRefused:
    """Return the error for one message or file that Slack does not accept; its code is *error*."""
    return MessageRefused(f"Slack refuses {method}: {error}{detail}", error)


def socket_url(api: SlackApi, app_token: str) -> str:
    """Return the address of a new socket; it is secret and can be opened once.

    A `DeliveryError` says what to do about a bad token.
    """
    try:
        return str(api.call("apps.connections.open", app_token=app_token)["url"])
    except (DeliveryRefused, MessageRefused) as error:
        raise DeliveryRefused(
            f"Slack refuses slack.app_token: {error.code}; {_SOCKET_CURE}",
            _SOCKET_RETRY_S,
            code=error.code,
        ) from error


def sdk_log() -> logging.Logger:
    """Return a logger for slack_sdk that writes nothing.

    Our own code logs each failure once, with the cure; slack_sdk would log secrets too.
    """
    log = logging.getLogger(f"{__name__}.slack_sdk")
    log.setLevel(logging.CRITICAL)
    return log


def _service_refusal(method: str, error: str, scope: str | None) -> DeliveryRefused:
    cure = CURES[error] + (f" (it is {scope})" if scope else "")
    return DeliveryRefused(f"Slack refuses {method}: {error}; {cure}", REFUSED_RETRY_S, code=error)


def _rate_limited(method: str, pause_s: float) -> DeliveryError:
    return DeliveryError(f"Slack limits {method}: too many requests", pause_s)


def _failure(method: str, status: str) -> NoAnswer:
    return NoAnswer(f"Slack has a failure: it answered {method} with {status}", sent=True)


def _not_slack(method: str) -> NoAnswer:
    return NoAnswer(
        f"the answer to {method} is not from Slack, but perhaps from a network's log-in page",
        sent=True,
    )


def _no_answer(method: str, error: Exception) -> NoAnswer:
    reason = error.reason if isinstance(error, URLError) else error
    kind = type(reason).__name__
    never_sent = isinstance(reason, ConnectionRefusedError) or kind == "gaierror"
    return NoAnswer(f"Slack does not answer {method}: {reason or kind}", sent=not never_sent)

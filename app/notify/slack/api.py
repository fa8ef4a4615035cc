"""Slack's Web API, with its failures told apart: to be waited out, to be put right by somebody, or
about one message.

Nothing is retried here, since a message that was accepted with its answer lost must not be posted
again by itself.
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
from app.notify.base import retry_after_s

#: How long one read from Slack may take.
TIMEOUT_S = 10.0
REFUSED_RETRY_S = 60.0
_SOCKET_REST_S = 60.0
_SOCKET_CURE = (
    "copy the app-level token (xapp-…, with connections:write) from Basic Information into "
    "slack.app_token, and switch Socket Mode on"
)

#: What Slack says when trying again is no cure, and what is.
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
        "the workspace lets the app not post there: ask its admin, or set slack.alerts_channel to "
        "another channel"
    ),
    "restricted_action_read_only_channel": (
        "nobody but admins may post there: set slack.alerts_channel to another channel"
    ),
    "ekm_access_denied": "the workspace's admin has suspended posting: ask there",
    "access_denied": "the app may not do that: ask the workspace's admin",
    "org_login_required": "the workspace is being moved to another plan: wait, or ask its admin",
    "team_access_not_granted": "the app is not installed in this workspace: install it",
}
#: What the answers that are read must have.
_NEEDED: dict[str, dict[str, type]] = {
    "apps.connections.open": {"url": str},
    "files.getUploadURLExternal": {"upload_url": str, "file_id": str},
    "files.info": {"file": dict},
    "chat.postMessage": {"ts": str},
    "conversations.history": {"messages": list},
    "conversations.replies": {"messages": list},
}
#: What Slack says of its own troubles.
_PASSING = {
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "ratelimited",
    "team_added_to_org",
}


class Unanswered(DeliveryError):
    """No answer came. *sent* says that what was asked may have been done all the same."""

    def __init__(self, what: str, *, sent: bool) -> None:
        super().__init__(what)
        self.sent = sent


class Unfit(DeliveryError):
    """Slack does not take what it was given, which concerns this call only. *error* is Slack's name
    for it.
    """

    def __init__(self, method: str, error: str, detail: str = "") -> None:
        super().__init__(f"Slack refuses {method}: {error}{detail}", code=error)
        self.error = error


class Refused(DeliveryRefused):
    """Slack refuses for good. *error* is its name for it, *cure* what is to be done."""

    def __init__(self, method: str, error: str, needed: str | None = None) -> None:
        cure = CURES[error] + (f" (it is {needed})" if needed else "")
        super().__init__(f"Slack refuses {method}: {error}; {cure}", REFUSED_RETRY_S, code=error)
        self.error = error
        self.cure = cure


class SlackApi:
    """Calls of Slack's Web API at *api_url* with *token*; may be used by several threads. Every
    failure is a `DeliveryError`.
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
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before_s: dict[str, float] = {}

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call *method*, named as Slack names it; returns the answer. A method that Slack has had
        too much of is let rest.
        """
        from slack_sdk.errors import SlackApiError, SlackClientError

        self._heed_limit(method)
        ask = getattr(self._client, method.replace(".", "_"))
        try:
            answer = ask(**arguments).data
        except SlackApiError as error:
            raise self._told_apart(method, error.response) from error
        except (OSError, HTTPException, SlackClientError) as error:
            raise _unanswered(method, error) from error
        except (
            AttributeError,
            ValueError,
        ) as error:  # what is no JSON object, or no text, slack_sdk does not expect
            raise _not_slack(method) from error
        if not isinstance(answer, dict) or not all(
            isinstance(answer.get(name), kind) for name, kind in _NEEDED.get(method, {}).items()
        ):
            raise _not_slack(method)
        return answer

    def upload(self, name: str, content: bytes | Path) -> str:
        """Bring *content*, or what is in that file, to Slack as *name*; returns the id of a file
        that nobody sees yet.
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
        """Send *content* to the address that Slack gave for it; a file goes bit by bit."""
        if not re.match("https?://[A-Za-z0-9]", url):
            raise Unfit("an upload", f"its address is {url[:20]}")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        request = urllib.request.Request(url, content, headers, method="POST")  # noqa: S310 (see above)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (see above)
                answer.read()
        except HTTPError as error:
            if error.code == 429:
                raise self._too_many("an upload", error.headers.get("Retry-After")) from error
            if error.code < 500:
                raise Unfit("an upload", f"HTTP {error.code}") from error
            raise Unanswered(
                f"Slack is in trouble: an upload was answered with HTTP {error.code}", sent=True
            ) from error
        except (OSError, HTTPException) as error:
            raise _unanswered("an upload", error) from error

    def _heed_limit(self, method: str) -> None:
        with self._lock:
            left_s = self._not_before_s.get(method, 0.0) - self._clock.monotonic()
        if left_s > 0:
            raise DeliveryError(f"Slack wants {method} to wait", left_s)

    def _too_many(self, method: str, retry_after: str | None) -> DeliveryError:
        rest_s = retry_after_s(retry_after)
        with self._lock:
            self._not_before_s[method] = self._clock.monotonic() + rest_s
        return DeliveryError(f"Slack wants {method} to wait", rest_s)

    def _told_apart(self, method: str, response: Any) -> DeliveryError:
        status = int(response.status_code)
        said = response.data if isinstance(response.data, dict) else {}
        error = said.get("error")
        if status == 429:
            return self._too_many(
                method,
                {name.lower(): value for name, value in response.headers.items()}.get(
                    "retry-after"
                ),
            )
        if status >= 500:
            return Unanswered(
                f"Slack is in trouble: {method} was answered with HTTP {status}", sent=True
            )
        if not isinstance(error, str) or error.startswith(
            "Received a response in a non-JSON format"
        ):
            return _not_slack(method)
        if error in _PASSING:
            return Unanswered(f"Slack is in trouble: {method} was answered with {error}", sent=True)
        if error in CURES:
            return Refused(method, error, said.get("needed"))
        more = said.get("errors")
        return Unfit(
            method, error, "".join(f", {one}" for one in more[:3]) if isinstance(more, list) else ""
        )


def sdk_log() -> logging.Logger:
    """A log for slack_sdk that says nothing: its failures are ours to tell, once and with the cure,
    and it would tell secrets too.
    """
    log = logging.getLogger(f"{__name__}.slack_sdk")
    log.setLevel(logging.CRITICAL)
    return log


def _not_slack(method: str) -> Unanswered:
    return Unanswered(
        f"what answers {method} is not Slack, but perhaps a page to log in to the network",
        sent=True,
    )


def _unanswered(method: str, error: Exception) -> Unanswered:
    reason = error.reason if isinstance(error, URLError) else error
    never_sent = isinstance(reason, ConnectionRefusedError) or type(reason).__name__ == "gaierror"
    return Unanswered(
        f"Slack does not answer {method}: {reason or type(reason).__name__}", sent=not never_sent
    )


def socket_url(api: SlackApi, app_token: str) -> str:
    """The address of a new socket, which Slack opens once, and which is a secret; a `DeliveryError`
    says what to do about a bad token.
    """
    try:
        return str(api.call("apps.connections.open", app_token=app_token)["url"])
    except (Refused, Unfit) as error:
        raise DeliveryRefused(
            f"Slack refuses slack.app_token: {error.error}; {_SOCKET_CURE}", _SOCKET_REST_S
        ) from error

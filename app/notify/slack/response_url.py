"""Replies at the address that Slack sends with a command or a click, and at no other address.

The address comes from outside. Only an address of Slack is called, and no redirect is followed.
The Slack server checks addresses but calls none, so what calls need is imported late.
"""

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

#: The place where Slack accepts replies: scheme, host and port.
_SLACKS = ("https", "hooks.slack.com", 443)
_PORTS = {"http": 80, "https": 443}
#: Printable ASCII without a space. Other characters are read differently by different parsers.
_PLAIN = re.compile(r"[!-~]{1,3000}")


def is_slacks(url: str, api_url: str) -> bool:
    """Return whether *url* is at Slack, or at the host of the setting `slack.api_url`."""
    place = _place(url)
    return place is not None and place in (_SLACKS, _place(api_url))


def respond(url: str, text: str, api_url: str, within_s: float) -> bool:
    """Send *text*, in mrkdwn, to one person at the secret *url*; returns whether Slack accepts it.

    Slack accepts five replies there within half an hour. Raises `OSError` or `HTTPException` when
    there is no answer within *within_s* seconds.
    """
    import urllib.request
    from urllib.error import HTTPError

    from app.network.deadline import Deadline

    if not is_slacks(url, api_url):
        return False
    reply = {"text": text, "response_type": "ephemeral", "replace_original": False}
    request = urllib.request.Request(  # noqa: S310 - is_slacks knows the scheme
        url, json.dumps(reply).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with Deadline(within_s), opener(url).open(request, timeout=within_s) as answer:
            return int(answer.status) == 200
    except HTTPError:
        return False


def opener(url: str) -> "OpenerDirector":
    """Return an opener for *url* that does not follow redirects; each is an `HTTPError`."""
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, build_opener

    from app.network import tls

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """Follow nothing."""

    is_plain = url.startswith("http:")
    return build_opener(NoRedirects, *([] if is_plain else [HTTPSHandler(context=tls.trusted())]))


def _place(url: str) -> tuple[str, str, int] | None:
    """Return the scheme, the host and the port of *url*; None when it is no plain address."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    if not _PLAIN.fullmatch(url) or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    return parts.scheme, parts.hostname, port

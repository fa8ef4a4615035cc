"""Delivers messages by Apprise. Each of its URLs is a channel: a wrong URL stops no other.

The stage `posting` is stored just before a message is sent, and `posted` as soon as the service has
accepted it. A kill or the network may lose the answer, and few services can be asked about a
message. The message is then sent again: twice is better than never. So a message appears twice only
if the service accepted it and the answer was lost, or if the URL names several receivers and one of
them failed. A repeat after a kill is counted in `possible_repeats`.

Not all services say what they refuse: a message that fails several times with its picture or clip
is then tried without it as well.
"""

import hashlib
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from app.errors import DeliveryError, DeliveryRefused
from app.network.deadline import CALL_S, Deadline, upload_s
from app.notify.base import Digest, Message, Notifier, Progress, megabytes_to_bytes
from app.notify.settings import secrets_in_url
from app.protocol import Stage

if TYPE_CHECKING:
    import apprise

#: The time limits of a connection and of an answer, unless the URL sets others (cto and rto).
CONNECT_S = 10.0
READ_S = 30.0
REFUSED_RETRY_S = 300.0
#: Failures of a message before it is tried without its picture or clip too.
TRIES = 3
_LINES_IN_DIGEST = 10
_LONGEST_REASON = 200
_NOT_ACCEPTED = "The picture or clip was not accepted here. It is stored at home."

_Kind = Literal["warning", "info"]

_log = logging.getLogger(__name__)


class AppriseNotifier(Notifier):
    """Sends messages to *url*. Only its scheme is ever shown."""

    makes_digests = True

    def __init__(self, url: str, max_clip_mb: float) -> None:
        self.name = f"apprise-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
        self.max_clip_bytes = megabytes_to_bytes(max_clip_mb)
        self._url = url
        self._possible_repeats = 0

    def __str__(self) -> str:
        return f"{self._url.partition(':')[0]}:// ({self.name})"

    @property
    def possible_repeats(self) -> int:
        return self._possible_repeats

    def deliver(self, message: Message, progress: Progress) -> None:
        score = f", person {message.score:.0%}" if message.score is not None else ""
        lines = [message.text, f"{_time(message.at)}{score}", message.clip_link, message.remark]
        self._send_once("\n".join(filter(None, lines)), message, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        shown = digest.messages[-_LINES_IN_DIGEST:]
        lines = [f"{len(digest.messages)} messages while you could not be reached:"]
        if len(digest.messages) > len(shown):
            lines.append(f"… and {len(digest.messages) - len(shown)} more before")
        lines += [f"{_time(message.at)}  {message.text}" for message in shown]
        pictured = next((message for message in reversed(shown) if message.picture), shown[-1])
        self._send_once("\n".join(lines), pictured, progress)

    def _send_once(self, body: str, message: Message, progress: Progress) -> None:
        """Send *body* with the clip or picture of *message*, unless it was sent before."""
        if progress.get(Stage.POSTED):
            return
        service, attachments = self._service(), _attachments(message)
        failures = int(progress.get(Stage.FAILURES) or 0)
        kind: _Kind = "warning" if message.topic == "alert" else "info"
        self._possible_repeats += bool(progress.get(Stage.POSTING))
        progress.set(Stage.POSTING, "yes")
        reason = self._send(service, body, kind, attachments)
        if reason and attachments and failures >= TRIES:
            refusal = reason
            reason = self._send(service, f"{body}\n{_NOT_ACCEPTED}", kind, None)
            if not reason:
                _log.warning("a message is sent without its picture or clip: %s", refusal)
        if reason:
            progress.set(Stage.FAILURES, str(failures + 1))
            progress.set(Stage.POSTING, "")
            raise DeliveryError(reason)
        progress.set(Stage.POSTED, "yes")

    def _send(
        self, service: "apprise.Apprise", body: str, kind: _Kind, attachments: Any
    ) -> str | None:
        """Send *body*; returns the reason of a failure, None after a success."""
        try:
            with Deadline(_time_s(service, attachments)):
                result = service.notify(
                    body,
                    title="Who's There?",
                    notify_type=kind,
                    body_format="text",
                    attach=attachments,
                )
        except TimeoutError as error:
            return f"Apprise cannot deliver by {self}: {error}"
        if result:
            return None
        reasons = [entry.message for entry in result.logs()] or ["no reason is given"]
        return f"Apprise cannot deliver by {self}: {self._without_secrets(reasons[-1])}"

    def _service(self) -> "apprise.Apprise":
        _silence_logs()
        try:
            import apprise
        except ModuleNotFoundError as error:
            raise DeliveryRefused(
                f"{error.name} is not installed: scripts/setup.sh --with apprise"
            ) from error
        service = apprise.Apprise(
            asset=apprise.AppriseAsset(app_id="Who's There?", async_mode=False, service_timeout=0)
        )
        if not service.add(self._url):
            raise DeliveryRefused(
                f"apprise.urls has one that Apprise does not understand, {self}: see "
                "github.com/caronc/apprise for the form of each service's URL",
                REFUSED_RETRY_S,
            )
        for plugin in service:
            _allow_time(plugin)
        return service

    def _without_secrets(self, reason: str) -> str:
        """Return *reason* on one line, without any part of the URL."""
        for part in sorted(secrets_in_url(self._url), key=len, reverse=True):
            reason = reason.replace(part, "…")
        return " ".join(reason.split())[:_LONGEST_REASON]


def is_known_url(url: str) -> bool:
    """Return whether Apprise understands *url*."""
    _silence_logs()
    import apprise

    return apprise.Apprise().add(url)


def _attachments(message: Message) -> Any:
    """Return the clip of *message*, or its picture, in the form for Apprise."""
    from apprise.attachment.file import AttachFile
    from apprise.attachment.memory import AttachMemory

    if message.clip:
        return [AttachFile(str(message.clip), name=f"{message.key}.mp4", mimetype="video/mp4")]  # type: ignore[no-untyped-call]
    if message.picture:
        return [AttachMemory(message.picture, name=f"{message.key}.jpg", mimetype="image/jpeg")]  # type: ignore[no-untyped-call]
    return None


def _allow_time(plugin: Any) -> None:
    """Give *plugin* enough time for a clip, unless its URL sets other times."""
    default = type(plugin)
    if plugin.socket_connect_timeout == default.socket_connect_timeout:
        plugin.socket_connect_timeout = CONNECT_S
    if plugin.socket_read_timeout == default.socket_read_timeout:
        plugin.socket_read_timeout = READ_S


def _time_s(service: "apprise.Apprise", attachments: Any) -> float:
    """Return the time for a whole call: that of the slowest plugin, and more for a large file."""
    waits_s = [plugin.socket_connect_timeout + plugin.socket_read_timeout for plugin in service]
    sent_bytes = sum(len(one) for one in attachments or ())
    return max(waits_s) + upload_s(sent_bytes) - CALL_S


def _silence_logs() -> None:
    """Stop Apprise and urllib3 from logging addresses, which hold tokens."""
    logging.getLogger("apprise").propagate = False
    logging.getLogger("apprise").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.INFO)


def _time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"

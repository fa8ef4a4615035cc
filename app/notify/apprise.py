"""Any other service, by one of Apprise's URLs. Each URL is a way of its own, so that one that is
wrong stops no other.

That a message is being sent is noted (`posting`) just before, and that it was taken (`posted`) as
soon as the answer is there. Few services can be asked what became of a message whose answer was
lost, by a kill or on the line, so that it is told again then: rather twice than not at all. So one
appears twice only if the service took it and we never heard so, or if the URL names several
receivers and one of them failed. After a kill in between that is counted in `repeated`.

Nor do they all say what they do not like: what fails several times with its picture or film is then
tried without as well.
"""

import hashlib
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import Digest, Message, Notifier, Progress, megabytes_to_bytes, secrets_in_url

if TYPE_CHECKING:
    import apprise

#: How long a connection may take, and how long a service may take to answer, unless the URL says
#: another (cto and rto).
CONNECT_S = 10.0
READ_S = 30.0
REFUSED_RETRY_S = 300.0
#: How often a message fails before it is tried without its picture or film too.
TRIES = 3
_LINES_IN_DIGEST = 10

_log = logging.getLogger(__name__)


class AppriseNotifier(Notifier):
    """Tells by *url*, of which nothing but the scheme is ever shown."""

    makes_digests = True

    def __init__(self, url: str, max_clip_mb: float) -> None:
        self.name = f"apprise-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
        self.max_clip_bytes = megabytes_to_bytes(max_clip_mb)
        self._url = url
        self._repeated = 0

    def __str__(self) -> str:
        return f"{self._url.partition(':')[0]}:// ({self.name})"

    @property
    def possible_repeats(self) -> int:
        return self._repeated

    def deliver(self, message: Message, progress: Progress) -> None:
        score = f", person {message.score:.0%}" if message.score is not None else ""
        lines = [message.text, f"{_moment(message.at)}{score}", message.clip_link, message.remark]
        self._tell_once("\n".join(filter(None, lines)), message, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        shown = digest.messages[-_LINES_IN_DIGEST:]
        more = (
            [f"… and {len(digest.messages) - len(shown)} more before"]
            if len(digest.messages) > len(shown)
            else []
        )
        lines = [f"{len(digest.messages)} messages while there was no way to you:", *more]
        newest = next((message for message in reversed(shown) if message.picture), shown[-1])
        self._tell_once(
            "\n".join(lines + [f"{_moment(message.at)}  {message.text}" for message in shown]),
            newest,
            progress,
        )

    def _tell_once(self, body: str, message: Message, progress: Progress) -> None:
        if progress.get("posted"):
            return
        service, attached, failures = (
            self._service(),
            _attached(message),
            int(progress.get("failures") or 0),
        )
        what = "warning" if message.topic == "alert" else "info"
        self._repeated += bool(progress.get("posting"))
        progress.set("posting", "yes")
        why = self._send(service, body, what, attached)
        if why and attached and failures >= TRIES:
            refused, why = (
                why,
                self._send(
                    service,
                    f"{body}\nWhat was to be seen here was not taken. It is kept at home.",
                    what,
                    None,
                ),
            )
            if not why:
                _log.warning("a message goes without its picture or film: %s", refused)
        if why:
            progress.set("failures", str(failures + 1))
            progress.set("posting", "")
            raise DeliveryError(why)
        progress.set("posted", "yes")

    def _send(self, service: "apprise.Apprise", body: str, what: str, attached: Any) -> str | None:
        """Send *body*; returns why that failed, None when it has not."""
        result = service.notify(
            body, title="Who's There?", notify_type=what, body_format="text", attach=attached
        )
        if result:
            return None
        why = [entry.message for entry in result.logs()] or ["it does not say why"]
        return f"Apprise does not get a message through {self}: {self._discreet(why[-1])}"

    def _service(self) -> "apprise.Apprise":
        _hush()
        import apprise

        service = apprise.Apprise(
            asset=apprise.AppriseAsset(app_id="Who's There?", async_mode=False, service_timeout=0)
        )
        if not service.add(self._url):
            raise DeliveryRefused(
                f"apprise.urls has one that Apprise does not understand, {self}: see "
                "github.com/caronc/apprise for what it looks like",
                REFUSED_RETRY_S,
            )
        for plugin in service:
            _be_patient(plugin)
        return service

    def _discreet(self, said: str) -> str:
        """What Apprise *said*, in one line and without any part of the URL."""
        for part in sorted(secrets_in_url(self._url), key=len, reverse=True):
            said = said.replace(part, "…")
        return " ".join(said.split())[:200]


def is_known_url(url: str) -> bool:
    """Whether Apprise understands *url*."""
    _hush()
    import apprise

    return apprise.Apprise().add(url)


def _attached(message: Message) -> Any:
    """The film of *message*, or else its picture, as Apprise takes it."""
    from apprise.attachment.file import AttachFile
    from apprise.attachment.memory import AttachMemory

    if message.clip:
        return [AttachFile(str(message.clip), name=f"{message.key}.mp4", mimetype="video/mp4")]  # type: ignore[no-untyped-call]
    if message.picture:
        return [AttachMemory(message.picture, name=f"{message.key}.jpg", mimetype="image/jpeg")]  # type: ignore[no-untyped-call]
    return None


def _be_patient(plugin: Any) -> None:
    """Give *plugin* the time that a film takes, where its URL asks for no other."""
    usual = type(plugin)
    if plugin.socket_connect_timeout == usual.socket_connect_timeout:
        plugin.socket_connect_timeout = CONNECT_S
    if plugin.socket_read_timeout == usual.socket_read_timeout:
        plugin.socket_read_timeout = READ_S


def _hush() -> None:
    """Keep Apprise, and what it sends with, from writing addresses into the log: they hold
    tokens.
    """
    logging.getLogger("apprise").propagate = False
    logging.getLogger("apprise").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.INFO)


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"

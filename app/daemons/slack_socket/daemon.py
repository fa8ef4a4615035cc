"""The daemon for Slack's Socket Mode: the same commands and buttons as over HTTP, but no open port.

    python -m app.daemons.slack_socket

It connects to Slack, which sends everything that people type and click in envelopes. Each envelope
is acknowledged within Slack's 3 s and handled once. It needs no signature, since nobody else can
send over this connection. The person must still be allowed to use the commands.
"""

import hashlib
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from app import protocol
from app.clock import Clock
from app.commands.buttons import Click, handle_click, read_click
from app.commands.context import (
    NOT_ALLOWED,
    REDIS_AWAY,
    CommandContext,
    Invocation,
    address,
    is_allowed,
)
from app.commands.refusals import Refusals
from app.commands.registry import run_command
from app.commands.slack_names import command_named
from app.config import SlackConfig
from app.daemon import BEAT_S, Counters, Daemon
from app.errors import ProtocolError, StateUnavailable
from app.notify.slack.response_url import respond
from app.worker import timed_step

if TYPE_CHECKING:
    from app.daemons.slack_socket.connection import Envelope, SlackConnection

#: The pause between two checks of the connection: while there is none, and while there is one.
LOOK_S, CONNECTED_LOOK_S = 0.5, 2.0
#: The number of envelopes that are handled at a time.
WORKERS = 8
#: An envelope that takes longer is late.
ENVELOPE_LIMIT_S = 30.0
_CLOSE_S = 0.5
_ANSWER_S = 2
_NOT_UNDERSTOOD = "This could not be understood; nothing was done."
_OUR_MISTAKE = (
    "Something went wrong, and perhaps nothing was done. The log of slack_socket says what."
)

_log = logging.getLogger(__name__)

Short = Annotated[str, StringConstraints(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class _SlashCommand:
    """The fields of a slash command that are used; Slack sends more."""

    command: Short
    user_id: Short
    user_name: str | None = None
    text: Annotated[str, StringConstraints(max_length=4000)] = ""
    channel_id: Short | None = None
    response_url: str | None = None


_SLASH = TypeAdapter(_SlashCommand)


class SlackSocket(Daemon):
    """Runs the commands and clicks that Slack sends over Socket Mode."""

    name = "slack_socket"
    redis_timeout_s = 0.5

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._context = CommandContext(self.config, self.state, self.clock)
        self._connection: SlackConnection | None = None
        self._settings = self.config.slack
        self._workers = ThreadPoolExecutor(WORKERS, "envelope")
        self._refusals = Refusals(self.clock, ("person", "people"))
        self._envelopes = 0
        self._refused = 0

    def open(self) -> None:
        self._settings = self.config.slack
        why_idle = _why_idle(self._settings)
        if why_idle or self._settings.app_token is None:
            _log.info("%s", why_idle)
            return
        from app.daemons.slack_socket.connection import SlackConnection

        self._connection = SlackConnection(
            self._settings.api_url,
            self._settings.app_token.get_secret_value(),
            self.clock,
            self._receive,
        )

    def step(self) -> float:
        self._refusals.sum_up()
        if self._connection is None:
            is_trouble = self._settings.mode == "socket"
            self.report_trouble(_why_idle(self._settings) if is_trouble else None)
            return BEAT_S
        self._connection.maintain()
        self.report_trouble(self._connection.trouble)
        return CONNECTED_LOOK_S if self._connection.connected else LOOK_S

    def configure(self) -> None:
        """Take over the allowed people; reconnect only when the connection's settings changed."""
        self._context = CommandContext(
            self.config, self.state, self.clock, self._context.machine, self._context.switches
        )
        if _connection_settings(self.config.slack) != _connection_settings(self._settings):
            self._disconnect()
            self.open()

    def close(self) -> None:
        self._workers.shutdown(cancel_futures=True)
        self._disconnect()

    def counters(self) -> Counters:
        connection = self._connection
        return {
            "envelopes": self._envelopes,
            "refused": self._refused,
            "reconnects": max(connection.opened - 1, 0) if connection else 0,
            "connected": connection is not None and connection.connected,
        }

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close(_CLOSE_S)
            self._connection = None

    def _receive(self, envelope: "Envelope") -> None:
        """Pass *envelope* to a worker, so that the next envelope can arrive."""
        self._envelopes += 1
        connection = self._connection
        if connection is not None:
            work = self._workers.submit(self._handle, envelope, connection)
            work.add_done_callback(_log_mistakes)

    def _handle(self, envelope: "Envelope", connection: "SlackConnection") -> None:
        """Handle *envelope*, and acknowledge it in every case.

        An envelope that wants a reply is acknowledged with the reply; any other one at once.
        """
        with timed_step("envelope", ENVELOPE_LIMIT_S):
            if not envelope.wants_reply:
                connection.acknowledge(envelope)
                self._carry_out(envelope)
                return
            reply: str | None = _OUR_MISTAKE
            try:
                reply = self._carry_out(envelope)
            finally:
                connection.acknowledge(envelope, reply)

    def _carry_out(self, envelope: "Envelope") -> str | None:
        """Do what *envelope* asks for, unless it was done before; returns the reply."""
        handle = {"slash_commands": self._command, "interactive": self._click}.get(envelope.kind)
        if handle is None:
            _log.info("Slack sent %s, which this program did not ask for", repr(envelope.kind)[:40])
            return None
        try:
            return handle(envelope)
        except ProtocolError as error:
            self._refused += 1
            self._refusals.log("not understood", "Slack", f"refused: {error}")
            return _NOT_UNDERSTOOD

    def _command(self, envelope: "Envelope") -> str | None:
        slash = _slash_command(envelope.payload)
        if not self._may_command(slash.user_id):
            return NOT_ALLOWED
        try:
            if not self._is_first(envelope):
                return None
        except StateUnavailable as error:
            _log.warning("%s was not done: %s", repr(slash.command)[:40], error)
            return REDIS_AWAY
        invocation = Invocation(
            slash.text,
            slash.user_id,
            slash.user_name or slash.user_id,
            self.clock.now(),
            address(slash.response_url, slash.channel_id, self.config),
        )
        return run_command(command_named(slash.command), invocation, self._context).text

    def _click(self, envelope: "Envelope") -> str | None:
        """Do what a click asks for; otherwise reply why not, since Slack itself shows nothing."""
        click = read_click(envelope.payload, self._context)
        reply: str | None = _OUR_MISTAKE
        try:
            reply = self._try_click(click, envelope)
        finally:
            if reply:
                _reply_to(click, reply, self.config.slack.api_url)
        return reply

    def _try_click(self, click: Click, envelope: "Envelope") -> str | None:
        """Do what *click* asks for; returns None, or the reason why it was not done."""
        if not self._may_command(click.invocation.user):
            return NOT_ALLOWED
        try:
            if self._is_first(envelope):
                handle_click(click, self._context)
        except StateUnavailable as error:
            _log.warning("a click was not handled: %s", error)
            return REDIS_AWAY
        return None

    def _may_command(self, user: str) -> bool:
        if is_allowed(user, self._context.config):
            return True
        self._refused += 1
        text = f"refused: {user[:40]!r} is not in slack.allowed_users"
        self._refusals.log("of people who may not", user, text)
        return False

    def _is_first(self, envelope: "Envelope") -> bool:
        """Return whether Slack sends *envelope* for the first time."""
        digest = hashlib.sha256(envelope.id.encode(errors="surrogatepass")).hexdigest()
        first = self.state.claim_once(protocol.envelope_key(digest), protocol.ENVELOPE_LIFE_S)
        if not first:
            _log.info("Slack sent an envelope again that was handled already")
        return first


def _why_idle(slack: SlackConfig) -> str | None:
    """Return the reason why these settings need no connection; None when they need one."""
    if slack.mode != "socket":
        return (
            "slack.mode is http: commands and buttons come to the Slack server, and this program "
            "has nothing to do"
        )
    if slack.app_token is None:
        return "slack.app_token is not set: no connection to Slack, so no commands and no buttons"
    return None


def _connection_settings(slack: SlackConfig) -> tuple[object, ...]:
    return slack.mode, slack.api_url, slack.app_token


def _slash_command(payload: object) -> _SlashCommand:
    try:
        slash: _SlashCommand = _SLASH.validate_python(payload)
    except ValidationError as error:
        raise ProtocolError(f"not a slash command: {protocol.reasons(error)}") from None
    return slash


def _reply_to(click: Click, text: str, api_url: str) -> None:
    """Reply to *click* at once and without Redis; a reply that fails is not sent again."""
    reply_to = click.invocation.reply_to
    url = reply_to.response_url if reply_to else None
    if not url:
        return
    try:
        respond(url, text, api_url, _ANSWER_S)
    except (OSError, HTTPException) as error:
        _log.warning("the reply to a click failed: %s", type(error).__name__)


def _log_mistakes(work: Future[None]) -> None:
    if not work.cancelled() and (error := work.exception()):
        _log.error("a mistake in this program while handling an envelope", exc_info=error)

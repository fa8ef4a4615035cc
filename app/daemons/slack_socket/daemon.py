"""Slack over Socket Mode: the same commands and buttons as over HTTP, and no open port.

    python -m app.daemons.slack_socket

The house connects to Slack, and everything that people type and click comes over that connection,
in envelopes. Each is acknowledged within Slack's 3 s and handled once. No signature is needed,
since nobody else can send here; who may command is checked all the same.
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
from app.commands.buttons import Click, read_click, take_click
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, is_allowed
from app.commands.registry import run_command
from app.commands.slack_names import command_named
from app.config import SlackConfig
from app.daemon import BEAT_S, Counters, Daemon
from app.errors import ProtocolError, StateUnavailable
from app.protocol import ReplyTo

if TYPE_CHECKING:
    from app.daemons.slack_socket.connection import Envelope, Line

#: How often the connection is looked at.
LOOK_S = 0.5
#: How many envelopes are worked on at a time.
WORKERS = 8
_CLOSE_S = 0.5
_ANSWER_S = 2
_NOT_ALLOWED = (
    "You may not command this house. Who may is listed in its settings, under slack.allowed_users."
)
_NOT_UNDERSTOOD = "This could not be understood; nothing was done."
_MISTAKE = (
    "Something went wrong here, and perhaps nothing was done. The log of slack_socket says what."
)

_log = logging.getLogger(__name__)

Short = Annotated[str, StringConstraints(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class _Slash:
    """What is read of a slash command; Slack sends more."""

    command: Short
    user_id: Short
    user_name: str | None = None
    text: Annotated[str, StringConstraints(max_length=4000)] = ""
    channel_id: Short | None = None
    response_url: str | None = None


_SLASH = TypeAdapter(_Slash)


class SlackSocket(Daemon):
    """Answers Slack."""

    name = "slack_socket"
    redis_timeout_s = 0.5

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(folder, profile, clock)
        self._house = CommandContext(self.config, self.state, self.clock)
        self._line: Line | None = None
        self._settings = self.config.slack
        self._workers = ThreadPoolExecutor(WORKERS, "envelope")
        self._envelopes = 0
        self._refused = 0

    def open(self) -> None:
        self._settings = self.config.slack
        lacking = _lacking(self._settings)
        if lacking or self._settings.app_token is None:
            _log.info("%s", lacking)
            return
        from app.daemons.slack_socket.connection import Line

        self._line = Line(
            self._settings.api_url,
            self._settings.app_token.get_secret_value(),
            self.clock,
            self._take,
        )

    def step(self) -> float:
        if self._line is None:
            self.report_trouble(
                _lacking(self._settings) if self._settings.mode == "socket" else None
            )
            return BEAT_S
        self._line.tend()
        self.report_trouble(self._line.trouble)
        return LOOK_S

    def configure(self) -> None:
        """Take over who may command; connect anew only when the connection's own settings have
        changed.
        """
        self._house = CommandContext(
            self.config, self.state, self.clock, self._house.machine, self._house.switches
        )
        if _of_connection(self.config.slack) != _of_connection(self._settings):
            self._hang_up()
            self.open()

    def close(self) -> None:
        self._workers.shutdown(cancel_futures=True)
        self._hang_up()

    def counters(self) -> Counters:
        line = self._line
        return {
            "envelopes": self._envelopes,
            "refused": self._refused,
            "reconnects": max(line.opened - 1, 0) if line else 0,
            "connected": line is not None and line.connected,
        }

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close(_CLOSE_S)
            self._line = None

    def _take(self, envelope: "Envelope") -> None:
        """Have somebody work on *envelope*, so that the next can come."""
        self._envelopes += 1
        line = self._line
        if line is not None:
            self._workers.submit(self._serve, envelope, line).add_done_callback(_look_for_mistakes)

    def _serve(self, envelope: "Envelope", line: "Line") -> None:
        """Acknowledge *envelope*, whatever comes: with the answer if one is wanted, else before
        anything is done.
        """
        if not envelope.wants_answer:
            line.acknowledge(envelope)
            self._answer(envelope)
            return
        answer: str | None = _MISTAKE
        try:
            answer = self._answer(envelope)
        finally:
            line.acknowledge(envelope, answer)

    def _answer(self, envelope: "Envelope") -> str | None:
        """Do what *envelope* asks for, unless it was done before; returns what there is to say."""
        work = {"slash_commands": self._command, "interactive": self._click}.get(envelope.kind)
        if work is None:
            _log.info("Slack sent %s, which nobody here asked for", repr(envelope.kind)[:40])
            return None
        try:
            return work(envelope)
        except ProtocolError as error:
            self._refused += 1
            _log.warning("refused: %s", error)
            return _NOT_UNDERSTOOD

    def _command(self, envelope: "Envelope") -> str | None:
        slash = _slash(envelope.payload)
        if not self._may_command(slash.user_id):
            return _NOT_ALLOWED
        try:
            if not self._comes_first(envelope):
                return None
        except StateUnavailable as error:
            _log.warning("%s was not done: %s", repr(slash.command)[:40], error)
            return REDIS_AWAY
        reply_to = ReplyTo(slash.response_url, slash.channel_id)
        asked = Invocation(
            slash.text, slash.user_id, slash.user_name or slash.user_id, self.clock.now(), reply_to
        )
        return run_command(command_named(slash.command), asked, self._house).text

    def _click(self, envelope: "Envelope") -> str | None:
        click = read_click(envelope.payload, self._house)
        if not self._may_command(click.asked.user):
            _tell(click, _NOT_ALLOWED)
            return _NOT_ALLOWED
        try:
            if self._comes_first(envelope):
                take_click(click, self._house)
        except StateUnavailable as error:
            _log.warning("a click was not taken: %s", error)
            _tell(click, REDIS_AWAY)
        return None

    def _may_command(self, user: str) -> bool:
        if is_allowed(user, self._house.config):
            return True
        self._refused += 1
        _log.warning("refused: %s is not in slack.allowed_users", repr(user)[:40])
        return False

    def _comes_first(self, envelope: "Envelope") -> bool:
        """Whether this is the first time that Slack sends *envelope*."""
        digest = hashlib.sha256(envelope.id.encode(errors="surrogatepass")).hexdigest()
        first = self.state.claim_once(protocol.envelope_key(digest), protocol.ENVELOPE_LIFE_S)
        if not first:
            _log.info("Slack sent an envelope again, which was taken already")
        return first


def _lacking(slack: SlackConfig) -> str | None:
    """Why there is nothing to do."""
    if slack.mode != "socket":
        return (
            "slack.mode is http: commands and buttons come to the Slack server, and nothing is "
            "done here"
        )
    if slack.app_token is None:
        return "slack.app_token is not set: no connection to Slack, so no commands and no buttons"
    return None


def _of_connection(slack: SlackConfig) -> tuple[object, ...]:
    return slack.mode, slack.api_url, slack.app_token


def _slash(payload: object) -> _Slash:
    try:
        slash: _Slash = _SLASH.validate_python(payload)
    except ValidationError as error:
        raise ProtocolError(f"not a slash command: {protocol.reasons(error)}") from None
    return slash


def _tell(click: Click, text: str) -> None:
    """Answer *click* at once, past a Redis that is away. Nothing is said again if that fails."""
    from slack_sdk.webhook import WebhookClient

    from app.notify.slack.api import sdk_log

    url = click.asked.reply_to.response_url if click.asked.reply_to else None
    if url:
        try:
            answers = WebhookClient(url, timeout=_ANSWER_S, retry_handlers=[], logger=sdk_log())
            answers.send(text=text, response_type="ephemeral", replace_original=False)
        except (OSError, HTTPException) as error:
            _log.warning("a click could not be answered: %s", error)


def _look_for_mistakes(work: Future[None]) -> None:
    if not work.cancelled() and (error := work.exception()):
        _log.error("a mistake of ours, in the middle of an envelope", exc_info=error)

"""What Slack talks to: a URL for each command, one for the buttons, and one for its challenge.

Every request but `/health` is verified: signed by Slack over the raw body, less than five minutes
old, accepted once, and asked by somebody in `slack.allowed_users`. This program never calls Slack
and loads no SDK.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, request
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    MethodNotAllowed,
    RequestEntityTooLarge,
    Unauthorized,
)

from app import protocol
from app.clock import Clock, SystemClock
from app.commands.buttons import read_click, take_click
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, is_allowed
from app.commands.registry import COMMANDS, PATIENCE_S, Command, look, run_command
from app.commands.slack_names import command_named
from app.config import Config
from app.errors import ConfigError, ProtocolError, StateUnavailable
from app.protocol import ReplyTo
from app.state import State, within
from app.web.slack.signature import Verifier

LONGEST_BODY = 65_536
MOST_FIELDS = 100
REDIS_TIMEOUT_S = 0.7
#: A Redis that did not answer is left alone for so long, and `/health` asks it no more often.
REST_S = 1.0
_AGAIN = "the same signature for the second time"

_log = logging.getLogger(__name__)


def create_app(config: Config, clock: Clock | None = None) -> Flask:
    """The Slack server of the house that *config* describes. `ConfigError` without a signing
    secret.
    """
    door = SlackEndpoint(config, clock or SystemClock())
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = (
        LONGEST_BODY + 1
    )  # so that a body without a length is seen to be too long
    app.extensions["door"] = door
    app.add_url_rule("/health", "health", door.health)
    app.add_url_rule("/<name>", "probe", door.probe, methods=["GET"])
    app.add_url_rule("/<name>", "receive", door.receive, methods=["POST"])
    app.register_error_handler(HTTPException, door.refuse)
    return app


class SlackEndpoint:
    """Lets in what is Slack's and from somebody of the house, and hands it on. The figures are for
    the heartbeat.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        secret = config.slack.signing_secret
        if secret is None or not secret.get_secret_value().strip():
            raise ConfigError(
                [
                    f"{config.folder / 'private.yml'}: slack.signing_secret is missing, without "
                    "which nobody is let in"
                ]
            )
        self.requests = 0
        self.refused = 0
        self.errors = 0
        self.last_request: datetime | None = None
        self._config = config
        self._clock = clock
        self._state = State(config.redis.url, REDIS_TIMEOUT_S)
        self._house = CommandContext(config, self._state, clock)
        self._verifier = Verifier(secret.get_secret_value(), clock)
        self._rest_until_s = 0.0
        self._looked_at_s = 0.0
        self._well = False

    def health(self) -> Response:
        """`ok` or not, for whoever asks."""
        now_s = time.monotonic()
        if now_s - self._looked_at_s > REST_S:
            self._looked_at_s = now_s
            try:
                self._state.ping()
                self._well = True
            except (StateUnavailable, ProtocolError):
                self._well = False
        return (
            Response("ok", mimetype="text/plain")
            if self._well
            else Response("not ok", 503, mimetype="text/plain")
        )

    def probe(self, name: str) -> Response:
        """Slack now and then looks at a command's certificate; others have nothing to get here."""
        if name in COMMANDS and request.args.get("ssl_check") == "1":
            return Response()
        raise MethodNotAllowed(["POST"])

    def receive(self, name: str) -> Response:
        """A signed request for the address *name*."""
        self.requests += 1
        body = request.get_data(cache=False)
        if len(body) > LONGEST_BODY:
            raise RequestEntityTooLarge
        if (
            b"ssl_check=1" in body
            and dict(parse_qsl(body, max_num_fields=MOST_FIELDS)).get(b"ssl_check") == b"1"
        ):
            return Response()
        signature = request.headers.get("X-Slack-Signature")
        if not self._verifier.is_genuine(
            body, request.headers.get("X-Slack-Request-Timestamp"), signature
        ):
            raise Unauthorized("not signed by Slack in the last five minutes")
        self.last_request = self._clock.now()
        try:
            with within(PATIENCE_S), self._not_resting():
                return self._answer(name, body, protocol.signature_key(str(signature)))
        except StateUnavailable as error:
            self.errors += 1
            _log.warning("/%s was not done: %s", name[:40], error)
            return _said(REDIS_AWAY)

    def refuse(self, error: HTTPException) -> Response:
        """Count and note what is not let in; the answer tells no more than what kind of mistake it
        was.
        """
        code = error.code or 500
        self.refused += code < 500
        self.errors += code >= 500
        if code != 404 or request.method == "POST":
            _log.warning(
                "%d to %s for %s %.60r: %s",
                code,
                request.remote_addr,
                request.method,
                request.path,
                error.description,
            )
        headers = {"Allow": "POST"} if code == 405 else None
        return Response(f"{code} {error.name}\n", code, headers, mimetype="text/plain")

    def _answer(self, name: str, body: bytes, claim: str) -> Response:
        """The answer to what only Slack can have signed; *claim* is the key under which its
        signature is used up.
        """
        if name in COMMANDS:
            return self._command(COMMANDS[name], _fields(body), claim)
        if not self._state.claim_once(claim, protocol.SIGNATURE_LIFE_S):
            raise Unauthorized(_AGAIN)
        if name == "listening":
            return _challenge(body)
        if name == "interactive":
            return self._click(_fields(body).get("payload", ""))
        self._check_user(_fields(body).get("user_id", ""))
        return _said("There is no such command. /help lists them all.")

    def _command(self, command: Command, fields: Mapping[str, str], claim: str) -> Response:
        """Do *command*; a request that Slack signed for another one must not do this one."""
        user = fields.get("user_id", "")
        self._check_user(user)
        meant = command_named(fields.get("command", ""))
        if meant in COMMANDS and meant != command.name:
            raise BadRequest(f"/{meant} was sent to the address of another command")
        found = look(command, self._house, claim)
        if not found.first:
            raise Unauthorized(_AGAIN)
        reply_to = ReplyTo(fields.get("response_url"), fields.get("channel_id"))
        asked = Invocation(
            fields.get("text", ""),
            user,
            (fields.get("user_name") or user)[:80],
            self._clock.now(),
            reply_to,
        )
        reply = run_command(command.name, asked, self._house, found)
        self.errors += reply.text == REDIS_AWAY
        return _said(reply.text)

    def _click(self, payload: str) -> Response:
        try:
            click = read_click(payload, self._house)
        except ProtocolError as error:
            raise BadRequest(str(error)) from None
        self._check_user(click.asked.user)
        take_click(click, self._house)
        return Response()

    def _check_user(self, user: str) -> None:
        if not user:
            raise BadRequest("there is no user_id in it")
        if not is_allowed(user, self._config):
            raise Unauthorized(f"user {user[:40]!r} is not in slack.allowed_users")

    @contextmanager
    def _not_resting(self) -> Iterator[None]:
        """So that a Redis that hangs holds up the first few, and not everybody in turn."""
        if time.monotonic() < self._rest_until_s:
            raise StateUnavailable("Redis has just not answered")
        try:
            yield
        except StateUnavailable:
            self._rest_until_s = time.monotonic() + REST_S
            raise


def _fields(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise BadRequest(f"no form: {error}") from None


def _challenge(body: bytes) -> Response:
    try:
        event: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("no JSON") from None
    if not isinstance(event, dict):
        raise BadRequest("no JSON object")
    if event.get("type") != "url_verification":
        return Response()
    if not isinstance(event.get("challenge"), str):
        raise BadRequest("no challenge in it")
    return Response(json.dumps({"challenge": event["challenge"]}), mimetype="application/json")


def _said(text: str) -> Response:
    return Response(
        json.dumps({"response_type": "ephemeral", "text": text}), mimetype="application/json"
    )

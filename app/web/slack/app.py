"""The Slack server's addresses: one for each command, one for the buttons, one for the challenge.

Every request but `/health` is verified: Slack has signed the raw body less than five minutes ago,
the signature is new, and the person is in `slack.allowed_users`. This program never calls Slack and
loads no SDK.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

from app.clock import Clock, SystemClock
from app.commands.buttons import handle_click, read_click, reply_to_click
from app.commands.context import (
    NOT_ALLOWED,
    REDIS_AWAY,
    CommandContext,
    Invocation,
    address,
    is_allowed,
)
from app.commands.registry import COMMANDS, PATIENCE_S, Command, run_command
from app.commands.slack_names import command_named
from app.config import Config
from app.errors import ConfigError, ProtocolError, StateUnavailable
from app.state import State, within
from app.web import ARRIVAL, LONGEST_BODY
from app.web.endpoint import ENDPOINT, Endpoint
from app.web.slack.replay_guard import ReplayGuard
from app.web.slack.shared_reports import SharedReports
from app.web.slack.signature import Verifier

MOST_FIELDS = 100
REDIS_TIMEOUT_S = 0.7
#: The pause after Redis has not answered, and the shortest time between two checks by `/health`.
REST_S = 1.0
#: The kinds of refusals, by the status of the answer.
_KINDS = {
    400: "malformed",
    401: "not signed",
    404: "to no known address",
    405: "with a wrong method",
    413: "too long",
}
_REPLAY = "the signature was used before"
#: The addresses at which Slack shows no reply, but shows or repeats a request that failed.
_WITHOUT_REPLY = ("interactive", "listening")

_log = logging.getLogger(__name__)


def create_app(config: Config, clock: Clock | None = None) -> Flask:
    """Return the Slack server of *config*; `ConfigError` when it has no signing secret."""
    endpoint = SlackEndpoint(config, clock or SystemClock())
    app = Flask(__name__, static_folder=None)
    # One byte more than the longest body: only this byte shows that a chunked body is too long.
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY + 1
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.extensions[ENDPOINT] = endpoint
    app.add_url_rule("/health", "health", endpoint.health)
    app.add_url_rule("/<name>", "probe", endpoint.probe, methods=["GET"])
    app.add_url_rule("/<name>", "receive", endpoint.receive, methods=["POST"])
    app.register_error_handler(HTTPException, endpoint.refuse)
    return app


class SlackEndpoint(Endpoint):
    """Accepts Slack's requests from the allowed people, and carries them out."""

    def __init__(self, config: Config, clock: Clock) -> None:
        secret = config.slack.signing_secret
        if secret is None or not secret.get_secret_value().strip():
            raise ConfigError(
                [
                    f"{config.folder / 'private.yml'}: slack.signing_secret is missing; without "
                    "it no request can be accepted"
                ]
            )
        super().__init__(clock)
        self._config = config
        self._clock = clock
        self._state = State(config.redis.url, REDIS_TIMEOUT_S)
        self._context = CommandContext(config, self._state, clock)
        self._verifier = Verifier(secret.get_secret_value(), clock)
        self._replay_guard = ReplayGuard(self._context)
        self._reports = SharedReports()
        self._rest_until_s = 0.0
        self._health_checked_s = 0.0
        self._healthy = False

    def health(self) -> Response:
        """Answer anybody: `ok` when Redis answers, else 503."""
        now_s = time.monotonic()
        if now_s - self._health_checked_s > REST_S:
            self._health_checked_s = now_s
            try:
                self._state.ping()
                self._healthy = True
            except (StateUnavailable, ProtocolError):
                self._healthy = False
        if self._healthy:
            return Response("ok", mimetype="text/plain")
        return Response("not ok", 503, mimetype="text/plain")

    def probe(self, name: str) -> Response:
        """Answer Slack's check of a command's certificate, and refuse every other GET."""
        if name in COMMANDS and request.args.get("ssl_check") == "1":
            return Response()
        raise MethodNotAllowed(["POST"])

    def receive(self, name: str) -> Response:
        """Answer a POST to the address *name*."""
        self.requests += 1
        body = request.get_data(cache=False)
        if len(body) > LONGEST_BODY:
            raise RequestEntityTooLarge
        if _is_certificate_check(body):
            return Response()
        timestamp = request.headers.get("X-Slack-Request-Timestamp")
        signature = request.headers.get("X-Slack-Signature")
        if not self._verifier.is_genuine(body, timestamp, signature):
            raise Unauthorized("not signed by Slack in the last five minutes")
        self.last_request = self._clock.now()
        try:
            with within(PATIENCE_S), self._not_resting():
                return self._answer(name, body, str(signature))
        except StateUnavailable as error:
            self.errors += 1
            _log.warning("/%s was not done: %s", name[:40], error)
            # After a command Slack shows the reply; after a click, only a failure.
            return _reply(REDIS_AWAY, 503 if name in _WITHOUT_REPLY else 200)

    def refuse(self, error: HTTPException) -> Response:
        """Count and log a refusal; the answer names only the kind of mistake."""
        code = error.code or 500
        self.refused += code < 500
        self.errors += code >= 500
        if code != 404 or request.method == "POST":
            sender = str(request.remote_addr)
            kind = "sent before" if error.description == _REPLAY else _KINDS.get(code, "failed")
            what = f"{request.method} {request.path[:60]!r}: {error.description}"
            self.refusals.log(kind, sender, f"{code} to {sender} for {what}")
        headers = {"Allow": "POST"} if code == 405 else None
        return Response(f"{code} {error.name}\n", code, headers, mimetype="text/plain")

    def _answer(self, name: str, body: bytes, signature: str) -> Response:
        """Answer a request that Slack has signed, if its *signature* is new."""
        if name in COMMANDS:
            return self._command(COMMANDS[name], _fields(body), signature)
        if not self._replay_guard.is_first(signature):
            raise Unauthorized(_REPLAY)
        if name == "listening":
            return _challenge(body)
        if name == "interactive":
            return self._click(_fields(body).get("payload", ""))
        if not self._may_command(_fields(body).get("user_id", "")):
            return _reply(NOT_ALLOWED)
        return _reply("There is no such command. /help lists them all.")

    def _command(self, command: Command, fields: Mapping[str, str], signature: str) -> Response:
        """Run *command*, unless Slack signed the request for another one."""
        user = fields.get("user_id", "")
        if not self._may_command(user):
            return _reply(NOT_ALLOWED)
        meant = command_named(fields.get("command", ""))
        if meant in COMMANDS and meant != command.name:
            raise BadRequest(f"/{meant} was sent to the address of another command")
        is_shared = command.is_report and not fields.get("text")
        report = self._reports.find(command.name, ARRIVAL.at_s) if is_shared else None
        if report is not None:
            if not self._replay_guard.is_first(signature):
                raise Unauthorized(_REPLAY)
            return _reply(report)
        begun_s = time.monotonic()
        survey = self._replay_guard.survey_if_first(signature, command)
        if survey is None:
            raise Unauthorized(_REPLAY)
        invocation = Invocation(
            fields.get("text", ""),
            user,
            (fields.get("user_name") or user)[:80],
            self._clock.now(),
            address(fields.get("response_url"), fields.get("channel_id"), self._config),
        )
        reply = run_command(command.name, invocation, self._context, survey)
        if reply.text == REDIS_AWAY:
            self.errors += 1
        elif is_shared:
            self._reports.keep(command.name, begun_s, reply.text)
        return _reply(reply.text)

    def _click(self, payload: str) -> Response:
        try:
            click = read_click(payload, self._context)
        except ProtocolError as error:
            raise BadRequest(str(error)) from None
        if self._may_command(click.invocation.user):
            handle_click(click, self._context)
        else:
            self._state.add_request(reply_to_click(click, NOT_ALLOWED))
        return Response()

    def _may_command(self, user: str) -> bool:
        if not user:
            raise BadRequest("there is no user_id in it")
        if is_allowed(user, self._config):
            return True
        self.refused += 1
        who = f"user {user[:40]!r} is not in slack.allowed_users"
        self.refusals.log("of people who may not", str(request.remote_addr), f"refused: {who}")
        return False

    @contextmanager
    def _not_resting(self) -> Iterator[None]:
        """Refuse for `REST_S` after a failure: a Redis that hangs delays only a few requests."""
        if time.monotonic() < self._rest_until_s:
            raise StateUnavailable("Redis did not answer a moment ago")
        try:
            yield
        except StateUnavailable:
            self._rest_until_s = time.monotonic() + REST_S
            raise


def _is_certificate_check(body: bytes) -> bool:
    """Return whether Slack only checks the certificate; this request has no signature."""
    if b"ssl_check=1" not in body:
        return False
    return dict(parse_qsl(body, max_num_fields=MOST_FIELDS)).get(b"ssl_check") == b"1"


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


def _reply(text: str, status: int = 200) -> Response:
    """Return the response that shows *text* only to the person."""
    answer = {"response_type": "ephemeral", "text": text}
    return Response(json.dumps(answer), status, mimetype="application/json")

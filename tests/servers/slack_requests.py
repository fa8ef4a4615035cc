"""The requests that the Slack of the tests sends to an app: commands and clicks, signed."""

import hashlib
import hmac
import itertools
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.servers.slack_records import Channel, Posted

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 (the one of Slack's published example)
ALERTS = "C0ALERTS01"
OWNER = "U0OWNER001"
RESPONSE_URL_LIFE_S = 1800


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as Slack sends it to an app."""

    body: bytes
    headers: dict[str, str]


class SlackRequests:
    """What people do in a Slack with *channels*, whose addresses for answers begin with *url*.

    *responses* are the answers so far, by their addresses.
    """

    url: str

    def __init__(self) -> None:
        self.signing_secret = SIGNING_SECRET
        self.channels: dict[str, Channel] = {
            ALERTS: Channel("alerts"),
            "G0PRIVATE1": Channel("private", is_private=True),
        }
        self.responses: dict[str, list[dict[str, Any]]] = {}
        self.changed = threading.Condition()
        self._response_made_s: dict[str, float] = {}
        self._numbers = itertools.count(1)

    def new_response_url(self) -> str:
        """Return a new address for answers to one command or click."""
        with self.changed:
            url = f"{self.url}/response/{next(self._numbers)}-{secrets.token_hex(8)}"
            self.responses[url] = []
            self._response_made_s[url] = time.monotonic()
        return url

    def expire(self, response_url: str) -> None:
        """Make *response_url* half an hour old."""
        self._response_made_s[response_url] -= RESPONSE_URL_LIFE_S

    def sign(
        self,
        body: bytes,
        content_type: str = "application/x-www-form-urlencoded",
        timestamp: int | None = None,
    ) -> Signed:
        """Return *body* with the headers of a request from Slack."""
        at = str(int(time.time()) if timestamp is None else timestamp)
        digest = hmac.new(
            self.signing_secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256
        ).hexdigest()
        return Signed(
            body,
            {
                "Content-Type": content_type,
                "X-Slack-Request-Timestamp": at,
                "X-Slack-Signature": f"v0={digest}",
            },
        )

    def slash_fields(
        self, command: str, text: str = "", user: str = OWNER, channel: str = ALERTS
    ) -> dict[str, str]:
        """Return the fields of a slash command that *user* typed."""
        return {
            "token": "deprecated",
            "team_id": "T0TEAM0001",
            "team_domain": "house",
            "channel_id": channel,
            "channel_name": self.channels[channel].name
            if channel in self.channels
            else "elsewhere",
            "user_id": user,
            "user_name": user.lower(),
            "command": command,
            "text": text,
            "api_app_id": "A0APP00001",
            "is_enterprise_install": "false",
            "response_url": self.new_response_url(),
            "trigger_id": f"{next(self._numbers)}.{secrets.token_hex(8)}",
        }

    def slash(
        self, command: str, text: str = "", user: str = OWNER, channel: str = ALERTS
    ) -> Signed:
        """Return the request for a slash command that *user* typed."""
        return self.sign(urlencode(self.slash_fields(command, text, user, channel)).encode())

    def press_payload(self, message: Posted, action_id: str, user: str = OWNER) -> dict[str, Any]:
        """Return Slack's payload for a click of *user* on the button *action_id* of *message*."""
        block, button = next(
            (block, one)
            for block in message.blocks
            if block["type"] == "actions"
            for one in block["elements"]
            if one["action_id"] == action_id
        )
        shown = {
            "type": "message",
            "user": "U0BOT00001",
            "bot_id": "B0BOT00001",
            "app_id": "A0APP00001",
            "team": "T0TEAM0001",
        }
        return {
            "type": "block_actions",
            "user": {
                "id": user,
                "username": user.lower(),
                "name": user.lower(),
                "team_id": "T0TEAM0001",
            },
            "api_app_id": "A0APP00001",
            "token": "deprecated",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "trigger_id": f"{next(self._numbers)}.{secrets.token_hex(8)}",
            "team": {"id": "T0TEAM0001", "domain": "house"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": message.channel, "name": self.channels[message.channel].name},
            "message": {**shown, "text": message.text, "ts": message.ts, "blocks": message.blocks},
            "state": {"values": {}},
            "response_url": self.new_response_url(),
            "actions": [
                {**button, "block_id": block["block_id"], "action_ts": f"{time.time():.6f}"}
            ],
        }

    def press(self, message: Posted, action_id: str, user: str = OWNER) -> Signed:
        """Return the request for a click of *user* on the button *action_id* of *message*."""
        return self.sign(
            urlencode(
                {"payload": json.dumps(self.press_payload(message, action_id, user))}
            ).encode()
        )

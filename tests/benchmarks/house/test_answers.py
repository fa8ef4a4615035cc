"""A click is the request that Slack sends for a button of ours."""

import json
from urllib.parse import parse_qsl

from app.benchmarks.house.answers import click
from app.benchmarks.web_programs import USER
from app.clock import SystemClock
from app.web.slack.signature import Verifier

EVENT = "20261130T181942.942Z-front"


def test_a_click_is_signed_and_names_the_event() -> None:
    head, _, body = click(EVENT, "occupied", "secret").partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    timestamp = headers["X-Slack-Request-Timestamp"]
    verifier = Verifier("secret", SystemClock())
    assert verifier.is_genuine(body, timestamp, headers["X-Slack-Signature"])
    payload = json.loads(dict(parse_qsl(body.decode()))["payload"])
    assert payload["user"]["id"] == USER
    (action,) = payload["actions"]
    assert action["action_id"] == "tag_occupied"
    assert json.loads(action["value"]) == {"event": EVENT, "answer": "occupied"}

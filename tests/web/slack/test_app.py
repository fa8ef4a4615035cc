"""The answers of the Slack server, to Slack and to strangers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from app import protocol
from app.clock import FakeClock
from app.commands.context import NOT_ALLOWED
from app.commands.registry import COMMANDS
from app.notify.base import Message
from app.notify.slack.blocks import alert
from app.protocol import EventRecord, Fact, Request
from app.state import State
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER, SIGNING_SECRET
from tests.web.conftest import Endpoint

AT = FakeClock().now()
EVENT = protocol.event_id(AT, "front")


# --- who may command ---


@pytest.mark.parametrize(
    "path", [*(f"/{name}" for name in COMMANDS), "/interactive", "/listening", "/nonsense"]
)
def test_an_unsigned_request_is_refused_at_every_address(endpoint: Endpoint, path: str) -> None:
    body = urlencode({**endpoint.slack.slash_fields(path), "payload": "{}"}).encode()
    assert (
        endpoint.ask(
            "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"}
        ).status
        == 401
    )
    assert endpoint.unclaimed


HOSTILE = {
    "no number": {"X-Slack-Request-Timestamp": "yesterday"},
    "no whole number": {"X-Slack-Request-Timestamp": f"{time.time():.3f}"},
    "a number beyond all times": {"X-Slack-Request-Timestamp": "9" * 400},
    "more digits than Python reads": {"X-Slack-Request-Timestamp": "9" * 4000},
    "before all times": {"X-Slack-Request-Timestamp": "-1"},
    "nothing": {"X-Slack-Request-Timestamp": ""},
    "not a number": {"X-Slack-Request-Timestamp": "nan"},
    "a signature that is no ASCII": {"X-Slack-Signature": "v0=\xe9"},
    "an empty signature": {"X-Slack-Signature": ""},
    "a short signature": {"X-Slack-Signature": "v0="},
    "another version": {"X-Slack-Signature": "v1=" + "a" * 64},
    "another's signature": {"X-Slack-Signature": "v0=" + "a" * 64},
}


@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers_are_refused(endpoint: Endpoint, headers: dict[str, str]) -> None:
    signed = endpoint.slack.slash("/pycam_off")
    assert (
        endpoint.ask("POST", "/pycam_off", signed.body, {**signed.headers, **headers}).status == 401
    )
    assert endpoint.unclaimed


@pytest.mark.parametrize("name", ["X-Slack-Request-Timestamp", "X-Slack-Signature"])
def test_a_missing_header_is_refused(endpoint: Endpoint, name: str) -> None:
    signed = endpoint.slack.slash("/pycam_off")
    assert (
        endpoint.ask(
            "POST",
            "/pycam_off",
            signed.body,
            {key: one for key, one in signed.headers.items() if key != name},
        ).status
        == 401
    )


def test_a_body_that_is_no_text_is_refused(endpoint: Endpoint) -> None:
    assert (
        endpoint.send(
            "/pycam_off", endpoint.slack.sign(b"command=\xff\xfe&user_id=" + OWNER.encode())
        ).status
        == 401
    )


@pytest.mark.parametrize("seconds", [-301, -3600, 330, 86_400])
def test_an_old_or_future_request_is_refused(endpoint: Endpoint, seconds: int) -> None:
    body = urlencode(endpoint.slack.slash_fields("/pycam_off")).encode()
    assert (
        endpoint.send(
            "/pycam_off", endpoint.slack.sign(body, timestamp=int(time.time()) + seconds)
        ).status
        == 401
    )
    assert endpoint.unclaimed


@pytest.mark.parametrize("path", ["/pycam_off", "/status", "/nonsense"])
def test_a_signature_is_accepted_once(endpoint: Endpoint, path: str) -> None:
    signed = endpoint.slack.slash(path)
    assert [endpoint.send(path, signed).status for _ in range(3)] == [200, 401, 401]


def test_of_many_equal_requests_at_once_one_is_accepted(endpoint: Endpoint) -> None:
    signed = endpoint.slack.slash("/pycam_off")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: endpoint.send("/pycam_off", signed).status, range(20)))
    assert sorted(answers) == [200] + [401] * 19


def test_many_who_ask_at_once_share_reports_but_no_signature(endpoint: Endpoint) -> None:
    asked = [endpoint.slack.slash("/status") for _ in range(12)]
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda signed: endpoint.send("/status", signed), asked * 2))
    assert sorted(answer.status for answer in answers) == [200] * 12 + [401] * 12
    replies = [answer.reply for answer in answers if answer.status == 200]
    assert all("*Programs:*" in reply for reply in replies)


def test_a_request_signed_for_one_command_does_no_other(endpoint: Endpoint) -> None:
    assert endpoint.send("/pycam_off", endpoint.slack.slash("/house_status")).status == 400
    assert endpoint.redis.get("camera_status") is None


@pytest.mark.parametrize("user", ["U0STRANGER", f"{OWNER} ", OWNER.lower(), f"{OWNER},U1"])
def test_a_stranger_gets_a_sentence_and_nothing_else(endpoint: Endpoint, user: str) -> None:
    assert endpoint.command("/pycam_off", user).reply == NOT_ALLOWED
    assert endpoint.command("/nonsense", user).reply == NOT_ALLOWED
    assert endpoint.redis.get("camera_status") is None


def test_refusals_are_in_the_log_without_secrets(own_endpoint: Endpoint) -> None:
    endpoint = own_endpoint
    endpoint.command("/pycam_off", "U0STRANGER")
    endpoint.ask("POST", "/%0aWARNING%20forged", b"x", {"X-Slack-Signature": SIGNING_SECRET})
    assert "user 'U0STRANGER' is not in slack.allowed_users" in endpoint.program.log
    assert "\nWARNING forged" not in endpoint.program.log
    assert SIGNING_SECRET not in endpoint.program.log
    assert "/response/" not in endpoint.program.log
    before = len(endpoint.program.log)
    for _ in range(200):
        assert endpoint.ask("POST", "/help", b"x").status == 401
        assert endpoint.ask("POST", "/help", b"x", {"Content-Length ": "1"}).status == 400
    grown = endpoint.program.log[before:]
    assert "not signed by Slack" in grown
    assert "400 to 127.0.0.1: Invalid HTTP header name" in grown
    assert len(grown) < 3000


# --- commands ---


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_at_its_address(endpoint: Endpoint, name: str) -> None:
    answer = endpoint.command(f"/{name} 1 2")
    assert answer.status == 200
    assert answer.reply
    assert "no such command" not in answer.reply


def test_a_command_is_done_and_has_the_name_of_the_person(endpoint: Endpoint) -> None:
    assert "Disarmed" in endpoint.command("/pycam_off").reply
    assert endpoint.redis.get("camera_status") == "False"
    assert f"by {OWNER.lower()}" in endpoint.command("/status").reply


def test_a_request_has_the_place_for_its_answer(endpoint: Endpoint) -> None:
    endpoint.redis.set("heartbeats_since", "1")  # so a camera without a heartbeat is lost
    endpoint.redis.set("camera_status", "True")
    signed = endpoint.slack.slash("/last_image")
    assert "Camera front is lost" in endpoint.send("/last_image", signed).reply
    ((_, stored),) = endpoint.redis.xrange("requests")
    asked = protocol.decode(Request, stored["request"])
    assert (asked.kind, asked.camera, asked.user) == ("last_image", "front", OWNER)
    assert asked.reply_to
    assert asked.reply_to.channel == ALERTS
    assert asked.reply_to.response_url in endpoint.slack.responses


def test_an_unknown_command_leads_to_help(endpoint: Endpoint) -> None:
    assert "/help" in endpoint.command("/nonsense").reply


@pytest.mark.parametrize(
    "missing",
    [
        "command",
        "text",
        "user_name",
        "response_url",
        "channel_id",
        "token",
        "team_id",
        "trigger_id",
    ],
)
def test_fields_that_slack_may_leave_out_are_optional(endpoint: Endpoint, missing: str) -> None:
    fields = endpoint.slack.slash_fields("/pycam_off")
    del fields[missing]
    assert (
        "Disarmed"
        in endpoint.send("/pycam_off", endpoint.slack.sign(urlencode(fields).encode())).reply
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&&&",
        b"=",
        b"user_id=",
        b"{}",
        b"a=1;b=2",
        b"&".join([b"a=1"] * 200),
        b"\0" * 100,
        b'payload={"user":{}}',
    ],
)
@pytest.mark.parametrize("path", ["/status", "/interactive", "/nonsense"])
def test_a_signed_body_without_sense_is_a_bad_request(
    endpoint: Endpoint, path: str, body: bytes
) -> None:
    assert endpoint.send(path, endpoint.slack.sign(body)).status in (400, 401)
    assert endpoint.ask("GET", "/health").body == "ok"
    assert "Traceback" not in endpoint.program.log


def test_odd_words_are_only_words(endpoint: Endpoint) -> None:
    for text in (
        "'; FLUSHALL",
        "$(reboot)",
        "\0",
        "{{7*7}}",
        "%s%n",
        "\ud7ff 🤷",
        "../../x",
        "a" * 20_000,
    ):
        assert endpoint.command(f"/rotate {text}").status == 200
        assert endpoint.command(f"/snooze {text}").status == 200
    assert "Traceback" not in endpoint.program.log


def test_a_body_beyond_64_kib_is_refused(endpoint: Endpoint) -> None:
    assert endpoint.send("/status", endpoint.slack.sign(b"a" * 65_537)).status == 413
    assert endpoint.send("/status", endpoint.slack.sign(b"text=" + b"a" * 65_000)).status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/status",
        "/interactive",
        "/listening",
        "/",
        "/nonsense",
        "/status/more",
        "/../config/private.yml",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_get_nothing(endpoint: Endpoint, method: str, path: str) -> None:
    assert endpoint.ask(method, path).status in (404, 405)


def test_health_says_ok_and_nothing_else(endpoint: Endpoint) -> None:
    assert endpoint.ask("GET", "/health").body == "ok"


def test_slack_may_check_the_certificate(endpoint: Endpoint) -> None:
    body = urlencode({"ssl_check": "1", "token": "x"}).encode()
    for answer in (
        endpoint.ask("POST", "/status", body),
        endpoint.send("/status", endpoint.slack.sign(body)),
        endpoint.ask("GET", "/status?ssl_check=1"),
    ):
        assert (answer.status, answer.body) == (200, "")
    assert endpoint.unclaimed


def test_a_text_about_ssl_check_is_no_certificate_check(endpoint: Endpoint) -> None:
    assert endpoint.ask("POST", "/pycam_off", b"text=ssl_check=1&ssl_check=0").status == 401


def test_slacks_challenge_is_answered(endpoint: Endpoint) -> None:
    body = json.dumps({"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}).encode()
    answer = endpoint.send("/listening", endpoint.slack.sign(body, "application/json"))
    assert (answer.status, json.loads(answer.body)) == (200, {"challenge": "3eZbrw1aB"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"type": "event_callback", "event": {}}', 200),
        (b"{", 400),
        (b"[]", 400),
        (b"7", 400),
        (b"", 400),
        (b"[" * 60_000, 400),
        (b'{"type": "url_verification"}', 400),
        (b'{"type": "url_verification", "challenge": 7}', 400),
    ],
)
def test_other_events_are_accepted_or_refused(endpoint: Endpoint, body: bytes, status: int) -> None:
    assert (
        endpoint.send("/listening", endpoint.slack.sign(body, "application/json")).status == status
    )
    assert "Traceback" not in endpoint.program.log


# --- buttons ---


@pytest.fixture
def posted(endpoint: Endpoint, slack: SlackServer) -> Posted:
    """An event, and its alert with the buttons."""
    state = State(endpoint.server.url)
    state.publish(
        Fact(EVENT, "motion_started", AT, "Motion.", "front", EVENT), EventRecord("front", AT)
    )
    state.close()
    blocks = alert(Message(EVENT, AT, "Motion.", "front", event=EVENT), None, None)
    slack.call(
        "chat.postMessage", {"channel": ALERTS, "text": "Motion.", "blocks": blocks}, BOT_TOKEN
    )
    return slack.seen()[-1]


@pytest.mark.parametrize(
    ("button", "label"),
    [("tag_occupied", "occupied"), ("tag_unoccupied", "unoccupied"), ("snooze", None)],
)
def test_a_posted_button_does_what_it_says(
    endpoint: Endpoint, posted: Posted, button: str, label: str | None
) -> None:
    answer = endpoint.send("/interactive", endpoint.slack.press(posted, button))
    assert (answer.status, answer.body) == (200, "")
    assert endpoint.redis.hget(f"event:{EVENT}", "label") == label
    assert bool(endpoint.redis.get("snoozed_until")) == (button == "snooze")
    assert endpoint.redis.xlen("requests") == 1


def test_a_click_of_a_stranger_or_a_replay_is_refused(endpoint: Endpoint, posted: Posted) -> None:
    strangers = endpoint.slack.press(posted, "tag_occupied", "U0STRANGER")
    assert [endpoint.send("/interactive", strangers).status for _ in range(2)] == [200, 401]
    assert endpoint.redis.hget(f"event:{EVENT}", "label") is None
    ((_, entry),) = endpoint.redis.xrange("requests")
    asked = protocol.decode(Request, entry["request"])
    assert (asked.kind, asked.user, asked.text) == ("say", "U0STRANGER", NOT_ALLOWED)
    assert asked.reply_to
    assert asked.reply_to.response_url in endpoint.slack.responses
    signed = endpoint.slack.press(posted, "tag_occupied")
    assert [endpoint.send("/interactive", signed).status for _ in range(2)] == [200, 401]
    assert endpoint.redis.xlen("requests") == 2


@pytest.mark.parametrize(
    "payload",
    ["", "{", "null", "[]", '{"type": "block_actions"}', '{"user": {"id": "U0OWNER001"}}'],
)
def test_a_broken_click_is_a_bad_request(endpoint: Endpoint, payload: str) -> None:
    assert (
        endpoint.send(
            "/interactive", endpoint.slack.sign(urlencode({"payload": payload}).encode())
        ).status
        == 400
    )
    assert "Traceback" not in endpoint.program.log

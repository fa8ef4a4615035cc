"""What the Slack server answers, to Slack and to others."""

import contextlib
import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from app import protocol
from app.clock import FakeClock
from app.commands.registry import COMMANDS
from app.notify.base import Message
from app.notify.slack.blocks import alert
from app.protocol import EventRecord, Fact, Request
from app.state import State
from app.web.slack.signature import Verifier
from tests.servers.slack import ALERTS, BOT_TOKEN, OWNER, SIGNING_SECRET, Posted, SlackServer
from tests.web.slack.conftest import SLACK_WAITS_S, Door

AT = FakeClock().now()
EVENT = protocol.event_id(AT, "front")
# Slack's published example.
VECTOR_AT = 1531420618
VECTOR = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&"
    b"user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
    b"commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c4"
    b"47fce8b6703c"
)
VECTOR_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


# --- who is let in ---


def test_slacks_published_example_is_genuine_for_five_minutes() -> None:
    clock = FakeClock()
    clock.jump(VECTOR_AT - clock.now().timestamp())
    verifier = Verifier(SIGNING_SECRET, clock)
    assert verifier.is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
    assert not verifier.is_genuine(VECTOR + b" ", str(VECTOR_AT), VECTOR_SIGNATURE)
    assert not verifier.is_genuine(VECTOR, str(VECTOR_AT + 1), VECTOR_SIGNATURE)
    assert not Verifier("another", clock).is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
    clock.advance(300)
    assert verifier.is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
    clock.advance(1)
    assert not verifier.is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)


@pytest.mark.parametrize(
    "path", [*(f"/{name}" for name in COMMANDS), "/interactive", "/listening", "/nonsense"]
)
def test_what_is_not_signed_is_refused_at_every_address(door: Door, path: str) -> None:
    body = urlencode({**door.slack.slash_fields(path), "payload": "{}"}).encode()
    assert (
        door.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"}).status
        == 401
    )
    assert door.unclaimed


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
def test_hostile_headers_are_refused(door: Door, headers: dict[str, str]) -> None:
    signed = door.slack.slash("/pycam_off")
    assert door.ask("POST", "/pycam_off", signed.body, {**signed.headers, **headers}).status == 401
    assert door.unclaimed


@pytest.mark.parametrize("name", ["X-Slack-Request-Timestamp", "X-Slack-Signature"])
def test_a_missing_header_is_refused(door: Door, name: str) -> None:
    signed = door.slack.slash("/pycam_off")
    assert (
        door.ask(
            "POST",
            "/pycam_off",
            signed.body,
            {key: one for key, one in signed.headers.items() if key != name},
        ).status
        == 401
    )


def test_a_body_that_is_no_text_is_refused(door: Door) -> None:
    assert (
        door.send(
            "/pycam_off", door.slack.sign(b"command=\xff\xfe&user_id=" + OWNER.encode())
        ).status
        == 401
    )


@pytest.mark.parametrize("seconds", [-301, -3600, 302, 86_400])
def test_what_is_not_of_these_five_minutes_is_refused(door: Door, seconds: int) -> None:
    body = urlencode(door.slack.slash_fields("/pycam_off")).encode()
    assert (
        door.send("/pycam_off", door.slack.sign(body, timestamp=int(time.time()) + seconds)).status
        == 401
    )
    assert door.unclaimed


@pytest.mark.parametrize("path", ["/pycam_off", "/status", "/nonsense"])
def test_a_signature_is_accepted_once(door: Door, path: str) -> None:
    signed = door.slack.slash(path)
    assert [door.send(path, signed).status for _ in range(3)] == [200, 401, 401]


def test_of_the_same_request_many_times_at_once_one_is_accepted(door: Door) -> None:
    signed = door.slack.slash("/pycam_off")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: door.send("/pycam_off", signed).status, range(20)))
    assert sorted(answers) == [200] + [401] * 19


def test_what_was_signed_for_one_command_does_no_other(door: Door) -> None:
    assert door.send("/pycam_off", door.slack.slash("/house_status")).status == 400
    assert door.redis.get("camera_status") is None


@pytest.mark.parametrize("user", ["U0STRANGER", f"{OWNER} ", OWNER.lower(), f"{OWNER},U1"])
def test_who_is_not_of_the_house_is_refused(door: Door, user: str) -> None:
    assert door.command("/pycam_off", user).status == 401
    assert door.unclaimed


def test_refusals_are_in_the_log_without_secrets(door: Door) -> None:
    door.command("/pycam_off", "U0STRANGER")
    door.ask("POST", "/%0aWARNING%20forged", b"x", {"X-Slack-Signature": SIGNING_SECRET})
    assert "user 'U0STRANGER' is not in slack.allowed_users" in door.program.log
    assert "\nWARNING forged" not in door.program.log
    assert SIGNING_SECRET not in door.program.log
    assert "/response/" not in door.program.log


# --- commands ---


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_at_its_address(door: Door, name: str) -> None:
    answer = door.command(f"/{name} 1 2")
    assert answer.status == 200
    assert answer.said
    assert "no such command" not in answer.said


def test_a_command_is_done_and_who_did_it_is_known(door: Door) -> None:
    assert "Disarmed" in door.command("/pycam_off").said
    assert door.redis.get("camera_status") == "False"
    assert f"by {OWNER.lower()}" in door.command("/status").said


def test_a_request_knows_where_its_answer_goes(door: Door) -> None:
    door.redis.set("camera_status", "True")
    signed = door.slack.slash("/last_image")
    assert "Taking a picture" in door.send("/last_image", signed).said
    ((_, stored),) = door.redis.xrange("requests")
    asked = protocol.decode(Request, stored["request"])
    assert (asked.kind, asked.camera, asked.user) == ("last_image", "front", OWNER)
    assert asked.reply_to
    assert asked.reply_to.channel == ALERTS
    assert asked.reply_to.response_url in door.slack.responses


def test_a_command_that_there_is_not_is_told_of_help(door: Door) -> None:
    assert "/help" in door.command("/nonsense").said


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
def test_what_slack_may_leave_out_is_not_missed(door: Door, missing: str) -> None:
    fields = door.slack.slash_fields("/pycam_off")
    del fields[missing]
    assert "Disarmed" in door.send("/pycam_off", door.slack.sign(urlencode(fields).encode())).said


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
        b"user_id=%ff",
        b"\0" * 100,
        b'payload={"user":{}}',
    ],
)
@pytest.mark.parametrize("path", ["/status", "/interactive", "/nonsense"])
def test_a_signed_body_that_makes_no_sense_is_a_mistake_of_the_sender(
    door: Door, path: str, body: bytes
) -> None:
    assert door.send(path, door.slack.sign(body)).status in (400, 401)
    assert door.ask("GET", "/health").body == "ok"
    assert "Traceback" not in door.program.log


def test_odd_words_are_only_words(door: Door) -> None:
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
        assert door.command(f"/rotate {text}").status == 200
        assert door.command(f"/snooze {text}").status == 200
    assert "Traceback" not in door.program.log


# --- the port ---


def test_a_body_beyond_64_kib_is_refused(door: Door) -> None:
    assert door.send("/status", door.slack.sign(b"a" * 65_537)).status == 413
    assert door.send("/status", door.slack.sign(b"text=" + b"a" * 65_000)).status == 400


def test_a_body_without_a_length_is_refused_when_it_is_too_long(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as line:
        line.sendall(b"POST /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.sendall(
            b"10000\r\n" + b"a" * 65_536 + b"\r\n" + b"10\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n"
        )
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")


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
def test_nothing_is_to_be_had_but_by_slack(door: Door, method: str, path: str) -> None:
    assert door.ask(method, path).status in (404, 405)


def test_health_says_ok_and_nothing_else(door: Door) -> None:
    assert door.ask("GET", "/health").body == "ok"


def test_slack_may_look_at_the_certificate(door: Door) -> None:
    body = urlencode({"ssl_check": "1", "token": "x"}).encode()
    for answer in (
        door.ask("POST", "/status", body),
        door.send("/status", door.slack.sign(body)),
        door.ask("GET", "/status?ssl_check=1"),
    ):
        assert (answer.status, answer.body) == (200, "")
    assert door.unclaimed


def test_words_that_speak_of_a_certificate_do_not_pass_for_slacks_look_at_it(door: Door) -> None:
    assert door.ask("POST", "/pycam_off", b"text=ssl_check=1&ssl_check=0").status == 401


def test_slacks_challenge_is_answered(door: Door) -> None:
    body = json.dumps({"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}).encode()
    answer = door.send("/listening", door.slack.sign(body, "application/json"))
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
def test_other_events_are_taken_note_of_or_refused(door: Door, body: bytes, status: int) -> None:
    assert door.send("/listening", door.slack.sign(body, "application/json")).status == status
    assert "Traceback" not in door.program.log


DAWDLING = (
    b"",
    b"P",
    b"POST /status HTTP/1.1\r\n",
    b"POST /status HTTP/1.1\r\nContent-Length: 9\r\n\r\na",
    b"POST /status HTTP/1.1\r\nContent-Length: 70000\r\n\r\na",
    b"POST /status HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\na",
    b"POST /status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na",
)


def test_senders_who_dawdle_hold_up_nobody(door: Door) -> None:
    lines = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(70)]
    try:
        for number, line in enumerate(lines):
            line.sendall(DAWDLING[number % len(DAWDLING)])
        began_s = time.monotonic()
        assert [door.command("/help").status for _ in range(5)] == [200] * 5
        assert time.monotonic() - began_s < SLACK_WAITS_S
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize("sent", DAWDLING, ids=range(len(DAWDLING)))
def test_a_dawdling_sender_is_cut_off(door: Door, sent: bytes) -> None:
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=15) as line,
        contextlib.suppress(ConnectionResetError),
    ):
        line.sendall(sent)
        assert line.recv(100)[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 413")


def test_a_request_in_pieces_is_answered(door: Door) -> None:
    signed = door.slack.slash("/help")
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    whole = (
        f"POST /help HTTP/1.1\r\nHost: x\r\nContent-Length: {len(signed.body)}\r\n{head}\r\n".encode()
        + signed.body
    )
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), 100):
            line.sendall(whole[at : at + 100])
        assert line.recv(100).startswith(b"HTTP/1.1 200")


def test_requests_one_after_another_on_a_line_are_all_answered(door: Door) -> None:
    line = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    for _ in range(3):
        signed = door.slack.slash("/help")
        line.request("POST", "/help", signed.body, signed.headers)
        answer = line.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
    line.close()


# --- buttons ---


@pytest.fixture
def posted(door: Door, slack: SlackServer) -> Posted:
    """An event, and its alert with the buttons."""
    state = State(door.server.url)
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
    door: Door, posted: Posted, button: str, label: str | None
) -> None:
    answer = door.send("/interactive", door.slack.press(posted, button))
    assert (answer.status, answer.body) == (200, "")
    assert door.redis.hget(f"event:{EVENT}", "label") == label
    assert bool(door.redis.get("snoozed_until")) == (button == "snooze")
    assert door.redis.xlen("requests") == 1


def test_a_click_by_a_stranger_or_for_the_second_time_is_refused(
    door: Door, posted: Posted
) -> None:
    assert (
        door.send("/interactive", door.slack.press(posted, "tag_occupied", "U0STRANGER")).status
        == 401
    )
    assert door.redis.hget(f"event:{EVENT}", "label") is None
    signed = door.slack.press(posted, "tag_occupied")
    assert [door.send("/interactive", signed).status for _ in range(2)] == [200, 401]
    assert door.redis.xlen("requests") == 1


@pytest.mark.parametrize(
    "payload",
    ["", "{", "null", "[]", '{"type": "block_actions"}', '{"user": {"id": "U0OWNER001"}}'],
)
def test_a_broken_click_is_a_mistake_of_the_sender(door: Door, payload: str) -> None:
    assert (
        door.send("/interactive", door.slack.sign(urlencode({"payload": payload}).encode())).status
        == 400
    )
    assert "Traceback" not in door.program.log

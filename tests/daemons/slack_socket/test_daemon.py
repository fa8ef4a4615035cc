"""Socket Mode as a process, with a real Redis and a real WebSocket on loopback."""

import json
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from app import protocol
from app.commands.buttons import Click
from app.commands.context import REDIS_AWAY, CommandContext, Invocation, Reply
from app.daemons.slack_socket.daemon import SlackSocket
from tests.daemons.slack_socket.conftest import EVENT, Home
from tests.servers.slack import APP_TOKEN, BOT_TOKEN
from tests.servers.slack_requests import OWNER
from tests.servers.tricks import hang
from tests.waiting import until

STRANGER = "U0STRANGER"


# --- commands ---


def test_a_command_is_done_and_answered(home: Home) -> None:
    assert "Disarmed" in home.socket.slash("/pycam_off")
    assert home.redis.get("camera_status") == "False"
    assert json.loads(home.redis.get("armed_by"))["by"] == OWNER.lower()
    assert "disarmed already" in home.socket.slash("/pycam_off")


def test_only_the_person_who_asked_sees_the_answer(home: Home) -> None:
    envelope = home.socket.deliver("slash_commands", home.slack.slash_fields("/help"))
    assert home.socket.acknowledged(envelope)["payload"]["response_type"] == "ephemeral"


def test_a_command_answers_to_its_name_in_slack(home: Home) -> None:
    home.redis.set("camera_status", "False")
    assert "Disarmed" in home.socket.slash("/house_status")
    assert "counts as" in home.socket.slash("/house_who")


def test_an_unknown_command_is_answered_in_words(home: Home) -> None:
    assert "no such command" in home.socket.slash("/self_destruct")


def test_a_stranger_may_not_command(home: Home) -> None:
    assert "may not use commands" in home.socket.slash("/pycam_off", user=STRANGER)
    assert home.redis.get("camera_status") == "True"
    home.await_log(f"'{STRANGER}' is not in slack.allowed_users")
    assert home.heartbeat().counters["refused"]


def test_a_new_user_may_command_without_a_new_connection(home: Home) -> None:
    opened = home.socket.opened
    home.configure(users=(OWNER, STRANGER))
    home.heartbeat()
    assert "Disarmed" in home.socket.slash("/pycam_off", user=STRANGER)
    assert home.socket.opened == opened
    home.configure()
    home.heartbeat()


def test_a_burst_of_commands_is_answered_in_time(home: Home) -> None:
    before = home.heartbeat().counters["envelopes"]
    assert isinstance(before, int)
    sent = [
        home.socket.deliver("slash_commands", home.slack.slash_fields("/house_status"))
        for _ in range(50)
    ]
    for envelope in sent:
        assert "*Armed*" in home.socket.acknowledged(envelope)["payload"]["text"]
    assert home.heartbeat().counters["envelopes"] == before + 50


def test_a_repeated_envelope_is_handled_once(home: Home) -> None:
    envelope, fields = str(uuid.uuid4()), home.slack.slash_fields("/pycam_off")
    home.socket.deliver("slash_commands", fields, envelope=envelope)
    assert "Disarmed" in home.socket.acknowledged(envelope)["payload"]["text"]
    home.redis.set("camera_status", "True")
    home.socket.deliver("slash_commands", fields, envelope=envelope)
    assert "payload" not in home.socket.acknowledged(envelope, times=2)
    assert home.redis.get("camera_status") == "True"


# --- buttons ---


def test_a_click_is_acknowledged_and_tags(home: Home) -> None:
    message = home.post_alert()
    envelope = home.socket.press(message, "tag_occupied")
    assert home.socket.acknowledged(envelope) == {"envelope_id": envelope}
    until(
        lambda: home.redis.hget(protocol.event_key(EVENT), "label") == "occupied",
        "the event has its label",
    )
    (request,) = until(home.requests, "the notifier is asked")
    assert (request.kind, request.event, request.label, request.user) == (
        "tag",
        EVENT,
        "occupied",
        OWNER,
    )
    assert request.reply_to
    assert request.reply_to.response_url in home.slack.responses


def test_a_repeated_click_tags_once(home: Home) -> None:
    payload = home.slack.press_payload(home.post_alert(), "tag_occupied")
    envelope = home.socket.deliver("interactive", payload, accepts_answer=False)
    until(home.requests, "the notifier is asked")
    home.socket.deliver("interactive", payload, accepts_answer=False, envelope=envelope)
    home.await_log("handled already")
    home.socket.acknowledged(envelope, times=2)
    assert len(home.requests()) == 1


def test_a_click_of_a_stranger_changes_nothing(home: Home) -> None:
    envelope = home.socket.press(home.post_alert(), "tag_occupied", user=STRANGER)
    home.socket.acknowledged(envelope)
    until(lambda: home.has_replied("may not use commands"), "the stranger gets a reply")
    assert home.redis.hget(protocol.event_key(EVENT), "label") is None
    assert home.requests() == []


# --- failures on this side ---


def test_with_redis_away_all_are_answered_in_words(home: Home) -> None:
    message = home.post_alert()
    home.server.kill()
    try:
        assert home.socket.slash("/pycam_off") == REDIS_AWAY
        assert home.socket.slash("/house_status") == REDIS_AWAY
        before = home.replies(REDIS_AWAY)
        for envelope in [home.socket.press(message, "tag_occupied") for _ in range(58)]:
            home.socket.acknowledged(envelope)
        until(lambda: home.replies(REDIS_AWAY) - before == 58, "each click gets a reply")
    finally:
        home.server.start()
    assert "Disarmed" in home.socket.slash("/pycam_off")


def test_a_click_that_redis_refuses_gets_a_reply(home: Home) -> None:
    message = home.post_alert()
    home.redis.delete(protocol.event_key(EVENT))
    home.redis.set(protocol.event_key(EVENT), "x")
    home.socket.acknowledged(home.socket.press(message, "tag_occupied"))
    until(lambda: home.replies(""), "the person gets a reply")


def test_no_secret_is_in_the_log(home: Home) -> None:
    opened = home.socket.opened
    home.socket.slash("/help")
    home.socket.acknowledged(home.socket.press(home.post_alert(), "tag_occupied"))
    home.socket.drop()
    home.socket.wait_until_opened(opened + 1)
    home.await_log("connected to Slack again")
    until(lambda: home.heartbeat().counters["reconnects"], "the new connection is counted")
    for secret in (APP_TOKEN, BOT_TOKEN, "ticket", "/response/"):
        assert secret not in home.daemon.log


def test_a_crash_a_hung_redis_and_an_end(idle_home: Home) -> None:
    """An envelope is known after a crash; with a Redis that hangs, answers and the end come."""
    home = idle_home
    home.start()
    envelope, fields = str(uuid.uuid4()), home.slack.slash_fields("/pycam_off")
    home.socket.deliver("slash_commands", fields, envelope=envelope)
    home.socket.acknowledged(envelope)
    home.redis.set("camera_status", "True")
    home.daemon.kill()
    home.daemon.start()
    home.socket.wait_until_opened(2)
    home.socket.deliver("slash_commands", fields, envelope=envelope)
    home.socket.acknowledged(envelope, times=2)
    assert home.redis.get("camera_status") == "True"

    redis_process = psutil.Process(home.server.pid)
    redis_process.suspend()
    try:
        sent = [home.socket.deliver("slash_commands", fields) for _ in range(20)]
        answers = [home.socket.acknowledged(one)["payload"]["text"] for one in sent]
        assert answers == [REDIS_AWAY] * 20
        home.daemon.signal(signal.SIGTERM)
        assert home.daemon.wait(within_s=3) == 0
    finally:
        redis_process.resume()


def test_it_ends_soon_even_while_slack_hangs(idle_home: Home) -> None:
    idle_home.slack.always("apps.connections.open", hang())
    idle_home.daemon.start()
    idle_home.daemon.wait_until_beating(idle_home.server.url)
    assert idle_home.daemon.stop(within_s=5) == 0


# --- the daemon in this process ---


@contextmanager
def running(home: Home) -> Iterator[SlackSocket]:
    daemon = SlackSocket(home.folder / "config")
    try:
        yield daemon
    finally:
        daemon.close()
        daemon.state.close()


def is_connected(daemon: SlackSocket) -> bool:
    daemon.attempt()
    return bool(daemon.counters()["connected"])


def test_our_own_mistake_is_answered_and_logged(
    idle_home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run_command(name: str, invocation: Invocation, context: CommandContext) -> Reply:
        if name == "top":
            raise KeyError("a mistake")
        return Reply("well")

    def handle_click(click: Click, context: CommandContext) -> None:
        raise KeyError("another mistake")

    monkeypatch.setattr("app.daemons.slack_socket.daemon.run_command", run_command)
    monkeypatch.setattr("app.daemons.slack_socket.daemon.handle_click", handle_click)
    with running(idle_home) as daemon:
        until(lambda: is_connected(daemon), "it is connected")
        idle_home.socket.press(idle_home.post_alert(), "tag_occupied")
        until(lambda: idle_home.has_replied("Something went wrong"), "the click gets a reply")
        assert "Something went wrong" in idle_home.socket.slash("/top")
        assert idle_home.socket.slash("/help") == "well"
        records = until(
            lambda: [one for one in caplog.records if "a mistake in this program" in one.message],
            "the mistakes are logged",
        )
        assert [str((one.exc_info or ("", ""))[1]) for one in records] == [
            "'another mistake'",
            "'a mistake'",
        ]


@pytest.mark.usefixtures("root_logger_as_before")
def test_the_mode_can_be_changed_while_it_runs(
    idle_home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    idle_home.configure(mode="http")
    with running(idle_home) as daemon:
        assert not is_connected(daemon)
        assert "slack.mode is http" in caplog.text
        assert (daemon.trouble, idle_home.slack.calls) == (None, [])
        idle_home.configure()
        daemon.reload()
        until(lambda: is_connected(daemon), "it connects")
        idle_home.configure(mode="http")
        daemon.reload()
        until(lambda: not idle_home.socket.connected, "it disconnects")


@pytest.mark.usefixtures("root_logger_as_before")
def test_a_right_token_ends_the_trouble_of_a_wrong_one(idle_home: Home) -> None:
    idle_home.configure(app_token="xapp-1-wrong")  # noqa: S106 (no real one)
    with running(idle_home) as daemon:
        until(lambda: is_connected(daemon) or daemon.trouble, "it is trouble")
        assert daemon.trouble
        assert "Slack refuses slack.app_token: invalid_auth" in daemon.trouble.what
        idle_home.configure()
        daemon.reload()
        until(lambda: is_connected(daemon), "it is connected")
        until(lambda: daemon.attempt() and daemon.trouble is None, "the trouble is over")


# --- messages that Slack may send ---


def fields(**changed: object) -> dict[str, object]:
    """Return a command with some fields changed, and without those that are None."""
    whole = {
        "command": "/pycam_off",
        "user_id": OWNER,
        "user_name": "eva",
        "text": "",
        "response_url": "http://127.0.0.1:9/",
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("slash_commands", None),
        ("slash_commands", []),
        ("slash_commands", "text"),
        ("slash_commands", {}),
        ("slash_commands", fields(command=None)),
        ("slash_commands", fields(command=7)),
        ("slash_commands", fields(command="/" + "x" * 300)),
        ("slash_commands", fields(user_id=None)),
        ("slash_commands", fields(user_id={"a": 1})),
        ("slash_commands", fields(text=["a"])),
        ("slash_commands", fields(text="x" * 5000)),
        ("slash_commands", fields(user_id="x" * 300)),
        ("interactive", None),
        ("interactive", {}),
        ("interactive", {"type": "block_actions", "user": {"id": OWNER}, "actions": []}),
        (
            "interactive",
            {
                "type": "block_actions",
                "user": {"id": OWNER},
                "actions": [{"action_id": "tag_occupied", "value": "__import__('os')"}],
            },
        ),
        ("interactive", {"type": "view_submission", "user": {"id": OWNER}, "view": {}}),
    ],
)
def test_an_envelope_without_sense_does_nothing(kind: str, payload: object, home: Home) -> None:
    answer = home.socket.acknowledged(home.socket.deliver(kind, payload))
    assert "could not be understood" in answer["payload"]["text"]
    home.await_log("refused: not a")
    assert "Traceback" not in home.daemon.log
    assert home.redis.get("camera_status") == "True"


@pytest.mark.parametrize("kind", ["events_api", "hello_again", "options"])
def test_an_envelope_of_another_kind_is_acknowledged(kind: str, home: Home) -> None:
    envelope = home.socket.deliver(kind, {"event": {"type": "message"}}, accepts_answer=False)
    assert home.socket.acknowledged(envelope) == {"envelope_id": envelope}


@pytest.mark.parametrize("left_out", ["user_name", "response_url", "text", "channel_id"])
def test_optional_fields_may_be_absent(left_out: str, home: Home) -> None:
    payload = home.slack.slash_fields("/pycam_off")
    del payload[left_out]
    envelope = home.socket.deliver("slash_commands", payload)
    assert "Disarmed" in home.socket.acknowledged(envelope)["payload"]["text"]

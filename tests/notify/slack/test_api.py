"""Slack's Web API, against a Slack that misbehaves."""

import logging
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import MessageRefused, NoAnswer
from app.notify.slack.api import CURES, SlackApi, socket_url
from tests.servers.drip_server import DripServer
from tests.servers.ports import free_port
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SCOPES, SlackServer
from tests.servers.slack_requests import ALERTS
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many
from tests.waiting import Stopwatch, patience

POST = "chat.postMessage"


def post(api: SlackApi) -> str:
    """Post a message, and return its ts."""
    return str(api.call(POST, channel=ALERTS, text="Motion.")["ts"])


def test_a_call_returns_slacks_answer(slack: SlackServer, api: SlackApi) -> None:
    assert post(api) == slack.messages[0].ts


@pytest.mark.parametrize("slow", ["headers", "body"])
def test_a_call_ends_when_slack_answers_byte_by_byte(
    slow: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notify.slack.api.CALL_S", 0.4)
    with Stopwatch() as watch, DripServer(slow) as drip:
        api = SlackApi(drip.url, BOT_TOKEN, clock)
        with pytest.raises(NoAnswer, match=r"no complete answer within 0\.4 s") as caught:
            post(api)
    assert caught.value.sent
    assert watch.seconds < patience(3.0)


def test_an_upload_ends_when_slack_answers_byte_by_byte(
    slack: SlackServer, api: SlackApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notify.slack.api.upload_s", lambda _: 0.4)
    with DripServer() as drip:
        place = {"ok": True, "upload_url": f"{drip.url}up", "file_id": "F1"}
        monkeypatch.setattr(api, "call", lambda *_, **__: place)
        with pytest.raises(NoAnswer, match=r"no complete answer within 0\.4 s"):
            api.upload("clip.mp4", b"0" * 100_000)


def test_the_pause_that_slack_asks_for_is_kept(
    slack: SlackServer, api: SlackApi, clock: FakeClock
) -> None:
    slack.trick(POST, too_many(30))
    with pytest.raises(DeliveryError, match=r"Slack limits chat\.postMessage") as caught:
        post(api)
    assert caught.value.retry_after_s == 30
    clock.advance(10)
    with pytest.raises(DeliveryError) as caught:
        post(api)
    assert caught.value.retry_after_s == pytest.approx(20)
    assert len(slack.called(POST)) == 0
    clock.advance(20)
    assert post(api)


def test_a_pause_of_one_method_stops_no_other(slack: SlackServer, api: SlackApi) -> None:
    slack.trick("files.info", too_many(30))
    with pytest.raises(DeliveryError):
        api.call("files.info", file="F1")
    assert post(api)


@pytest.mark.parametrize("error", sorted(CURES))
def test_a_lasting_refusal_names_its_cure(slack: SlackServer, api: SlackApi, error: str) -> None:
    slack.trick(POST, refused(error))
    with pytest.raises(DeliveryRefused) as caught:
        post(api)
    assert str(caught.value) == f"Slack refuses chat.postMessage: {error}; {CURES[error]}"
    assert (caught.value.code, caught.value.retry_after_s) == (error, 60)


def test_refusals_by_the_workspace_name_the_cure(
    slack: SlackServer, api: SlackApi, clock: FakeClock
) -> None:
    slack.channels[ALERTS].is_member = False
    with pytest.raises(
        DeliveryRefused, match=r"not_in_channel; the app is not in the channel: type /invite"
    ):
        post(api)
    slack.channels[ALERTS].is_archived = True
    with pytest.raises(DeliveryRefused, match=r"is_archived; .*unarchive"):
        post(api)
    slack.scopes = SCOPES - {"chat:write"}
    with pytest.raises(DeliveryRefused, match=r"missing_scope; .*it is chat:write"):
        post(api)
    slack.scopes = SCOPES
    with pytest.raises(DeliveryRefused, match=r"channel_not_found; .*slack.alerts_channel"):
        api.call(POST, channel="C0NOWHERE1", text="Motion.")
    with pytest.raises(DeliveryRefused, match=r"invalid_auth; .*slack\.bot_token") as caught:
        post(SlackApi(slack.api_url, "xoxb-wrong", clock))
    assert "xoxb-wrong" not in str(caught.value)


def test_a_refusal_of_one_message_has_slacks_details(api: SlackApi) -> None:
    with pytest.raises(MessageRefused, match="invalid_blocks, unsupported type: riddle") as caught:
        api.call(POST, channel=ALERTS, text="Motion.", blocks=[{"type": "riddle"}])
    assert caught.value.code == "invalid_blocks"


@pytest.mark.parametrize(
    ("trick", "text"),
    [
        (broken(503), "Slack has a failure: it answered chat.postMessage with HTTP 503"),
        (refused("internal_error"), "Slack has a failure: .* with internal_error"),
        (broken(200), "perhaps from a network's log-in page"),
        (reset(), "Slack does not answer chat.postMessage"),
        (answer_lost(), "Slack does not answer chat.postMessage"),
    ],
    ids=["503", "internal_error", "login page", "reset", "answer lost"],
)
def test_without_an_answer_the_call_may_have_been_obeyed(
    slack: SlackServer, api: SlackApi, trick: Trick, text: str
) -> None:
    slack.trick(POST, trick)
    with pytest.raises(NoAnswer, match=text) as caught:
        post(api)
    assert caught.value.sent


def test_a_slack_that_is_not_reached_has_obeyed_nothing(clock: FakeClock) -> None:
    with pytest.raises(NoAnswer, match="Connection refused") as caught:
        post(SlackApi(f"http://127.0.0.1:{free_port()}/api/", BOT_TOKEN, clock))
    assert not caught.value.sent


def test_bytes_and_files_are_uploaded(slack: SlackServer, api: SlackApi, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip" * 100_000)
    uploaded = [api.upload("a.jpg", b"a picture"), api.upload("a.mp4", clip)]
    assert [(slack.files[file].name, slack.files[file].content) for file in uploaded] == [
        ("a.jpg", b"a picture"),
        ("a.mp4", clip.read_bytes()),
    ]


@pytest.mark.parametrize(
    ("trick", "kind", "text"),
    [
        (broken(413), MessageRefused, "Slack refuses an upload: HTTP 413"),
        (broken(503), NoAnswer, "it answered an upload with HTTP 503"),
        (too_many(5), DeliveryError, "Slack limits an upload"),
        (reset(), NoAnswer, "Slack does not answer an upload"),
    ],
    ids=["413", "503", "429", "reset"],
)
def test_a_failed_upload_says_how_it_failed(
    slack: SlackServer, api: SlackApi, trick: Trick, kind: type[DeliveryError], text: str
) -> None:
    slack.trick("upload", trick)
    with pytest.raises(kind, match=text):
        api.upload("a.jpg", b"a picture")


def test_the_app_token_gets_the_address_of_a_socket(slack: SlackServer, api: SlackApi) -> None:
    slack.socket_url = "wss://example.org/secret"
    assert socket_url(api, APP_TOKEN) == "wss://example.org/secret"


def test_a_bad_app_token_is_refused_with_its_cure(api: SlackApi) -> None:
    with pytest.raises(
        DeliveryRefused, match=r"Slack refuses slack.app_token: invalid_auth; copy the app-level"
    ) as caught:
        socket_url(api, "xapp-wrong")
    assert caught.value.code == "invalid_auth"


def test_no_token_is_logged(
    slack: SlackServer, api: SlackApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "app")
    slack.trick(POST, refused("invalid_auth"))
    with pytest.raises(DeliveryRefused):
        post(api)
    assert BOT_TOKEN not in caplog.text

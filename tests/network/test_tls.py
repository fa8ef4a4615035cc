"""Calls to services on the internet trust what the system trusts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.network import tls
from app.notify.base import NoAnswer
from app.notify.slack.api import SlackApi
from app.notify.slack.response_url import respond
from tests.servers.certificate import self_signed
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS

POST = "chat.postMessage"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the certificates that this system trusts: one of nobody."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return self_signed(tmp_path / "trusted.pem").path


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[SlackServer]:
    """A Slack that speaks TLS."""
    with SlackServer(certificate=self_signed(tmp_path / "slack.pem").path) as server:
        yield server


@pytest.fixture
def api(slack: SlackServer) -> SlackApi:
    return SlackApi(slack.api_url, BOT_TOKEN, SystemClock())


def trust(certificate: Path, trusted: Path) -> None:
    """Update the system's certificates, as a package does."""
    before_s = trusted.stat().st_mtime
    new = trusted.with_suffix(".new")
    new.write_bytes(certificate.read_bytes())
    os.utime(new, (before_s + 1, before_s + 1))
    new.rename(trusted)


def test_the_certificates_are_read_once(trusted: Path, tmp_path: Path) -> None:
    first = tls.trusted()
    assert tls.trusted() is first
    trust(self_signed(tmp_path / "other.pem").path, trusted)
    assert tls.trusted() is not first


def test_slack_is_called_over_tls(
    slack: SlackServer, api: SlackApi, trusted: Path, tmp_path: Path
) -> None:
    trust(tmp_path / "slack.pem", trusted)
    api.call(POST, channel=ALERTS, text="Motion.")
    api.upload("a.jpg", b"a picture")
    url = slack.new_response_url()
    assert respond(url, "All is well.", slack.api_url, within_s=5)
    assert [message.text for message in slack.seen()] == ["Motion."]
    assert [file.content for file in slack.files.values()] == [b"a picture"]
    assert len(slack.responses[url]) == 1


def test_a_slack_that_nobody_trusts_gets_nothing(
    slack: SlackServer, api: SlackApi, trusted: Path
) -> None:
    with pytest.raises(NoAnswer, match="certificate"):
        api.call(POST, channel=ALERTS, text="Motion.")
    with pytest.raises(OSError, match="certificate"):
        respond(slack.new_response_url(), "All is well.", slack.api_url, within_s=5)
    assert slack.calls == []


def test_new_certificates_need_no_restart(
    slack: SlackServer, api: SlackApi, trusted: Path, tmp_path: Path
) -> None:
    with pytest.raises(NoAnswer):
        api.call(POST, channel=ALERTS, text="Motion.")
    trust(tmp_path / "slack.pem", trusted)
    api.call(POST, channel=ALERTS, text="Motion.")

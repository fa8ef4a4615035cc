"""Covers several modules: the APIs of Slack and Twilio, and answers that neither of them gives.

Each such answer is a failed delivery, which is tried again later, and never an error of ours.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import SecretStr

from app.benchmarks.background_server import BackgroundServer
from app.clock import FakeClock
from app.errors import DeliveryError
from app.notify import Message, Notifier, SlackSettings, TwilioSettings
from app.notify.slack.api import SlackApi, socket_url
from app.notify.slack.notifier import SlackNotifier
from app.notify.twilio.notifier import TwilioNotifier
from tests.notify.progress import MemoryProgress
from tests.servers.slack import BOT_TOKEN
from tests.servers.slack_requests import ALERTS
from tests.servers.twilio import ACCOUNT, FROM, OWNER, TOKEN

EVENT = "20261120T101503.000Z-front"
ALERT = Message(
    EVENT, datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC), "Motion.", "front", b"a picture", EVENT
)
BODIES = (
    b"",
    b"null",
    b"5",
    b"true",
    b'"words"',
    b"[]",
    b"[5]",
    b"{}",
    b"<html>",
    b"\xff\xfe{}",
    b'{"ok": true}',
    b'{"ok": 1, "ts": 5, "upload_url": 7, "file_id": null, "file": [], "messages": 3}',
    b'{"ok": true, "messages": [5], "file": {"shares": []}}',
    b'{"ok": true, "file": {"shares": {"public": {"C": [5]}}}}',
    b'{"ok": true, "messages": [{"ts": "1", "metadata": []}], "response_metadata": 5, '
    b'"upload_url": "https://[", "file_id": "F"}',
    b'{"ok": false}',
    b'{"ok": false, "error": 5, "errors": 7, "needed": [1]}',
    b'{"ok": false, "error": "x", "errors": {"a": 1}}',
    b'{"sid": 5, "body": 7, "date_created": "yesterday", "status": null, "error_code": "abc"}',
    b'{"sid": "SM1", "status": "queued", "date_created": 5}',
    b'{"sid": "SM1", "status": "queued", "date_created": "Fri, 99 Nov 2026 99:99:99 +0000"}',
    b'{"messages": null}',
    b'{"messages": [null]}',
    b'{"messages": [{}]}',
    b'{"messages": [], "x": []}',
    b'{"messages": [], "next_page_uri": 5}',
    b'{"code": "21211", "message": 7}',
    b'{"code": 1e400}',
    b'{"code": true, "message": null}',
    b'{"code": %s}' % (b"9" * 5000),
)
DATES = (
    "yesterday",
    "5",
    "",
    "Fri, 20 Nov 2026 10:15:00",
    "Fri, 20 Nov 2026 10:15:00 -0000",
    "Sat, 01 Jan 0001 00:00:00 GMT",
)


class FixedServer(BackgroundServer):
    """Gives one answer to every request: *status*, *headers* and *body*."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.headers: dict[str, str] = {}
        super().__init__(partial(_FixedAnswer, self))
        self.url = f"http://127.0.0.1:{self.port}"


class _FixedAnswer(BaseHTTPRequestHandler):
    def __init__(self, fixed: FixedServer, *args: Any) -> None:
        self._fixed = fixed
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response_only(self._fixed.status)
        for name, value in {
            **self._fixed.headers,
            "Content-Type": "application/json",
            "Content-Length": str(len(self._fixed.body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self._fixed.body)

    do_GET = do_POST


@pytest.fixture(scope="module")
def server() -> Iterator[FixedServer]:
    with FixedServer() as made:
        yield made


def _slack(url: str) -> Notifier:
    return SlackNotifier(SlackSettings(f"{url}/", SecretStr(BOT_TOKEN), ALERTS), FakeClock())


def _twilio(url: str) -> Notifier:
    settings = TwilioSettings(url, ACCOUNT, SecretStr(TOKEN), from_=FROM, to=(OWNER,))
    return TwilioNotifier(settings, OWNER, FakeClock(datetime.now(UTC)))


MakeNotifier = Callable[[str], Notifier]
SERVICES = pytest.mark.parametrize("make", [_slack, _twilio])
NEW: dict[str, str] = {}
BEGUN = {
    "file": f"F {ALERT.at.isoformat()}",
    "ready": "yes",
    "posting": datetime.now(UTC).isoformat(),
}


def failure(make: MakeNotifier, server: FixedServer, stages: dict[str, str]) -> DeliveryError:
    """Return the error of a delivery of an alert that has reached these *stages*."""
    progress = MemoryProgress()
    progress.stages.update(stages)
    with pytest.raises(DeliveryError) as caught:
        make(server.url).deliver(ALERT, progress)
    assert "posted" not in progress.stages
    return caught.value


@SERVICES
@pytest.mark.parametrize("stages", [NEW, BEGUN], ids=["new", "begun"])
@pytest.mark.parametrize("status", [200, 201, 204, 400, 503])
def test_a_senseless_answer_is_a_failed_delivery(
    make: MakeNotifier, server: FixedServer, status: int, stages: dict[str, str]
) -> None:
    server.status, server.headers = status, {}
    for server.body in BODIES:
        failure(make, server, stages)


@pytest.mark.parametrize("status", [200, 400])
def test_a_senseless_answer_opens_no_socket(server: FixedServer, status: int) -> None:
    server.status, server.headers = status, {}
    for server.body in BODIES:
        with pytest.raises(DeliveryError):
            socket_url(SlackApi(f"{server.url}/", BOT_TOKEN, FakeClock()), "xapp-1")


@pytest.mark.parametrize("date", DATES)
def test_a_senseless_date_does_not_stop_the_search_for_a_text(
    server: FixedServer, date: str
) -> None:
    server.status, server.headers, server.body = 200, {"Date": date}, b'{"messages": []}'
    assert "the answer is not from Twilio" in str(failure(_twilio, server, BEGUN))


@SERVICES
@pytest.mark.parametrize(("header", "pause_s"), [("17", 17), ("soon", 30)])
def test_a_service_gets_the_pause_that_it_asks_for(
    make: MakeNotifier, server: FixedServer, header: str, pause_s: float
) -> None:
    server.status, server.headers, server.body = 429, {"Retry-After": header}, b"{}"
    assert failure(make, server, NEW).retry_after_s == pause_s

"""Whatever answers in Slack's or Twilio's place, it is a delivery that failed, to be tried again in
due time, and no mistake of ours.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from app.clock import FakeClock
from app.errors import DeliveryError
from app.notify import Message, Notifier, SlackSettings, TwilioSettings
from app.notify.slack.api import SlackApi, socket_url
from app.notify.slack.notifier import SlackNotifier
from app.notify.twilio.notifier import TwilioNotifier
from tests.notify.noted import Noted
from tests.servers.slack import ALERTS, BOT_TOKEN
from tests.servers.twilio import ACCOUNT, FROM, OWNER, TOKEN

EVENT = "20261120T101503.000Z-front"
ALERT = Message(
    EVENT, datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC), "Motion.", "front", b"a picture", EVENT
)
BODIES = (
    *(b"", b"null", b"5", b"true", b'"words"', b"[]", b"[5]", b"{}", b"<html>", b"\xff\xfe{}"),
    *(
        b'{"ok": true}',
        b'{"ok": 1, "ts": 5, "upload_url": 7, "file_id": null, "file": [], "messages": 3}',
    ),
    *(
        b'{"ok": true, "messages": [5], "file": {"shares": []}}',
        b'{"ok": true, "file": {"shares": {"public": {"C": [5]}}}}',
    ),
    b'{"ok": true, "messages": [{"ts": "1", "metadata": []}], "response_metadata": 5, "upload_url": "https://[", "file_id": "F"}',
    *(
        b'{"ok": false}',
        b'{"ok": false, "error": 5, "errors": 7, "needed": [1]}',
        b'{"ok": false, "error": "x", "errors": {"a": 1}}',
    ),
    b'{"sid": 5, "body": 7, "date_created": "yesterday", "status": null, "error_code": "abc"}',
    b'{"sid": "SM1", "status": "queued", "date_created": 5}',
    b'{"sid": "SM1", "status": "queued", "date_created": "Fri, 99 Nov 2026 99:99:99 +0000"}',
    *(
        b'{"messages": null}',
        b'{"messages": [null]}',
        b'{"messages": [{}]}',
        b'{"messages": [], "x": []}',
        b'{"messages": [], "next_page_uri": 5}',
    ),
    *(
        b'{"code": "21211", "message": 7}',
        b'{"code": 1e400}',
        b'{"code": true, "message": null}',
        b'{"code": %s}' % (b"9" * 5000),
    ),
)
DATES = (
    "yesterday",
    "5",
    "",
    "Fri, 20 Nov 2026 10:15:00",
    "Fri, 20 Nov 2026 10:15:00 -0000",
    "Sat, 01 Jan 0001 00:00:00 GMT",
)


class Parrot:
    """Says *body* with *headers* and *status* to whatever it is asked, until it is left."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.headers: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(parrot: Parrot) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response_only(parrot.status)
            for name, value in {
                **parrot.headers,
                "Content-Type": "application/json",
                "Content-Length": str(len(parrot.body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(parrot.body)

        do_GET = do_POST

    return Handler


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    made = Parrot()
    yield made
    made.close()


def _slack(url: str) -> Notifier:
    return SlackNotifier(SlackSettings(f"{url}/", SecretStr(BOT_TOKEN), ALERTS), FakeClock())


def _twilio(url: str) -> Notifier:
    settings = TwilioSettings(url, ACCOUNT, SecretStr(TOKEN), from_=FROM, to=(OWNER,))
    return TwilioNotifier(settings, OWNER, FakeClock(datetime.now(UTC)))


Way = Callable[[str], Notifier]
WAYS = pytest.mark.parametrize("way", [_slack, _twilio])
NEW: dict[str, str] = {}
BEGUN = {
    "file": f"F {ALERT.at.isoformat()}",
    "ready": "yes",
    "posting": datetime.now(UTC).isoformat(),
}


def failure(way: Way, parrot: Parrot, stages: dict[str, str]) -> DeliveryError:
    """How the delivery of an alert fails, of which these *stages* are noted."""
    noted = Noted()
    noted.stages.update(stages)
    with pytest.raises(DeliveryError) as caught:
        way(parrot.url).deliver(ALERT, noted)
    assert "posted" not in noted.stages
    return caught.value


@WAYS
@pytest.mark.parametrize("stages", [NEW, BEGUN], ids=["new", "begun"])
@pytest.mark.parametrize("status", [200, 201, 204, 400, 503])
def test_an_answer_that_makes_no_sense_is_a_delivery_that_failed(
    way: Way, parrot: Parrot, status: int, stages: dict[str, str]
) -> None:
    parrot.status, parrot.headers = status, {}
    for parrot.body in BODIES:
        failure(way, parrot, stages)


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_makes_no_sense_is_no_socket_of_slacks(parrot: Parrot, status: int) -> None:
    parrot.status, parrot.headers = status, {}
    for parrot.body in BODIES:
        with pytest.raises(DeliveryError):
            socket_url(SlackApi(f"{parrot.url}/", BOT_TOKEN, FakeClock()), "xapp-1")


@pytest.mark.parametrize("date", DATES)
def test_a_date_that_is_none_does_not_keep_a_text_from_being_looked_for(
    parrot: Parrot, date: str
) -> None:
    parrot.status, parrot.headers, parrot.body = 200, {"Date": date}, b'{"messages": []}'
    assert "the answer is not from Twilio" in str(failure(_twilio, parrot, BEGUN))


@WAYS
@pytest.mark.parametrize(
    ("asked", "rest_s"),
    [
        ("17", 17),
        ("0", 1),
        ("-5", 30),
        ("1e3", 30),
        ("", 30),
        ("Fri, 20 Nov 2026 10:15:00 GMT", 30),
        ("86400", 3600),
        ("9" * 400, 3600),
    ],
)
def test_a_service_is_left_alone_as_long_as_it_says_but_not_for_ever(
    way: Way, parrot: Parrot, asked: str, rest_s: float
) -> None:
    parrot.status, parrot.headers, parrot.body = 429, {"Retry-After": asked}, b"{}"
    assert failure(way, parrot, NEW).retry_after_s == rest_s

"""Replies go to Slack, and to no other address."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.notify.slack.response_url import is_slacks, respond
from tests.servers.slack import SlackServer

API = "https://slack.com/api/"


@pytest.mark.parametrize(
    ("url", "api_url"),
    [
        ("https://hooks.slack.com/commands/T1/2/x", API),
        ("https://HOOKS.slack.com:443/commands/T1/2/x", API),
        ("http://127.0.0.1:8080/response/1", "http://127.0.0.1:8080/api/"),
    ],
)
def test_an_address_of_slack_is_called(url: str, api_url: str) -> None:
    assert is_slacks(url, api_url)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evil.example/hooks.slack.com",
        "https://hooks.slack.com@evil.example/x",
        "https://evil.example\\@hooks.slack.com/x",
        "https://me:you@hooks.slack.com/x",
        "https://hooks.slack.com\n.evil.example/x",
        "https://hooks.slаck.com/x",
        "https://hooks.slack.com:x/",
        "https://[::1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:6379/",
        "file:///etc/passwd",
        "//hooks.slack.com/x",
        "hooks.slack.com/x",
        "",
    ],
)
def test_no_other_address_is_called(url: str) -> None:
    assert not is_slacks(url, API)
    assert not respond(url, "Hello", API, within_s=0.1)


@contextmanager
def redirecting(to: str, status: int) -> Iterator[str]:
    """A server that sends every caller to another address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(slack: SlackServer, status: int) -> None:
    with redirecting(f"{slack.url}/api/auth.test", status) as url:
        assert not respond(url, "Hello", url, within_s=5)
    assert slack.calls == []


def test_the_reply_is_for_one_person(slack: SlackServer) -> None:
    url = slack.new_response_url()
    assert respond(url, "All is well.", f"{slack.url}/api/", within_s=5)
    (response,) = slack.responses[url]
    assert (response["text"], response["response_type"]) == ("All is well.", "ephemeral")

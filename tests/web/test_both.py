"""Covers several modules: both web programs together. No route is open, and both need little."""

import http.client
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from flask import Flask

from app.config import load_config
from app.config.password import PasswordFile
from app.web.dashboard.access.auth import OPEN
from app.web.dashboard.app import create_app
from app.web.slack.app import create_app as create_slack
from tests.servers.ports import free_port
from tests.servers.redis_server import RedisServer
from tests.servers.slack import SlackServer
from tests.waiting import until
from tests.web.conftest import Endpoint
from tests.web.dashboard.conftest import Site, session_cookie, store_password

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
#: A value for each variable part of an address.
PARTS = {
    "<name>": "pycam_off",
    "<camera>": "front",
    "<what>": "picture",
    "<event>": "20261120T101500000-front",
    "<path:filename>": "theme.js",
}
PATHS = (
    "/../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/../auth.py",
    "/static/%2e%2e/auth.py",
    "/static/..%2fauth.py",
    "/static/....//auth.py",
    "/static/%2fetc/passwd",
    "/static//etc/passwd",
    "/static/theme.js%00.css",
    "/static/\x00",
    "/bootstrap/static/../../auth.py",
    "/event/../../etc/passwd/clip.mp4",
    "/event/..%2f..%2fetc%2fpasswd/clip.mp4",
    "/live/%00",
    "/asked/..%2f..%2f/picture",
    "//example.com/",
    "/\\example.com",
    "http://example.com/nowhere",
    "/" + "a" * 1900,
    "/" + "a" * 5000,
    "/" + "%2e%2e/" * 250,
    "/%ff%fe",
    "/login/%2e%2e/timeline",
    "/;/timeline",
    "*",
)


class Both(Endpoint):
    """Both web programs of one house under one gunicorn, with a password."""

    def __init__(self, folder: Path, server: RedisServer, slack: SlackServer) -> None:
        self.dashboard_port = free_port()
        bind = f"127.0.0.1:{self.dashboard_port}"
        super().__init__(
            folder,
            server,
            slack,
            "cameras: {front: {pantilt: {backend: mock}}}\n"
            f"dashboard: {{enabled: true, bind: {bind!r}}}\n",
        )
        self.config = load_config(folder / "config")
        store_password(self.config)
        #: The same apps in this process, for their routes and for the form of their cookies.
        self.dashboard_app = create_app(self.config)
        self.slack_app = create_slack(self.config)

    def raw(self, port: int, request: bytes) -> bytes:
        """Send *request* as it is, and return the whole answer."""
        with socket.create_connection(("127.0.0.1", port), 10) as sock:
            sock.sendall(request)
            return b"".join(iter(lambda: sock.recv(65_536), b""))

    def status(
        self, method: str, path: str, port: int, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Return the status of the answer, and where it leads to."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        connection.close()
        return answer.status, answer.headers.get("Location", "")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, slack: SlackServer) -> Iterator[Both]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as redis_server:
        found = Both(tmp_path_factory.mktemp("both"), redis_server, slack)
        with found.redis, ExitStack() as stack:
            stack.push(found.program)
            found.start()
            until(
                lambda: len(psutil.Process(found.program.pid).children()) == 2, "both workers run"
            )
            yield found


def addresses(app: Flask) -> dict[str, str]:
    """Return the address of each route of *app*, with values in place of its variable parts."""
    found = {}
    for rule in app.url_map.iter_rules():
        address = rule.rule
        for part, value in PARTS.items():
            address = address.replace(part, value)
        assert "<" not in address, f"PARTS has no value for a part of {rule.rule}"
        found[address] = rule.endpoint
    return found


def test_no_route_is_open_on_either_port(both: Both) -> None:
    dashboard, slack = addresses(both.dashboard_app), addresses(both.slack_app)
    for address in {**dashboard, **slack, "/nowhere": ""}:
        for method in METHODS:
            if dashboard.get(address) not in OPEN:
                assert both.status(method, address, both.dashboard_port) == (401, "")
            if address != "/health":
                assert both.status(method, address, both.port)[0] in (401, 404, 405)
    assert both.unclaimed


def test_a_page_leads_to_the_login(both: Both) -> None:
    for address, endpoint in addresses(both.dashboard_app).items():
        if endpoint not in OPEN:
            shown = both.status("GET", address, both.dashboard_port, {"Accept": "text/html"})
            assert (shown[0], shown[1].startswith("/login")) == (302, True)


def test_what_is_open_holds_nothing_of_the_house(both: Both) -> None:
    open_ones = [address for address, name in addresses(both.dashboard_app).items() if name in OPEN]
    assert len(open_ones) == len(OPEN) - 1  # one address is for two
    for address in open_ones:
        for method in METHODS:
            status, _ = both.status(method, address, both.dashboard_port)
            assert status in (200, 400, 401, 404, 405)
    request = b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"
    shown = both.raw(both.dashboard_port, request).decode()
    assert "Password" in shown
    assert not any(word in shown for word in ("front", "Timeline", "/timeline", str(both.folder)))


def cookies(both: Both, tmp_path: Path) -> dict[str, str]:
    """Return cookies with which nobody may enter."""
    now_s = int(time.time())
    days_s = both.config.dashboard.session_days * 86_400
    app, name = both.dashboard_app, cookie_name(both.dashboard_app)
    good = session_cookie(app, {"since": now_s})
    other = Site(tmp_path, both.server.url)
    PasswordFile(other.data_dir).write("another password of another house")
    others = session_cookie(other.app, {"since": now_s})
    other.state.close()
    return {
        "old": f"{name}={session_cookie(app, {'since': now_s - days_s - 1})}",
        "of a clock that was ahead": f"{name}={session_cookie(app, {'since': now_s + 86_400})}",
        "without a time": f"{name}={session_cookie(app, {'known': True})}",
        "with text as its time": f"{name}={session_cookie(app, {'since': str(now_s)})}",
        "changed": f"{name}={good[:-2]}xx",
        "without a signature": f"{name}={good.split('.')[0]}",
        "of another house": f"{name}={others}",
        "under the name of another house": f"{cookie_name(other.app)}={others}",
        "under another name": f"session={good}",
        "garbage": f"{name}=%7f..; ;;{name}",
    }


def cookie_name(app: Flask) -> str:
    return app.session_interface.get_cookie_name(app)


def test_no_other_cookie_opens_a_route(both: Both, tmp_path: Path) -> None:
    for kind, cookie in cookies(both, tmp_path).items():
        for address, endpoint in addresses(both.dashboard_app).items():
            if endpoint not in OPEN:
                for method in ("GET", "POST"):
                    status = both.status(method, address, both.dashboard_port, {"Cookie": cookie})
                    assert status == (401, ""), f"a cookie {kind}: {method} {address}"


def test_the_right_cookie_opens_it(both: Both) -> None:
    good = session_cookie(both.dashboard_app, {"since": int(time.time())})
    header = {"Cookie": f"{cookie_name(both.dashboard_app)}={good}"}
    assert both.status("GET", "/", both.dashboard_port, header) == (200, "")
    assert both.status("GET", "/", both.port, header)[0] == 404


def test_both_programs_with_a_page_open_have_less_than_80_mb(both: Both) -> None:
    good = session_cookie(both.dashboard_app, {"since": int(time.time())})
    header = {"Cookie": f"{cookie_name(both.dashboard_app)}={good}"}
    with ExitStack() as stack:
        for address in ("/updates", "/live/front"):  # as the page Now does, without an end
            connection = http.client.HTTPConnection("127.0.0.1", both.dashboard_port, timeout=10)
            stack.callback(connection.close)
            connection.request("GET", address, headers=header)
            assert connection.getresponse().status == 200
        assert both.status("GET", "/", both.dashboard_port, header) == (200, "")
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: both.command("/status"), range(100)))
        assert {reply.status for reply in replies} == {200}
        master = psutil.Process(both.program.pid)
        processes = [master, *master.children(recursive=True)]
        assert len(processes) == 3
        # The libraries on the disk are shared with all programs of a house, so they do not count.
        assert sum(own_bytes(process.pid) for process in processes) < 80e6


def own_bytes(pid: int) -> int:
    """Return the memory of the process that is in no file; what is shared counts in parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))


@pytest.mark.parametrize("has_session", [False, True])
def test_no_strange_path_leads_anywhere(both: Both, has_session: bool) -> None:
    good = session_cookie(both.dashboard_app, {"since": int(time.time())})
    cookie = f"Cookie: {cookie_name(both.dashboard_app)}={good}\r\n" if has_session else ""
    allowed = (b"400", b"401", b"404", b"405", b"414", b"421") + ((b"308",) if has_session else ())
    for port in (both.port, both.dashboard_port):
        for path in PATHS:
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n"
            answer = both.raw(port, head.encode("latin-1"))
            assert answer.split(b" ")[1] in allowed, (path, answer[:300])
            assert b"import " not in answer and b"root:" not in answer
    assert "Traceback" not in both.program.log

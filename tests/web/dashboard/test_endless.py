"""Answers without an end notice that their browser is gone, or logged out."""

import socket
import threading
from collections.abc import Callable

import pytest

from app.web.dashboard.endless import watch_viewer
from tests.waiting import until
from tests.web.dashboard.conftest import Site


def watch(site: Site, sock: socket.socket | None = None) -> Callable[[], bool]:
    header = f"{site.cookie.key}={site.cookie.value}"
    given = {"gunicorn.socket": sock} if sock else {}
    with site.app.test_request_context(headers={"Cookie": header}, environ_base=given):
        return watch_viewer()


def test_a_browser_that_closes_the_connection_is_noticed(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        browser = socket.create_connection(server.getsockname())
        sock, _ = server.accept()
        with sock:
            goes_on = watch(site, sock)
            assert goes_on()
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 32_768
            browser.close()
            until(lambda: not goes_on(), "it notices", 2.0)


def test_an_answer_ends_with_its_session(site: Site) -> None:
    goes_on = watch(site)
    assert goes_on()
    site.app.access_control._file.path.unlink()  # type: ignore[attr-defined]
    assert not goes_on()


def test_an_answer_ends_when_the_process_must_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    monkeypatch.setattr("app.web.dashboard.endless.STOPPING", stopping)
    goes_on = watch(site)
    assert goes_on()
    stopping.set()
    assert not goes_on()

import os
import smtplib
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import urllib3

from app.network.deadline import CALL_S, Deadline, upload_s
from tests.servers.drip_server import HTTP_PARTS, DripServer
from tests.waiting import Stopwatch, patience, until

#: Much longer than the deadline and shorter than any answer of the server.
SOON_S = 3.0
READ_S = 1.0


def by_urllib(server: DripServer) -> None:
    with urllib.request.urlopen(server.url, timeout=READ_S) as answer:  # noqa: S310 (loopback)
        answer.read()


def by_requests(server: DripServer) -> None:
    requests.get(server.url, timeout=READ_S)


def by_urllib3(server: DripServer) -> None:
    urllib3.PoolManager(retries=5).request("GET", server.url, timeout=READ_S)


def by_smtplib(server: DripServer) -> None:
    client = smtplib.SMTP(timeout=READ_S)
    try:
        client.connect("127.0.0.1", server.port)
    finally:
        client.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ends_in_time(call: Callable[[], object], seconds: float = 0.2) -> bool:
    with Stopwatch() as watch:  # noqa: SIM117
        with pytest.raises(TimeoutError, match=f"no complete answer within {seconds:g} s"):
            with Deadline(seconds):
                call()
    return watch.seconds < patience(SOON_S)


@pytest.mark.parametrize("call", [by_urllib, by_requests, by_urllib3])
@pytest.mark.parametrize("slow", HTTP_PARTS)
def test_a_call_ends_whichever_part_of_the_answer_is_slow(
    slow: str, call: Callable[[DripServer], None]
) -> None:
    with DripServer(slow) as server:
        assert ends_in_time(lambda: call(server))


def test_mail_to_a_slow_server_ends_too() -> None:
    with DripServer("greeting") as server:
        assert ends_in_time(lambda: by_smtplib(server))


def test_a_slow_tls_handshake_ends() -> None:
    with DripServer("handshake") as server:
        url = server.url.replace("http:", "https:")
        assert ends_in_time(lambda: requests.get(url, timeout=30))


def test_a_connection_that_was_kept_open_ends_in_the_next_call() -> None:
    with DripServer(good=2) as server, requests.Session() as session:
        for _ in range(2):
            with Deadline(5.0):
                assert session.get(server.url, timeout=READ_S).json() == {"ok": True}
        assert ends_in_time(lambda: session.get(server.url, timeout=READ_S))
        assert server.connections == 1


def test_a_connection_that_was_opened_before_ends() -> None:
    with DripServer() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError), Deadline(0.3, client):
            while client.recv(100):
                pass


def test_a_library_that_tries_again_gets_no_more_time() -> None:
    def again_and_again() -> None:
        while True:
            try:
                by_urllib(server)
            except TimeoutError:
                raise
            except OSError:
                pass

    with DripServer("status") as server:
        assert ends_in_time(again_and_again)
        assert server.connections == 1


def test_a_block_in_time_changes_nothing() -> None:
    with DripServer(good=1) as server, Deadline(30.0):
        assert requests.get(server.url, timeout=READ_S).json() == {"ok": True}
    assert not any(thread.name == "deadline" for thread in threading.enumerate())


def test_an_error_in_time_keeps_its_kind() -> None:
    with pytest.raises(ConnectionRefusedError), Deadline(30.0):
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        socket.create_connection(("127.0.0.1", port))


def test_calls_in_other_threads_are_left_alone() -> None:
    others: list[str] = []

    def other() -> None:
        with DripServer("body", every_s=0.0) as quick, Deadline(60.0):
            client = socket.create_connection(("127.0.0.1", quick.port))
            started.set()
            ended.wait(30)
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            others.append(client.recv(4).decode())
            client.close()

    started, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=other)
    thread.start()
    assert started.wait(10)
    with DripServer() as server:
        assert ends_in_time(lambda: by_urllib(server))
    ended.set()
    thread.join(10)
    assert "HTTP".startswith(others[0])


def test_a_file_that_got_the_number_of_a_closed_socket_is_spared() -> None:
    ours, theirs = socket.socketpair()
    with DripServer(good=1) as server, ours, theirs:
        with Deadline(30.0):
            client = socket.create_connection(("127.0.0.1", server.port))
        number = client.detach()
        with pytest.raises(TimeoutError), Deadline(0.05):
            os.dup2(ours.fileno(), number)
            time.sleep(0.3)
        theirs.sendall(b"still open")
        assert os.read(number, 20) == b"still open"
        os.close(number)


def test_no_socket_stays_open_because_of_a_deadline() -> None:
    with DripServer(good=50) as server:
        before = open_files()
        for _ in range(5):
            with Deadline(30.0):
                by_urllib(server)
        until(lambda: open_files() <= before + 1, "the sockets are closed")


def test_an_upload_gets_time_for_its_size() -> None:
    assert upload_s(0) == CALL_S
    assert upload_s(20_000_000) == CALL_S + 1000

"""gunicorn's worker for slow senders, in the real gunicorn; and the private names it relies on."""

import contextlib
import hashlib
import http.client
import inspect
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from gunicorn import util
from gunicorn.workers import gthread

from app.web.slack.patient_worker import READ_S, _is_whole
from tests.waiting import patience, until
from tests.web.slack.conftest import SLACK_WAITS_S, Endpoint

SLOW = (
    b"",
    b"P",
    b"POST /status HTTP/1.1\r\n",
    b"POST /status HTTP/1.1\r\nContent-Length: 9\r\n\r\na",
    b"POST /status HTTP/1.1\r\nContent-Length: 70000\r\n\r\na",
    b"POST /status HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\na",
    b"POST /status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na",
    b"POST /status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n0\r\n\r\n",
)
#: Requests that are never whole: their beginning, and what follows again and again.
DRIPPING = {
    "head": (b"POST /help HTTP/1.1\r\nHost: x\r\nX-Filler: ", b"a"),
    "body": (b"POST /help HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b"a"),
    "chunks": (
        b"POST /help HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\na\r\n",
    ),
}


@contextlib.contextmanager
def senders(endpoint: Endpoint, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=15))
            for _ in range(count)
        ]


def test_slow_senders_hold_up_nobody(endpoint: Endpoint) -> None:
    with senders(endpoint, 70) as slow:
        for number, sender in enumerate(slow):
            sender.sendall(SLOW[number % len(SLOW)])
        began_s = time.monotonic()
        assert [endpoint.command("/help").status for _ in range(5)] == [200] * 5
        assert time.monotonic() - began_s < patience(SLACK_WAITS_S)


def test_slow_senders_are_cut_off(endpoint: Endpoint) -> None:
    with senders(endpoint, len(SLOW)) as slow:
        for sender, sent in zip(slow, SLOW, strict=True):
            sender.sendall(sent)
        assert {answer(sender) for sender in slow} <= {b"", b"HTTP/1.1 400", b"HTTP/1.1 413"}


def answer(sender: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return sender.recv(100)[:12]
    return b""


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b"0\r\n\r\n", True),
        (b"3\r\nabc\r\n0\r\n\r\n", True),
        (b"3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", True),
        (b"10000\r\n" + b"a" * 65_536 + b"\r\n1\r\na", True),
        (b"", False),
        (b"3", False),
        (b"3\r\nabc\r\n0\r\n", False),
        (b"ffff\r\n0\r\n\r\n", False),
        (b"10000\r\n" + b"a" * 65_536, False),
        (b"1\r\na\r\n" * 13_000, False),
        (b"-1\r\n\r\n0\r\n\r\n", False),
        (b"fffffffff\r\n0\r\n\r\n", False),
    ],
    ids=range(12),
)
def test_a_chunked_body_is_whole_after_its_last_chunk(body: bytes, whole: bool) -> None:
    assert _is_whole(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body) is whole


@pytest.mark.parametrize(
    ("sent", "whole"),
    [
        (None, False),
        (b"", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\ncontent-length:3\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"a" * 65_536, False),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"a" * 65_537, True),
        (b"POST / HTTP/1.1\r\nX: " + b"a" * 16_384, True),
        (b"POST / HTTP/1.1\r\nX: " + b"a" * 16_000, False),
    ],
    ids=range(9),
)
def test_a_request_is_whole_or_there_is_nothing_to_wait_for(
    sent: bytes | None, whole: bool
) -> None:
    assert _is_whole(sent) is whole


def test_bytes_that_drip_extend_no_deadline(endpoint: Endpoint) -> None:
    began_s, over = time.monotonic(), threading.Event()
    with senders(endpoint, 24) as slow:
        open_ones = set(slow)

        def drip() -> None:
            for number, sender in enumerate(slow):
                sender.sendall([*DRIPPING.values()][number % len(DRIPPING)][0])
            while open_ones and not over.wait(0.1):
                for number, sender in enumerate(slow):
                    try:
                        sender.send([*DRIPPING.values()][number % len(DRIPPING)][1])
                    except OSError:
                        open_ones.discard(sender)

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert endpoint.command("/help").status == 200
            until(lambda: not open_ones, "all are cut off", 4 * READ_S)
            assert time.monotonic() - began_s >= READ_S
        finally:
            over.set()
            dripping.join()


def test_a_body_without_a_length_is_refused_when_it_is_too_long(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as sender:
        sender.sendall(b"POST /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sender.sendall(
            b"10000\r\n" + b"a" * 65_536 + b"\r\n" + b"10\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n"
        )
        assert sender.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_request_in_pieces_is_answered(endpoint: Endpoint) -> None:
    signed = endpoint.slack.slash("/help")
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    head = f"POST /help HTTP/1.1\r\nHost: x\r\nContent-Length: {len(signed.body)}\r\n{head}\r\n"
    whole = head.encode() + signed.body
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), 100):
            sender.sendall(whole[at : at + 100])
        assert sender.recv(100).startswith(b"HTTP/1.1 200")


def test_a_client_that_keeps_connections_is_answered(endpoint: Endpoint) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    for _ in range(3):
        signed = endpoint.slack.slash("/help")
        connection.request("POST", "/help", signed.body, signed.headers)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        assert answer.read()
    connection.close()


# --- the private names ---

#: The methods of gunicorn's worker that ours overrides or calls, with their parameters.
METHODS = {
    "accept": ["self", "listener"],
    "enqueue_req": ["self", "conn"],
    "handle": ["self", "conn"],
    "handle_request": ["self", "req", "conn"],
    "run": ["self"],
    "wait_for_and_dispatch_events": ["self", "timeout"],
}
#: A digest of the source of those methods in gunicorn 27.0.1.
DIGEST = "0a2e5a78f449c864"


@pytest.mark.parametrize(("name", "parameters"), METHODS.items(), ids=METHODS)
def test_gunicorn_has_the_methods_we_rely_on(name: str, parameters: list[str]) -> None:
    found = getattr(gthread.ThreadWorker, name)
    assert [*inspect.signature(found).parameters] == parameters


def test_gunicorn_has_the_attributes_we_rely_on() -> None:
    worker = inspect.getsource(gthread.ThreadWorker)
    for used in ("self.nr_conns", "self.tpool", "self.method_queue"):
        assert f"{used} = " in worker
    assert [*inspect.signature(gthread.PollableMethodQueue.defer).parameters][:2] == [
        "self",
        "callback",
    ]
    assert [*inspect.signature(util.close_graceful).parameters][:2] == ["sock", "timeout"]
    assert "self.sock = sock" in inspect.getsource(gthread.TConn)


def test_gunicorns_worker_has_not_changed() -> None:
    source = "".join(inspect.getsource(getattr(gthread.ThreadWorker, name)) for name in METHODS)
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == DIGEST, (
        "gunicorn has changed the methods that PatientWorker overrides. Read the new ones beside "
        "it; when it still fits, change DIGEST."
    )

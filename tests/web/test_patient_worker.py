"""Our gunicorn worker against slow and hostile senders; and the private names it relies on."""

import contextlib
import hashlib
import http.client as http_client
import inspect
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from gunicorn import http
from gunicorn.http import body
from gunicorn.workers import gthread

from app.web.patient_worker import READ_S
from tests.waiting import Stopwatch, patience, until
from tests.web.conftest import SLACK_WAITS_S, Endpoint

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
        with Stopwatch() as watch:
            assert [endpoint.command("/help").status for _ in range(5)] == [200] * 5
        assert watch.seconds < patience(SLACK_WAITS_S)


def test_slow_senders_are_cut_off(endpoint: Endpoint) -> None:
    with senders(endpoint, len(SLOW)) as slow:
        for sender, sent in zip(slow, SLOW, strict=True):
            sender.sendall(sent)
        assert {answer(sender)[:10] for sender in slow} <= {b"", b"HTTP/1.1 4"}


def answer(sender: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return sender.recv(100)[:12]
    return b""


#: Every way to say where a request ends, and ways to leave it open. Nobody signs them.
_POST = b"POST /help HTTP/1.1\r\nHost: x\r\n"
_LENGTH = _POST + b"Content-Length: "
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
ENDS = {
    "length with leading zeros": _LENGTH + b"00000000000050000\r\n\r\na",
    "length with a sign": _LENGTH + b"+5\r\n\r\nabcde",
    "negative length": _LENGTH + b"-1\r\n\r\n",
    "length with spaces": _LENGTH + b" \t 5000 \t \r\n\r\na",
    "length in other digits": _LENGTH + "\u0665".encode() + b"\r\n\r\n",
    "length with underscores": _LENGTH + b"5_0\r\n\r\na",
    "hexadecimal length": _LENGTH + b"0x10\r\n\r\na",
    "huge length": _LENGTH + b"9" * 4000 + b"\r\n\r\na",
    "two lengths": _LENGTH + b"1\r\nContent-Length: 5000\r\n\r\na",
    "two lengths in one": _LENGTH + b"1, 5000\r\n\r\na",
    "length and chunks": _LENGTH + b"0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "length with an underscore": _POST + b"Content_Length: 0\r\nContent-Length: 50\r\n\r\na",
    "empty length": _LENGTH + b"\r\n\r\n",
    "early end": _CHUNKED + b"5000\r\n0\r\n\r\n",
    "early end in a trailer": _CHUNKED + b"0\r\nX: y\r\n",
    "chunk extension": _CHUNKED + b'5;a="0\r\n\r\n',
    "long chunk extension": _CHUNKED + b"5;" + b"a" * 5000,
    "many chunks": _CHUNKED + b"1\r\na\r\n" * 13_000,
    "chunk size with zeros": _CHUNKED + b"0" * 3000 + b"5\r\na",
    "negative chunk": _CHUNKED + b"-1\r\n\r\n0\r\n\r\n",
    "chunk without an end": _CHUNKED + b"1\r\nabc",
    "endless trailer": _CHUNKED + b"0\r\n" + b"X: y\r\n" * 3000,
    "chunked twice": _POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n",
    "other coding": _POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "coding with a tab": _POST + b"Transfer-Encoding:\tchunked \r\n\r\n9\r\na",
    "lines that end in LF": b"POST /help HTTP/1.1\nHost: x\nContent-Length: 9\n\na",
    "folded header": _POST + b"Content-Length:\r\n 9\r\n\r\na",
    "space before the colon": _POST + b"Content-Length : 9\r\n\r\na",
    "huge head": _POST + b"X: " + b"a" * 30_000,
    "many headers": _POST + b"X: y\r\n" * 5000,
    "HTTP/0.9": b"GET /help\r\n",
    "HTTP/1.0": b"POST /help HTTP/1.0\r\nContent-Length: 9\r\n\r\na",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "waiting to continue": _POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    "pipelined": (_LENGTH + b"0\r\n\r\n") * 20 + _LENGTH + b"9\r\n\r\na",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "zeros": bytes(4000),
}


def test_no_form_of_a_length_holds_anybody_up(endpoint: Endpoint) -> None:
    every = [*ENDS.values()]
    for forms in (every[:13], every[13:26], every[26:]):
        with senders(endpoint, 8 * len(forms)) as strangers:
            for number, stranger in enumerate(strangers):
                stranger.sendall(forms[number % len(forms)])
            with Stopwatch() as watch:
                assert [endpoint.command("/help").status for _ in range(3)] == [200] * 3
            assert watch.seconds < patience(SLACK_WAITS_S)
    assert "Traceback" not in endpoint.program.log


def test_every_form_of_a_length_is_refused_or_cut_off(endpoint: Endpoint) -> None:
    with senders(endpoint, len(ENDS)) as strangers:
        for stranger, sent in zip(strangers, ENDS.values(), strict=True):
            stranger.sendall(sent)
        answers = dict(zip(ENDS, map(answer, strangers), strict=True))
    # gunicorn does not know the coding; every other one is refused, or never whole.
    assert answers.pop("other coding") in (b"HTTP/1.1 400", b"HTTP/1.1 501")
    assert {code[:10] for code in answers.values()} <= {b"", b"HTTP/1.1 4"}, answers


#: Headers that a proxy may set, and that change the path or the scheme in other servers.
PROXYING = (
    "SCRIPT_NAME: /x",
    "Script-Name: /x",
    "PATH_INFO: /x",
    "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off",
    "X-Forwarded-Prefix: /x",
    "Host: [::1",
    "Host: \xff",
    "Expect: nothing",
)


@pytest.mark.parametrize("header", PROXYING)
def test_no_header_makes_an_error_of_ours(endpoint: Endpoint, header: str) -> None:
    host = "" if header.startswith("Host") else "Host: x\r\n"
    sent = f"POST /help HTTP/1.1\r\n{host}{header}\r\nContent-Length: 0\r\n\r\n"
    with senders(endpoint, 1) as (stranger,):
        stranger.sendall(sent.encode("latin-1"))
        assert answer(stranger) in (b"HTTP/1.1 401", b"HTTP/1.1 417")


def test_senders_that_were_refused_and_stay_hold_up_nobody(endpoint: Endpoint) -> None:
    too_long = _LENGTH + b"70000\r\n\r\n" + b"a" * 70_000
    with senders(endpoint, 60) as strangers:
        for stranger in strangers:
            stranger.sendall(too_long)
        with Stopwatch() as watch:
            assert endpoint.command("/help").status == 200
        assert watch.seconds < patience(SLACK_WAITS_S)
        assert {answer(stranger) for stranger in strangers} == {b"HTTP/1.1 413"}


def test_tiny_chunks_of_100_senders_hold_up_nobody(endpoint: Endpoint) -> None:
    with senders(endpoint, 100) as strangers:
        for stranger in strangers:
            stranger.sendall(ENDS["many chunks"])
        with Stopwatch() as watch:
            assert endpoint.command("/help").status == 200
        assert watch.seconds < patience(SLACK_WAITS_S)


def test_the_newest_of_400_connections_is_answered(endpoint: Endpoint) -> None:
    with senders(endpoint, 400) as slow:
        for sender in slow:
            sender.sendall(b"POST /help HTTP/1.1\r\n")
        with Stopwatch() as watch:
            assert endpoint.command("/help").status == 200
        assert watch.seconds < patience(READ_S)


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
    connection = http_client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    for _ in range(3):
        signed = endpoint.slack.slash("/help")
        connection.request("POST", "/help", signed.body, signed.headers)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        assert answer.read()
    connection.close()


def test_an_idle_worker_hardly_wakes(own_endpoint: Endpoint) -> None:
    (worker,) = psutil.Process(own_endpoint.program.pid).children()
    loop = Path(f"/proc/{worker.pid}/task/{worker.pid}/status")

    def waits() -> int:
        return int(loop.read_text().partition("voluntary_ctxt_switches:")[2].split()[0])

    def rests() -> bool:
        before = waits()
        time.sleep(2.5)
        return waits() - before < 2

    # gunicorn's own loop waits for one second at a time, so it would never rest.
    until(rests, "it waits for more than a second at a time")


# --- the private names ---

#: The methods of gunicorn's worker that ours overrides or calls, with their parameters.
METHODS = {
    "accept": ["self", "listener"],
    "enqueue_req": ["self", "conn"],
    "handle_error": ["self", "req", "client", "addr", "exc"],
    "handle_request": ["self", "req", "conn"],
    "run": ["self"],
    "wait_for_and_dispatch_events": ["self", "timeout"],
}
#: A digest of the source of those methods in gunicorn 27.0.1.
DIGEST = "4b0c626a16343217"


@pytest.mark.parametrize(("name", "parameters"), METHODS.items(), ids=METHODS)
def test_gunicorn_has_the_methods_we_rely_on(name: str, parameters: list[str]) -> None:
    found = getattr(gthread.ThreadWorker, name)
    assert [*inspect.signature(found).parameters] == parameters


def test_gunicorn_has_the_attributes_we_rely_on() -> None:
    worker = inspect.getsource(gthread.ThreadWorker)
    for used in ("self.nr_conns", "self.tpool", "self.poller", "self.method_queue"):
        assert f"{used} = " in worker
    assert [*inspect.signature(gthread.PollableMethodQueue.defer).parameters][:2] == [
        "self",
        "callback",
    ]
    assert [*inspect.signature(http.get_parser).parameters][:3] == ["cfg", "source", "source_addr"]
    assert "self.client = client" in inspect.getsource(gthread.TConn)
    assert "self.parser = self.parse_chunked(" in inspect.getsource(body.ChunkedReader)
    assert "self.reader = reader" in inspect.getsource(body.Body)
    assert "self.sock = sock" in inspect.getsource(gthread.TConn)


def test_gunicorns_worker_has_not_changed() -> None:
    source = "".join(inspect.getsource(getattr(gthread.ThreadWorker, name)) for name in METHODS)
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == DIGEST, (
        "gunicorn has changed the methods that PatientWorker overrides. Read the new ones beside "
        "it; when it still fits, change DIGEST."
    )

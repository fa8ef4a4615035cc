"""Calls to routers whose web server has faults, and whose certificate nobody has signed."""

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from app.errors import RouterError, RouterRefused
from app.presence.base import Router
from app.presence.routers import http_client
from tests.presence.backends import HTTP_BACKENDS, Backend
from tests.servers.certificate import Certificate, self_signed
from tests.servers.ports import free_port
from tests.servers.router import FAULTS, SLOW_FAULTS, Phone, always, malforms_a_header
from tests.servers.router_classic import ClassicRouter
from tests.waiting import Stopwatch, until

KINDS = ("http_json by its answer", "openwrt", "fritzbox")
#: The timeout for the faults in which it has to pass.
SHORT_S = 0.5
#: Far more than a few calls take on a busy machine, and far less than a fault lasts.
_SOON_S = 30.0
#: The sentences for the faults that are the same with all routers.
SENTENCES = {
    **dict.fromkeys(SLOW_FAULTS, f"does not answer within {SHORT_S:g} s"),
    "broken off": "breaks off in the middle of its answer",
    "hung up": "does not answer: it closes the connection",
    "not HTTP": "answers with something that is not HTTP",
    "3 MiB": "answers with more than 2 MiB",
    "packed": "compresses its answer, although it was asked not to",
}
ANNA = Phone("aa:bb:cc:00:00:01", "annas-iphone", "192.168.1.11")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate") / "router.pem")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def backend(kind: str) -> Iterator[Backend]:
    with HTTP_BACKENDS[kind](None) as made:
        yield made


@pytest.fixture
def secure(kind: str, certificate: Certificate) -> Iterator[Backend]:
    with HTTP_BACKENDS[kind](certificate) as made:
        yield made


def known(router: Router) -> None:
    """Poll until *router* answers: on a busy machine a short timeout may pass before that."""

    def answers() -> bool:
        with contextlib.suppress(RouterError):
            router.devices()
            return True
        return False

    until(answers, "the router answers")


def failure(
    backend: Backend, fault: str, caplog: pytest.LogCaptureFixture, *, first: bool = False
) -> RouterError:
    """Return the error of a poll of a router with *fault*; it comes soon, and shows no secret.

    The router has answered before, unless this is the *first* poll.
    """
    assert backend.server
    caplog.set_level("DEBUG")
    if fault in SLOW_FAULTS:
        backend.settings = replace(backend.settings, timeout_s=SHORT_S)
    with backend.router() as router:
        if not first:
            known(router)
        backend.server.fault = FAULTS[fault]
        with Stopwatch() as watch, pytest.raises(RouterError) as caught:
            router.devices()
        assert watch.seconds < _SOON_S
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in backend.secrets if secret in shown]
    assert "\n" not in str(caught.value)
    assert str(backend.server.port) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_ends_soon_with_one_sentence(
    backend: Backend, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert SENTENCES.get(fault, "") in str(failure(backend, fault, caplog))
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in SLOW_FAULTS])
def test_so_it_is_at_the_first_poll(
    backend: Backend, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    failure(backend, fault, caplog, first=True)


@pytest.mark.parametrize("fault", [*SLOW_FAULTS, "broken off", "hung up", "3 MiB"])
def test_so_it_is_with_tls(
    certificate: Certificate, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    with HTTP_BACKENDS["openwrt"](certificate) as backend:
        assert SENTENCES[fault] in str(failure(backend, fault, caplog))


def test_without_our_deadline_urllib3_would_wait() -> None:
    """A failure here means that urllib3 has learned deadlines, and that ours can go.

    On a machine that stands still the servers are silent, and that ends a call too.
    """
    assert any(urllib3_waits() for _ in range(3))


def urllib3_waits() -> bool:
    timeout = urllib3.Timeout(total=2.0)
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(urllib3.PoolManager(timeout=timeout, retries=False))

        def call(url: str) -> None:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                pool.request("GET", url)

        callers = {}
        for fault in ("drip", "drip in a chunk's size", "100 Continue"):
            server = stack.enter_context(ClassicRouter())
            server.fault = FAULTS[fault]
            callers[fault] = threading.Thread(target=call, args=(server.url,))
            stack.callback(callers[fault].join)
            stack.callback(server.stop)
            callers[fault].start()
        time.sleep(3.0)
        return all(caller.is_alive() for caller in callers.values())


def test_a_malformed_header_puts_no_address_into_the_log(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    assert backend.server
    caplog.set_level("DEBUG")
    session = http_client.open_session(backend.settings, "the router")
    with contextlib.closing(session):
        backend.server.fault = malforms_a_header
        assert session.get(f"{backend.settings.url}/?token=geheim").status_code == 200
    assert "geheim" not in caplog.text


def test_a_router_that_is_down_does_not_answer(backend: Backend) -> None:
    assert backend.server
    backend.server.stop()
    with (
        backend.router() as router,
        pytest.raises(RouterError, match="does not answer: Connection refused"),
    ):
        router.devices()


def test_an_unknown_host_is_named(backend: Backend) -> None:
    backend.settings = replace(backend.settings, url="http://no-such-router.invalid")
    with (
        backend.router() as router,
        pytest.raises(
            RouterError, match=r"the .* at http://no-such-router\.invalid.* does not answer: "
        ),
    ):
        router.devices()


def test_a_slow_search_for_the_address_costs_no_call(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver waits 5 s for a name server that is down, as long as the usual timeout."""
    search = socket.getaddrinfo

    def search_slowly(host: Any, port: Any, *args: Any) -> Any:
        time.sleep(1.5)
        return search(host, port, *args)

    monkeypatch.setattr(socket, "getaddrinfo", search_slowly)
    backend.settings = replace(backend.settings, timeout_s=1.0)

    def is_answered() -> bool:
        session = http_client.open_session(backend.settings, "the router")
        with contextlib.closing(session), contextlib.suppress(RouterError):
            session.get(str(backend.settings.url))
            return True
        return False

    assert any(is_answered() for _ in range(3)), "each search is slow, but not each call"


def test_no_proxy_of_the_environment_is_asked(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    backend.show([ANNA])
    with backend.router() as router:
        assert [one.mac for one in router.devices()] == [ANNA.mac]


def test_passwords_come_only_from_the_settings(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert backend.server
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    backend.show([ANNA])
    with backend.router() as router:
        router.devices()
    assert not [
        one
        for one in backend.server.asked
        if str(one.headers.get("Authorization")).startswith("Basic")
    ]


@pytest.mark.parametrize("host", ["x" * 70, "a..b"])
def test_an_impossible_address_is_refused(backend: Backend, host: str) -> None:
    backend.settings = replace(backend.settings, url=f"http://{host}")
    with (
        backend.router() as router,
        pytest.raises(RouterRefused, match="cannot be asked like this"),
    ):
        router.devices()


def test_redirects_are_not_followed(backend: Backend) -> None:
    assert backend.server
    with ClassicRouter() as elsewhere:
        backend.server.fault = always(
            b"", 307, "text/xml", ("Location", f"{elsewhere.url}/login.html")
        )
        with backend.router() as router, pytest.raises(RouterError):
            router.devices()
        assert not elsewhere.asked


def test_a_pinned_certificate_is_accepted(secure: Backend) -> None:
    secure.show([ANNA])
    with secure.router() as router:
        for _ in range(2):
            assert [one.mac for one in router.devices()] == [ANNA.mac]


def test_an_unsigned_certificate_is_refused_with_its_fingerprint(
    secure: Backend, certificate: Certificate
) -> None:
    assert secure.server
    secure.settings = replace(secure.settings, fingerprint=None)
    with secure.router() as router, pytest.raises(RouterRefused) as caught:
        router.devices()
    assert "shows a certificate that this machine does not trust (self-signed certificate)" in str(
        caught.value
    )
    assert (
        f"trust it and no other by presence.router.fingerprint: {certificate.fingerprint}"
        in str(caught.value)
    )
    assert not secure.server.asked


def test_another_certificate_than_the_pinned_gets_no_request(
    secure: Backend, certificate: Certificate
) -> None:
    assert secure.server
    secure.settings = replace(secure.settings, fingerprint=":".join(["AB"] * 32))
    with (
        secure.router() as router,
        pytest.raises(
            RouterRefused, match=r"the one that presence\.router\.fingerprint names"
        ) as caught,
    ):
        router.devices()
    assert certificate.fingerprint in str(caught.value)
    assert not secure.server.asked


def test_https_to_an_http_server_is_explained(backend: Backend) -> None:
    backend.settings = replace(
        backend.settings, url=str(backend.settings.url).replace("http:", "https:")
    )
    with (
        backend.router() as router,
        pytest.raises(
            RouterError, match=r"does not answer in TLS \(.*\); is its url perhaps http://\?"
        ),
    ):
        router.devices()


def test_http_to_an_https_server_is_an_error(secure: Backend) -> None:
    secure.settings = replace(
        secure.settings, url=str(secure.settings.url).replace("https:", "http:"), fingerprint=None
    )
    with secure.router() as router, pytest.raises(RouterError):
        router.devices()


def test_a_certificate_the_machine_trusts_needs_no_fingerprint(
    secure: Backend, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    secure.settings = replace(secure.settings, fingerprint=None)
    secure.show([ANNA])
    with secure.router() as router:
        assert [one.mac for one in router.devices()] == [ANNA.mac]


def test_a_trusted_certificate_of_another_host_is_refused(
    secure: Backend, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secure.server
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    url = secure.server.url.replace("127.0.0.1", "localhost")
    secure.settings = replace(secure.settings, url=url, fingerprint=None)
    with secure.router() as router, pytest.raises(RouterRefused, match="Hostname mismatch"):
        router.devices()
    assert not secure.server.asked

"""Routers whose web server misbehaves, and whose certificate nobody has signed."""

import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import RouterError, RouterRefused
from tests.presence.stages import ON_THE_WEB, TIMEOUT_S, Stage
from tests.servers.certificate import Certificate, self_signed
from tests.servers.ports import free_port
from tests.servers.router import MOODS, Phone, says
from tests.servers.router_classic import ClassicRouter

KINDS = ("http_json by its answer", "openwrt", "fritzbox")
#: Far more than a few calls may take, and far less than a mood lasts.
_SOON_S = 10.0
ANNA = Phone("aa:bb:cc:00:00:01", "annas-iphone", "192.168.1.11")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("certificate") / "router.pem")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(kind: str) -> Iterator[Stage]:
    with ON_THE_WEB[kind](None) as made:
        yield made


@pytest.fixture
def secure(kind: str, certificate: Certificate) -> Iterator[Stage]:
    with ON_THE_WEB[kind](certificate) as made:
        yield made


def failure(
    stage: Stage, mood: str, caplog: pytest.LogCaptureFixture, known: bool = True
) -> RouterError:
    """What a poll raises when the router, *known* by an earlier poll, is in *mood*; it comes soon,
    and tells no secret.
    """
    assert stage.server
    caplog.set_level("DEBUG")
    with stage.router() as router:
        if known:
            router.devices()
        stage.server.mood = MOODS[mood]
        began_s = time.monotonic()
        with pytest.raises(RouterError) as caught:
            router.devices()
        assert time.monotonic() - began_s < _SOON_S
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in stage.secrets if secret in told]
    assert "\n" not in str(caught.value)
    assert str(stage.server.port) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("mood", MOODS)
def test_whatever_a_router_does_is_over_soon_with_one_sentence(
    stage: Stage, mood: str, caplog: pytest.LogCaptureFixture
) -> None:
    failure(stage, mood, caplog)


@pytest.mark.parametrize("mood", MOODS)
def test_so_it_is_when_nothing_was_asked_before(
    stage: Stage, mood: str, caplog: pytest.LogCaptureFixture
) -> None:
    failure(stage, mood, caplog, known=False)


@pytest.mark.parametrize(
    "mood", ["deaf", "drip", "drip after the headers", "broken off", "hung up", "3 MiB"]
)
def test_so_it_is_with_tls(secure: Stage, mood: str, caplog: pytest.LogCaptureFixture) -> None:
    failure(secure, mood, caplog)


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("slow", f"does not answer within {TIMEOUT_S:g} s"),
        ("drip", f"does not answer within {TIMEOUT_S:g} s"),
        ("drip after the headers", f"does not answer within {TIMEOUT_S:g} s"),
        ("broken off", "breaks off in the middle of its answer"),
        ("hung up", "does not answer: it closes the connection"),
        ("not HTTP", "answers with something that is not HTTP"),
        ("3 MiB", "answers with more than 1 MiB"),
        ("packed", "compresses its answer, though asked not to"),
    ],
)
def test_the_sentence_says_what_is_wrong(
    stage: Stage, mood: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert said in str(failure(stage, mood, caplog))


def test_a_router_that_is_down_does_not_answer(stage: Stage) -> None:
    assert stage.server
    stage.server.stop()
    with (
        stage.router() as router,
        pytest.raises(RouterError, match="does not answer: Connection refused"),
    ):
        router.devices()


def test_an_unknown_host_is_said_to_be_one(stage: Stage) -> None:
    stage.settings = replace(stage.settings, url="http://no-such-router.invalid")
    with (
        stage.router() as router,
        pytest.raises(
            RouterError, match=r"the .* at http://no-such-router\.invalid.* does not answer: "
        ),
    ):
        router.devices()


def test_no_proxy_of_the_environment_is_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    stage.show([ANNA])
    with stage.router() as router:
        assert [one.mac for one in router.devices()] == [ANNA.mac]


def test_no_password_is_looked_for_but_in_the_settings(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert stage.server
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    stage.show([ANNA])
    with stage.router() as router:
        router.devices()
    assert not [
        one
        for one in stage.server.asked
        if str(one.headers.get("Authorization")).startswith("Basic")
    ]


@pytest.mark.parametrize("host", ["x" * 70, "a..b"])
def test_an_address_that_cannot_be_one_is_said_to_be_so(stage: Stage, host: str) -> None:
    stage.settings = replace(stage.settings, url=f"http://{host}")
    with stage.router() as router, pytest.raises(RouterRefused, match="cannot be asked like this"):
        router.devices()


def test_nobody_is_asked_at_an_address_that_the_router_sends_to(stage: Stage) -> None:
    assert stage.server
    with ClassicRouter() as elsewhere:
        stage.server.mood = says(b"", 307, "text/xml", ("Location", f"{elsewhere.url}/login.html"))
        with stage.router() as router, pytest.raises(RouterError):
            router.devices()
        assert not elsewhere.asked


def test_no_thread_is_left_behind(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    failure(stage, "drip", caplog)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_a_certificate_that_is_pinned_is_good(secure: Stage) -> None:
    secure.show([ANNA])
    with secure.router() as router:
        for _ in range(2):
            assert [one.mac for one in router.devices()] == [ANNA.mac]


def test_a_certificate_that_nobody_signed_is_refused_and_its_fingerprint_shown(
    secure: Stage, certificate: Certificate
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


def test_another_certificate_than_the_pinned_one_is_refused_and_nothing_is_said_to_who_shows_it(
    secure: Stage, certificate: Certificate
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


def test_https_where_only_http_is_spoken_is_said(stage: Stage) -> None:
    stage.settings = replace(stage.settings, url=str(stage.settings.url).replace("http:", "https:"))
    with (
        stage.router() as router,
        pytest.raises(
            RouterError, match=r"does not answer in TLS \(.*\); is its url perhaps http://\?"
        ),
    ):
        router.devices()


def test_http_where_only_https_is_spoken_is_an_error(secure: Stage) -> None:
    secure.settings = replace(
        secure.settings, url=str(secure.settings.url).replace("https:", "http:"), fingerprint=None
    )
    with secure.router() as router, pytest.raises(RouterError):
        router.devices()


def test_a_certificate_that_the_machine_trusts_needs_no_fingerprint(
    secure: Stage, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    secure.settings = replace(secure.settings, fingerprint=None)
    secure.show([ANNA])
    with secure.router() as router:
        assert [one.mac for one in router.devices()] == [ANNA.mac]

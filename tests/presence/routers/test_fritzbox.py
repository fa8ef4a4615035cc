"""A FRITZ!Box's refusals, and fritzconnection's part in them."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version

import pytest
from pydantic import SecretStr

from app.errors import RouterError, RouterRefused
from tests.presence.backends import Backend, fritzbox
from tests.servers.router import PAGE, Phone, Reply, always
from tests.servers.router_fritzbox import FritzboxServer

ANNA = Phone("AA:BB:CC:00:00:01", "annas-iphone", "192.168.178.21")


@pytest.fixture
def backend() -> Iterator[Backend]:
    with fritzbox() as made:
        made.show([ANNA])
        yield made


@pytest.fixture
def server(backend: Backend) -> FritzboxServer:
    assert isinstance(backend.server, FritzboxServer)
    return backend.server


def refusal(backend: Backend) -> str:
    with backend.router() as router, pytest.raises(RouterRefused) as caught:
        router.devices()
    return str(caught.value)


def test_the_box_is_described_once_and_then_asked_in_few_calls(
    backend: Backend, server: FritzboxServer
) -> None:
    with backend.router() as router:
        for _ in range(3):
            assert [one.hostname for one in router.devices()] == ["annas-iphone"]
    assert [one.path for one in server.asked].count("/tr64desc.xml") == 1
    assert len(server.asked) == 2 + 1 + 3 * 2


def test_a_wrong_password_is_refused(backend: Backend) -> None:
    backend.settings = replace(backend.settings, password=SecretStr("wrong-geheim"))
    said = refusal(backend)
    assert (
        "refuses whos-there: look at username and password of presence.router, and at the user's "
        "rights" in said
    )
    assert "geheim" not in said


def test_a_user_whose_name_http_cannot_carry_is_refused(backend: Backend) -> None:
    backend.settings = replace(backend.settings, username="who\u20ac")
    assert (
        "presence.router.url, username or a header has characters that HTTP cannot carry"
        in refusal(backend)
    )


@pytest.mark.parametrize("path", ["@127.0.0.1:1/list", ".evil.example/list", "http://x/", "[", " "])
def test_a_path_that_leads_to_another_host_is_refused(
    backend: Backend, server: FritzboxServer, path: str
) -> None:
    server.list_path = path
    with backend.router() as router, pytest.raises(RouterError, match="no address of its list"):
        router.devices()


def test_a_description_that_leads_to_another_host_is_refused(
    backend: Backend, server: FritzboxServer
) -> None:
    server.control = f"@localhost:{server.port}/upnp/control/hosts"
    with backend.router() as router, pytest.raises(RouterError, match="on another host"):
        router.devices()
    assert "/upnp/control/hosts" not in [one.path for one in server.asked]


def test_a_user_without_rights_is_refused(backend: Backend, server: FritzboxServer) -> None:
    server.soap_fault = 606
    assert "and at the user's rights" in refusal(backend)


@pytest.mark.parametrize("soap_fault", [401, 402, 501, 820])
def test_any_other_fault_is_an_error(
    backend: Backend, server: FritzboxServer, soap_fault: int
) -> None:
    server.soap_fault = soap_fault
    with (
        backend.router() as router,
        pytest.raises(RouterError, match="does not answer as a FRITZ!Box does"),
    ):
        router.devices()


def test_a_box_without_access_for_applications_is_refused(
    backend: Backend, server: FritzboxServer
) -> None:
    server.applications = False
    assert "offers no TR-064: allow access for applications" in refusal(backend)


def test_a_box_that_is_too_old_is_refused(backend: Backend, server: FritzboxServer) -> None:
    server.old = True
    assert "its FRITZ!OS is too old; update it" in refusal(backend)


@pytest.mark.parametrize(
    "body", [b"<root/>", b"<List>", b"\xff", b"<?xml version='1.0'?><a><detail/></a>"]
)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_xml_that_no_box_sends_is_an_error(
    backend: Backend, server: FritzboxServer, body: bytes, status: int
) -> None:
    with backend.router() as router:
        for known in (False, True):
            server.fault = always(body, status, "text/xml")
            with pytest.raises(RouterError):
                router.devices()
            server.fault = None
            assert len(router.devices()) == 1, known


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<root/>", 200, "text/xml"),
        Reply(b"<error/>", 500, "text/xml"),
        Reply(b"", 200, "text/xml"),
        Reply(PAGE, 200, "text/html"),
    ],
)
def test_another_answer_than_the_list_is_an_error(
    backend: Backend, server: FritzboxServer, reply: Reply
) -> None:
    server.odd_list = reply
    with backend.router() as router, pytest.raises(RouterError):
        router.devices()


def test_without_the_package_its_installation_is_described(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "fritzconnection"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fritzconnection", None)
    package = f"fritzconnection=={version('fritzconnection')}"
    said = f"fritzconnection is not installed: .venv/bin/pip install {package}"
    assert refusal(backend) == said

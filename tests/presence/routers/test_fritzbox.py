"""What a FRITZ!Box refuses, and fritzconnection's part in it."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version

import pytest
from pydantic import SecretStr

from app.errors import RouterError, RouterRefused
from tests.presence.stages import Stage, fritzbox
from tests.servers.router import PAGE, Phone, Reply, says
from tests.servers.router_fritzbox import FritzboxServer

ANNA = Phone("AA:BB:CC:00:00:01", "annas-iphone", "192.168.178.21")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with fritzbox() as made:
        made.show([ANNA])
        yield made


@pytest.fixture
def server(stage: Stage) -> FritzboxServer:
    assert isinstance(stage.server, FritzboxServer)
    return stage.server


def refusal(stage: Stage) -> str:
    with stage.router() as router, pytest.raises(RouterRefused) as caught:
        router.devices()
    return str(caught.value)


def test_the_box_is_described_once_and_then_asked_in_few_calls(
    stage: Stage, server: FritzboxServer
) -> None:
    with stage.router() as router:
        for _ in range(3):
            assert [one.hostname for one in router.devices()] == ["annas-iphone"]
    assert [one.path for one in server.asked].count("/tr64desc.xml") == 1
    assert len(server.asked) == 2 + 1 + 3 * 2


def test_a_wrong_password_is_refused(stage: Stage) -> None:
    stage.settings = replace(stage.settings, password=SecretStr("wrong-geheim"))
    said = refusal(stage)
    assert (
        "refuses whos-there: look at username and password of presence.router, and at the user's "
        "rights" in said
    )
    assert "geheim" not in said


def test_a_user_whose_name_http_cannot_carry_is_refused(stage: Stage) -> None:
    stage.settings = replace(stage.settings, username="who\u20ac")
    assert "presence.router.url, username or a header has characters that HTTP cannot carry" in refusal(
        stage
    )


def test_a_user_without_rights_is_refused(stage: Stage, server: FritzboxServer) -> None:
    server.fault = 606
    assert "and at the user's rights" in refusal(stage)


@pytest.mark.parametrize("fault", [401, 402, 501, 820])
def test_any_other_fault_is_an_error(stage: Stage, server: FritzboxServer, fault: int) -> None:
    server.fault = fault
    with (
        stage.router() as router,
        pytest.raises(RouterError, match="answers something other than a FRITZ!Box does"),
    ):
        router.devices()


def test_a_box_that_shows_applications_nothing_is_told_how_to(
    stage: Stage, server: FritzboxServer
) -> None:
    server.applications = False
    assert "shows no TR-064: allow access for applications" in refusal(stage)


def test_a_box_that_is_too_old_is_said_to_be_so(stage: Stage, server: FritzboxServer) -> None:
    server.old = True
    assert "its FRITZ!OS is too old; update it" in refusal(stage)


@pytest.mark.parametrize(
    "body", [b"<root/>", b"<List>", b"\xff", b"<?xml version='1.0'?><a><detail/></a>"]
)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_xml_that_no_box_sends_is_an_error(
    stage: Stage, server: FritzboxServer, body: bytes, status: int
) -> None:
    with stage.router() as router:
        for known in (False, True):
            server.mood = says(body, status, "text/xml")
            with pytest.raises(RouterError):
                router.devices()
            server.mood = None
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
def test_something_else_in_place_of_the_list_is_an_error_and_not_an_empty_house(
    stage: Stage, server: FritzboxServer, reply: Reply
) -> None:
    server.odd_list = reply
    with stage.router() as router, pytest.raises(RouterError):
        router.devices()


def test_without_the_package_the_command_that_installs_it_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "fritzconnection"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fritzconnection", None)
    assert (
        refusal(stage)
        == f"fritzconnection is not installed: .venv/bin/pip install fritzconnection=={version('fritzconnection')}"
    )

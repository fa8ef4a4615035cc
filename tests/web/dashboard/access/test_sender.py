"""The checks of a request that concern its sender."""

import socket
from itertools import product

import pytest

from app.web.dashboard.access import sender
from tests.web.dashboard.conftest import Site

MACHINE = socket.gethostname().lower()
OWN = (
    "localhost",
    "LocalHost:52963",
    "127.0.0.1:52963",
    "192.168.1.7",
    "[::1]:52963",
    "[2001:db8::1]",
    MACHINE,
    f"{MACHINE}.local:52963",
    f"{MACHINE}.lan.",
    f"{MACHINE}.home.arpa",
    f"{MACHINE}.internal",
)
#: The last three can be no name of a machine, so no link can be made for them.
FOREIGN = (
    "example.com",
    "localhost.example.com",
    f"{MACHINE}.example.com",
    "127.0.0.1.nip.io",
    "a..b",
    ".",
    "a" * 100,
)
NONE = (
    "",
    "a b",
    "[::1",
    "localhost:99999999",
    "user@localhost",
    "localhost/x",
    "локальный",
    "a" * 300,
)


def test_it_answers_to_its_own_names(site: Site) -> None:
    for name in OWN:
        assert site.get("/login", Host=name).status_code in (200, 302), name


@pytest.mark.parametrize("wanted", ["text/html", "*/*"])
def test_it_answers_to_no_other_name(site: Site, wanted: str) -> None:
    for name, address in product(FOREIGN, ("/", "/login", "/static/theme.js", "/nowhere")):
        refused = site.get(address, Host=name, Accept=wanted)
        assert (refused.status_code, "dashboard.hosts" in refused.text) == (421, True), name


@pytest.mark.parametrize("wanted", ["text/html", "*/*"])
def test_a_request_for_no_host_is_refused(site: Site, wanted: str) -> None:
    for name, address in product(NONE, ("/login", "/nowhere")):
        assert site.get(address, Host=name, Accept=wanted).status_code == 400, name


#: The sender, the header of a proxy, the address without a proxy, and the address behind one.
ADDRESSES = (
    ("192.0.2.1", "", "192.0.2.1", "192.0.2.1"),
    ("192.0.2.1", "203.0.113.9", "192.0.2.1", "192.0.2.1"),
    ("127.0.0.1", "198.51.100.1, 203.0.113.9", "127.0.0.1", "203.0.113.9"),
    ("::1", "2001:db8:1:2:3:4:5:6", "::/64", "2001:db8:1:2::/64"),
    ("127.0.0.1", "garbage", "127.0.0.1", "127.0.0.1"),
    ("127.0.0.1", "", "127.0.0.1", "127.0.0.1"),
    ("::ffff:192.0.2.1", "", "192.0.2.1", "192.0.2.1"),
    ("fe80::1%eth0", "", "fe80::/64", "fe80::/64"),
    ("", "", "unknown", "unknown"),
)


@pytest.mark.parametrize(("peer", "header", "alone", "behind_proxy"), ADDRESSES)
def test_the_address_of_a_sender(
    site: Site, peer: str, header: str, alone: str, behind_proxy: str
) -> None:
    headers = {"X-Forwarded-For": header} if header else {}
    for proxy, wanted in ((False, alone), (True, behind_proxy)):
        site.app.config["BEHIND_PROXY"] = proxy
        with site.app.test_request_context(
            headers=headers, environ_base={"REMOTE_ADDR": peer}
        ) as context:
            assert sender.address_of(context.request) == wanted


ELSEWHERE = (
    {"Origin": "https://example.com"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1234"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_form_of_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    assert site.client.post("/logout", headers=headers).status_code == 403
    assert site.get("/").status_code == 200


def test_a_form_of_its_own_is_accepted(site: Site) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert site.post("/logout", headers=headers).status_code == 302

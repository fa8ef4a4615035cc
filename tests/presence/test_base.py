"""The settings that each router needs, and the messages when they are missing."""

from pathlib import Path

import pytest
import yaml

from app.config import load_config
from app.errors import ConfigError
from app.presence.base import RouterSettings

HTTP = {"backend": "http_json", "url": "http://192.168.1.1", "http_json": {"devices": "/hosts"}}
BOX = {"backend": "fritzbox", "url": "http://fritz.box", "username": "u", "password": "geheim"}


def settings(folder: Path, router: dict[str, object]) -> RouterSettings:
    (folder / "config.yml").write_text(
        yaml.safe_dump({"presence": {"router": router}}), encoding="utf-8"
    )
    return load_config(folder).presence.router


@pytest.mark.parametrize(
    ("router", "said"),
    [
        ({"backend": "http_json"}, "backend http_json needs url and http_json.devices too"),
        (
            {"backend": "openwrt", "url": "http://x", "password": "geheim"},
            "backend openwrt needs username too",
        ),
        ({"backend": "fritzbox"}, "backend fritzbox needs url and username and password too"),
        ({"backend": "scripted"}, "backend scripted needs scripted.file too"),
        (
            {**BOX, "fingerprint": "AB" * 32},
            "a fingerprint belongs to a certificate, so url must be https://",
        ),
        (
            {**BOX, "fingerprint": "AB" * 20},
            "must be a certificate's SHA-256 fingerprint: 64 hexadecimal digits",
        ),
        (
            {**BOX, "url": "fritz.box"},
            "router.url: must be http://HOST or https://HOST, as in http://192.168.1.1",
        ),
        ({**BOX, "url": "http://box:0"}, "router.url: must be http://HOST"),
        ({**BOX, "url": "http://box:geheim/"}, "router.url: must be http://HOST"),
        ({**BOX, "url": "http://box/?a=geheim"}, "router.url: must be http://HOST"),
        ({**BOX, "url": "http://u:geheim@box"}, "router.url: must hold no user and no password"),
        ({**BOX, "username": ""}, "router.username: must have at least 1 character"),
        ({**BOX, "timeout_s": 60}, "router.timeout_s: must be less than or equal to 15"),
        (
            {**HTTP, "http_json": {"devices": "hosts"}},
            "http_json.devices: must be an address below presence.router.url, as in /api",
        ),
        (
            {**HTTP, "http_json": {"devices": "/h", "form": {"a": "geheim"}}},
            "form, cookie, login_page and logout belong to a login: set login too",
        ),
        (
            {**HTTP, "http_json": {"devices": "/h", "mac": None, "hostname": None}},
            "mac and hostname are both null",
        ),
        (
            {**HTTP, "http_json": {"devices": "/h", "total": "total"}},
            "total and {offset} in devices go together",
        ),
        (
            {**HTTP, "http_json": {"devices": "/h", "headers": {"X A": "geheim"}}},
            "must be the name of a header",
        ),
        (
            {**HTTP, "http_json": {"devices": "/h", "login_as": "xml"}},
            "http_json.login_as: must be 'form' or 'json'",
        ),
        (
            {"backend": "arp", "arp": {"addresses": ["192.168.1.0/23"]}},
            "addresses are more than 256, the size of a /24",
        ),
        (
            {"backend": "arp", "arp": {"addresses": ["fe80::1"]}},
            "must be an IPv4 address or network, as in 192.168.1.23",
        ),
        (
            {"backend": "scripted", "scripted": {"file": "router.json"}},
            "must be an absolute path, as in /tmp/router.json",
        ),
    ],
)
def test_a_mistake_is_named_without_any_secret(
    tmp_path: Path, router: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, router)
    assert said in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_fingerprint_is_read_in_any_spelling(tmp_path: Path) -> None:
    spelt = [
        "ab" * 32,
        ":".join(["AB"] * 32),
        "SHA256:" + "ab" * 32,
        "sha256 Fingerprint=" + ":".join(["AB"] * 32),
    ]
    box = {**BOX, "url": "https://fritz.box"}
    assert {settings(tmp_path, {**box, "fingerprint": one}).fingerprint for one in spelt} == {
        ":".join(["AB"] * 32)
    }


def test_an_address_is_read_without_a_slash_at_its_end(tmp_path: Path) -> None:
    assert settings(tmp_path, {**BOX, "url": "http://fritz.box/"}).url == "http://fritz.box"


def test_the_representation_of_the_settings_has_no_secret(tmp_path: Path) -> None:
    calls = {
        "devices": "/h",
        "login": "/l",
        "form": {"a": "geheim"},
        "headers": {"A": "geheim"},
        "cookie": "geheim",
        "secrets": {"k": "geheim"},
    }
    assert "geheim" not in repr(
        settings(tmp_path, {**HTTP, "password": "geheim", "username": "u", "http_json": calls})
    )


@pytest.mark.parametrize(
    "addresses", [["192.168.1.23"], ["192.168.1.5/24"], ["10.0.0.0/25", "10.0.1.0/25"]]
)
def test_addresses_and_networks_can_be_named(tmp_path: Path, addresses: list[str]) -> None:
    assert settings(tmp_path, {"backend": "arp", "arp": {"addresses": addresses}}).arp.addresses

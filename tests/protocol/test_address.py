"""Addresses of a Redis on this machine, and of others."""

import pytest

from app.protocol.address import is_here


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("redis://localhost", True),
        ("redis://:secret@127.0.0.1:7000/3", True),
        ("redis://[::1]:7000", True),
        ("unix:///run/redis.sock", True),
        ("redis://192.0.2.1/0", False),
        ("redis://garage/0", False),
        ("rediss://localhost/0", False),
    ],
)
def test_only_an_address_of_this_machine_without_tls_is_here(url: str, here: bool) -> None:
    assert is_here(url) is here

"""The file with the password of the dashboard, and which passwords are too weak."""

import json
from pathlib import Path

import pytest

from app.config.password import (
    MOST_CHARACTERS,
    NOBODYS_HASH,
    PasswordFile,
    StoredPassword,
    check_strength,
    is_password,
)
from app.errors import PasswordFileError, Refused

#: A password, and a part of the sentence that refuses it.
WEAK = (
    ("geese", "at least 10"),
    ("", "at least 10"),
    ("x" * (MOST_CHARACTERS + 1), "1001 characters"),
    ("20261130201", "only digits"),
    ("aaaaaaaaaaaa", "repeats"),
    ("abababababab", "repeats"),
    ("password123", "Many people"),
    ("Passwort2026!", "Many people"),
    ("qwertyuiop", "Many people"),
    ("qwertz12345", "Many people"),
    ("abcdefghijkl", "Many people"),
    ("1q2w3e4r5t6z", "Many people"),
)
GOOD = ("four ducks in the green pond", "x8#kPq!2vTzL", "Grünes Haus am See", "парольнадолго9")


@pytest.mark.parametrize(("password", "why"), WEAK)
def test_a_weak_password_is_refused_with_a_reason(password: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check_strength(password)


@pytest.mark.parametrize("password", GOOD)
def test_a_good_password_is_accepted(password: str) -> None:
    check_strength(password)


def test_without_a_password_nothing_is_right() -> None:
    assert not is_password(None, "")
    assert not is_password(None, "four ducks in the green pond")


def test_a_password_may_be_typed_on_any_keyboard(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path)
    file.write("gru\N{COMBINING DIAERESIS}nes Haus am See")
    assert is_password(file.read(), "grünes Haus am See")
    assert not is_password(file.read(), "grunes Haus am See")


KEY = "0" * 64
DAMAGED = (
    b"",
    b"\0" * 200,
    b"[1, 2]",
    b"null",
    b'{"hash": "x", "session_key": "y"}',
    b"[" * 100_000,
    json.dumps({"hash": NOBODYS_HASH}).encode(),
    json.dumps({"hash": NOBODYS_HASH, "session_key": "short"}).encode(),
    # A hash that would need 32 GB to check.
    json.dumps(
        {"hash": f"scrypt:33554432:8:1$abcdefgh${'0' * 128}", "session_key": "0" * 64}
    ).encode(),
    json.dumps({"hash": f"plain$abcdefgh${'0' * 128}", "session_key": "0" * 64}).encode(),
)


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    file = PasswordFile(tmp_path)
    file.path.write_bytes(content)
    with pytest.raises(PasswordFileError, match="is damaged"):
        file.read()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path)
    file.path.mkdir()
    with pytest.raises(PasswordFileError, match="cannot be read"):
        file.read()


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path)
    assert file.read() is None
    content = {"hash": NOBODYS_HASH, "session_key": "0" * 64}
    file.path.write_text(json.dumps(content))
    assert file.read() == StoredPassword(**content)

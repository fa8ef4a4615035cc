"""The dashboard's password: a slow hash of it, and the key of its sessions, in one file.

Only `python -m app set-password` writes the file; the dashboard reads it. Each new password has a
new key, so it ends every session.
"""

import fcntl
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import Config
from app.errors import PasswordFileError, Refused
from app.files import atomic_file

LEAST_CHARACTERS = 10
#: A longer text is no password.
MOST_CHARACTERS = 1000
#: To check a password takes 32 MB, and about 0.1 s on a PC.
_METHOD = "scrypt:32768:8:1"
_HASH = re.compile(re.escape(_METHOD) + r"\$[A-Za-z0-9]{8,64}\$[0-9a-f]{128}")
_KEY = re.compile(r"[0-9a-f]{64}")
#: The hash that is checked when there is no password, so that the answer takes as long.
NOBODYS_HASH = f"{_METHOD}$nobody00nobody00${'0' * 128}"
#: Parts of passwords that are tried first by whoever guesses.
_COMMON = ("password", "passwort", "qwertyuiop", "qwertzuiop", "asdfghjkl", "iloveyou", "letmein")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """The hash of a password, and the random key that signs its sessions."""

    hash: str
    session_key: str


class PasswordFile:
    """The file with the password of the dashboard in *data_dir*."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "dashboard-password.json"

    def read(self) -> StoredPassword | None:
        """Return what is stored; None without a password, `PasswordFileError` for a bad file."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PasswordFileError(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            found = json.loads(content)
            stored = StoredPassword(str(found["hash"]), str(found["session_key"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise PasswordFileError(f"{self.path} is damaged") from None
        if not _HASH.fullmatch(stored.hash) or not _KEY.fullmatch(stored.session_key):
            raise PasswordFileError(f"{self.path} is damaged")
        return stored

    def write(self, password: str) -> None:
        """Store *password*, which ends every session; an `OSError` when the disk refuses."""
        from werkzeug.security import generate_password_hash

        stored = {
            "hash": generate_password_hash(_normal(password), _METHOD),
            "session_key": secrets.token_hex(32),
        }
        with self._alone(), atomic_file(self.path, mode=0o600) as file:
            owner = self.path.parent.stat()
            if os.geteuid() == 0:  # by sudo: the program of another user must be able to read it
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(json.dumps(stored).encode() + b"\n")

    def remove(self) -> bool:
        """Delete the password, and return whether there was one."""
        if not self.path.exists():
            return False
        with self._alone():
            self.path.unlink(missing_ok=True)
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process writes the file."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def is_demo(config: Config, source: str | None) -> bool:
    """Return whether the dashboard shows only the drawn room of *source*, on this machine only.

    Then it needs no password until there is one.
    """
    dashboard = config.dashboard
    return source == "demo" and dashboard.is_local and not dashboard.proxy


def is_password(stored: StoredPassword | None, password: str) -> bool:
    """Return whether *password* is the one that is stored; it takes as long without one."""
    from werkzeug.security import check_password_hash

    is_right = check_password_hash(
        stored.hash if stored else NOBODYS_HASH, _normal(password[:MOST_CHARACTERS])
    )
    return is_right and stored is not None and len(password) <= MOST_CHARACTERS


def check_strength(password: str) -> None:
    """Raise `Refused`, with a sentence, when *password* is easy to guess or too long."""
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise Refused(
            f"The password has {len(password)} characters; it must have at least "
            f"{LEAST_CHARACTERS}. Three or four words are good."
        )
    letters = password.lower().strip()
    if letters.isdigit():
        raise Refused("The password has only digits. Add some words.")
    if len(set(letters)) < 5:
        raise Refused("The password repeats a few characters. Take three or four words.")
    if _is_common(re.sub(r"[\W\d_]", "", letters)):
        raise Refused("Many people have this password. Take three or four words of your own.")


def _is_common(letters: str) -> bool:
    """Return whether *letters* are little more than a common word, or keys in a row."""
    for word in _COMMON:
        letters = letters.replace(word, "")
    return len(letters) < 4 or any(letters in row * 2 or letters[::-1] in row for row in _ROWS)


def _normal(password: str) -> str:
    """Return *password* in one form: a phone and a terminal may write ü in different ways."""
    return unicodedata.normalize("NFC", password)

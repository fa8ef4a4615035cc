"""The rule who enters the dashboard: who knows the password, or everybody in a demo."""

import logging
import os
import secrets
from dataclasses import dataclass

from app.config import SOURCE_VARIABLE, Config
from app.config.password import PasswordFile, StoredPassword, is_demo
from app.errors import PasswordFileError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """The password as it is now.

    *key* signs sessions. *trouble* says why nobody can log in although there may be a password.
    """

    stored: StoredPassword | None
    key: str
    trouble: str | None = None
    is_demo: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether everybody on this machine may enter: the demo, without a password."""
        return self.is_demo and self.stored is None and self.trouble is None


class AccessControl:
    """Reads the password of the house of *config* again when its file has changed.

    Several threads may use it.
    """

    def __init__(self, config: Config) -> None:
        self._file = PasswordFile(config.data_dir)
        self._is_demo = is_demo(config, os.environ.get(SOURCE_VARIABLE))
        self._key = secrets.token_hex(32)
        self._read: tuple[tuple[int, ...], Access] | None = None
        self._reported: tuple[int, ...] | None = None

    def current(self) -> Access:
        """Return the password as it is now."""
        try:
            found = self._file.path.stat()
        except FileNotFoundError:
            return Access(None, self._key, is_demo=self._is_demo)
        except OSError as error:
            return self._locked(f"{self._file.path} cannot be read: {error.strerror}")
        version = (found.st_ino, found.st_ctime_ns, found.st_size)
        if (read := self._read) and read[0] == version:
            return read[1]
        try:
            stored = self._file.read()
        except PasswordFileError as error:
            if version != self._reported:
                _log.error("nobody can log in: %s; the cure: python -m app set-password", error)
            self._reported = version
            return self._locked(str(error))
        key = stored.session_key if stored else self._key
        access = Access(stored, key, is_demo=self._is_demo)
        self._read = version, access
        return access

    def _locked(self, trouble: str) -> Access:
        return Access(None, self._key, trouble, self._is_demo)

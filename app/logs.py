"""Logging, configured by `logging.yml`, without secrets and without forged lines."""

import copy
import logging
import logging.config
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import yaml

from app.errors import ConfigError

_HIDDEN = "[hidden]"
#: At DEBUG these would log phone numbers, and links with which anybody has access.
_NOT_AT_DEBUG = ("botocore", "urllib3")
#: A secret with so many characters never occurs in a word by chance.
_UNLIKELY_CHARS = 12
#: Controls, marks of format and direction, halves of a character, and ends of lines.
_NOT_PRINTED = ("Cc", "Cf", "Cs", "Zl", "Zp")
#: Signs in front of a password in an address or a setting.
_LABELS = ("password=", "passwd=", "pass=", "pwd=", "token=", "secret=", "key=")


class Redactor:
    """Hides *secrets* in texts.

    A long secret is hidden wherever it occurs, a short one only as a whole word. A secret that is a
    plain word, or one of *names*, may also be an ordinary word of the text. It is hidden only in
    the place of a password, as in `user:front@` and `password=front`.
    """

    def __init__(self, secrets: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in names}
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        patterns = [self._pattern(form) for form in sorted(forms, key=len, reverse=True)]
        self._hidden = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, text: str) -> str:
        return self._hidden.sub(_HIDDEN, text) if self._hidden else text

    def is_word(self, secret: str) -> bool:
        """Return whether *secret* is a word that a text may contain with another meaning."""
        is_plain = re.fullmatch(r"[^\W\d_]*", secret) and len(secret) < _UNLIKELY_CHARS
        return bool(is_plain) or secret.lower() in self._names

    def _pattern(self, secret: str) -> str:
        escaped = re.escape(secret)
        if self.is_word(secret):
            labelled = "|".join(f"(?<={label})" for label in _LABELS)
            return rf"(?<=:){escaped}(?=@)|(?:{labelled}){escaped}(?!\w)"
        if len(secret) >= _UNLIKELY_CHARS:
            return escaped
        return rf"(?<!\w){escaped}(?!\w)"


def set_up_logs(folder: Path, redact: Redactor | None = None) -> None:
    """Configure logging by the `logging.yml` in *folder*, and *redact* every entry.

    Without such a file each entry is one line on standard error. Raises `ConfigError` when the file
    is wrong.
    """
    redact = redact or Redactor()
    for name in _NOT_AT_DEBUG:
        logging.getLogger(name).setLevel(logging.INFO)
    path = folder / "logging.yml"
    if path.is_file():
        try:
            wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
            logging.config.dictConfig({**wanted, "disable_existing_loggers": False})
        except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            _log_plainly(redact)
            raise ConfigError([f"{path}: not a logging configuration: {error}"]) from error
        _hide(redact)
    else:
        _log_plainly(redact)


def _log_plainly(redact: Redactor) -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    _hide(redact)


def _hide(redact: Redactor) -> None:
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_RecordFormatter(handler.formatter, redact))


def printable(text: str) -> str:
    r"""Return *text* with each character that is not printed as an escape, such as \n or \x1b.

    Such characters begin a new line, change the colours of a terminal, or turn text around.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        mark.encode("unicode_escape").decode("ascii")
        if unicodedata.category(mark) in _NOT_PRINTED
        else mark
        for mark in text
    )


class _RecordFormatter(logging.Formatter):
    """Makes one line of each entry, without secrets; the lines of a traceback are indented.

    Nobody can forge an entry: text from outside neither begins a line nor changes the terminal.
    """

    def __init__(self, inner: logging.Formatter | None, redact: Redactor) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        entry = copy.copy(record)
        entry.msg, entry.args = printable(record.getMessage()), None
        lines = self._redact(self._inner.format(entry)).split("\n")
        return "\n    ".join(printable(line) for line in lines)

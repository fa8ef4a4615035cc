"""Logging, configured by `logging.yml` and without secrets."""

import logging
import logging.config
from collections.abc import Sequence
from pathlib import Path

import yaml

from app.errors import ConfigError

_HIDDEN = "[hidden]"
#: At DEBUG these would log phone numbers, and links with which anybody has access.
_NOT_AT_DEBUG = ("botocore", "urllib3")


def set_up_logs(folder: Path, secrets: Sequence[str] = ()) -> None:
    """Configure logging by the `logging.yml` in *folder*, and hide *secrets* in every entry.

    Without such a file each entry is one line on standard error. Raises `ConfigError` when the file
    is wrong.
    """
    for name in _NOT_AT_DEBUG:
        logging.getLogger(name).setLevel(logging.INFO)
    path = folder / "logging.yml"
    if path.is_file():
        try:
            wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
            logging.config.dictConfig({**wanted, "disable_existing_loggers": False})
        except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            _log_plainly(secrets)
            raise ConfigError([f"{path}: not a logging configuration: {error}"]) from error
        _hide(secrets)
    else:
        _log_plainly(secrets)


def _log_plainly(secrets: Sequence[str]) -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    _hide(secrets)


def _hide(secrets: Sequence[str]) -> None:
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_RedactingFormatter(handler.formatter, secrets))


class _RedactingFormatter(logging.Formatter):
    """Replaces secrets in the text of another formatter, tracebacks included."""

    def __init__(self, inner: logging.Formatter | None, secrets: Sequence[str]) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, _HIDDEN)
        return line

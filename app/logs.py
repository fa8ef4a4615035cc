"""Logging: set up from `logging.yml`, and kept free of secrets."""

import logging
import logging.config
from collections.abc import Sequence
from pathlib import Path

import yaml

from app.errors import ConfigError

_HIDDEN = "[hidden]"
#: What these would write at DEBUG are phone numbers, and all that a link is made of that anybody
#: may follow.
_TALKATIVE = ("botocore", "urllib3")


def set_up_logs(folder: Path, secrets: Sequence[str] = ()) -> None:
    """Log as *folder*'s `logging.yml` says, or one line an entry to standard error when there is
    none, without *secrets*.
    """
    for name in _TALKATIVE:
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
        handler.setFormatter(_Discreet(handler.formatter, secrets))


class _Discreet(logging.Formatter):
    """What another formatter makes, tracebacks included, with the secrets struck out."""

    def __init__(self, inner: logging.Formatter | None, secrets: Sequence[str]) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, _HIDDEN)
        return line

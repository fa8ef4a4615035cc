"""The page of Glances: its address, its password, and whether it answers."""

import hashlib
import http.client
import json
import secrets
from pathlib import Path

from app.config import Config
from app.launcher.config_files import write_private
from app.launcher.ports import is_taken
from app.launcher.specs import glances_address, page_at, reached_at

USER = "glances"
_TIMEOUT_S = 2.0
# Glances logs to standard error, which supervisord keeps in logs/glances.log, not to its own file.
_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            "datefmt": "%Y-%m-%d %H:%M:%S",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "ERROR", "handlers": ["stderr"]},
}


def password_file(config: Config) -> Path:
    """Return the path of the file from which the owner reads the password."""
    return config.run_dir / "glances.password"


def make_password(config: Config, folder: Path) -> None:
    """Write the password to `password_file`, and hashed for Glances into *folder*.

    It is the configured password, or a random password made at the first start.
    """
    plain, hashed = password_file(config), folder / f"{USER}.pwd"
    known = plain.read_text(encoding="utf-8").removesuffix("\n") if plain.exists() else ""
    configured = config.glances.password
    wanted = configured.get_secret_value() if configured else known or secrets.token_urlsafe(12)
    if wanted != known or not hashed.exists() or not hashed.stat().st_size:
        hashed.unlink(missing_ok=True)
        write_private(plain, wanted + "\n")
        write_private(hashed, _hashed(wanted))


def make_log_settings(path: Path) -> None:
    """Write to *path* the settings of Glances' log."""
    write_private(path, json.dumps(_LOGGING))


def page(config: Config) -> str:
    """Return the address of the page, for a browser on this machine."""
    return page_at(config.glances.bind)


def answers(config: Config) -> bool:
    """Return whether the page answers; on demand, whether somebody listens at its address."""
    if config.glances.on_demand:
        # A connection would wake the door up.
        return is_taken(*glances_address(config))
    connection = http.client.HTTPConnection(*reached_at(config.glances.bind), timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/api/4/status", headers={"Host": "localhost"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _hashed(password: str) -> str:
    """Return salt, $, and the digest of the digest that clients send (glances/password.py, 4.5)."""
    sent = _digest(password, "")
    salt = secrets.token_hex(16)
    return f"{salt}${_digest(sent, salt)}"


def _digest(text: str, salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), 100_000, dklen=128).hex()

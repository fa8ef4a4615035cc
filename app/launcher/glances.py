"""Glances' page: its address, its password, and whether it answers."""

import hashlib
import http.client
import json
import secrets
import socket
from pathlib import Path

from app.config import Config
from app.launcher.config_files import write_private
from app.launcher.specs import glances_address

USER = "glances"
_TIMEOUT_S = 2.0
# To standard error, which supervisord keeps in logs/glances.log, instead of a file of Glances' own
# choosing.
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
    """The file with the password in plain words, for the house's owner to read."""
    return config.run_dir / "glances.password"


def make_password(config: Config, folder: Path) -> None:
    """Write the configured password, or one made up at the first start, to `password_file`, and
    hashed for Glances into *folder*.
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
    """Write to *path* how Glances logs."""
    write_private(path, json.dumps(_LOGGING))


def page(config: Config) -> str:
    """The page's address, for a browser on this machine."""
    host, port = _reached(config)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def answers(config: Config) -> bool:
    """Whether Glances is up."""
    line = http.client.HTTPConnection(*_reached(config), timeout=_TIMEOUT_S)
    try:
        line.request("GET", "/api/4/status", headers={"Host": "localhost"})
        return line.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def is_taken(config: Config) -> bool:
    """Whether some program listens at Glances' address already."""
    try:
        socket.create_connection(_reached(config), _TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _reached(config: Config) -> tuple[str, int]:
    host, port = glances_address(config)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 (compared, not bound)


def _hashed(password: str) -> str:
    """As `glances/password.py` of 4.5 reads it: salt, $, and the digest of the digest that clients
    send.
    """
    sent = _digest(password, "")
    salt = secrets.token_hex(16)
    return f"{salt}${_digest(sent, salt)}"


def _digest(text: str, salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), 100_000, dklen=128).hex()

"""The Redis at `redis.url`: finds out whether it answers, and starts one if it may."""

import re
import socket
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from app.config import REDIS_PASSWORD_FILE
from app.errors import ProtocolError, StateUnavailable, SuiteError
from app.launcher.config_files import on_one_line
from app.launcher.ports import holder
from app.protocol.address import is_here
from app.state import State

DEFAULT_PORT = 6379
_TIMEOUT_S = 2.0


def answers(url: str) -> bool:
    """Return whether a usable Redis answers at *url*.

    Raises `SuiteError` when something else answers there, or when Redis runs on another machine and
    does not answer.
    """
    state = State(url, _TIMEOUT_S)
    try:
        state.ping()
    except (StateUnavailable, ProtocolError) as error:
        if not is_here(url):
            raise SuiteError(
                f"the Redis at {place(url)} does not answer, and only another machine can start "
                f"it: {error}"
            ) from error
        if _somebody_listens(url):
            raise SuiteError(
                f"something answers at {place(url)} that is no usable Redis ({_holder(url)}): "
                f"{error}{_cure(error)}"
            ) from error
        return False
    finally:
        state.close()
    return True


def place(url: str) -> str:
    """Return *url* without user and password."""
    return re.sub("(?<=://)[^/]*@", "", url.partition("?")[0])


def redis_conf(base: Path, url: str, data_dir: Path) -> str:
    """Return the file *base* with the parts of *url*: address, databases, user, password.

    The data is stored in *data_dir*.
    """
    split = urlsplit(url)
    lines = [base.read_text(encoding="utf-8"), f"dir {_quoted(str(data_dir))}", *_listening(split)]
    lines.append(f"databases {max(16, database_of(url) + 1)}")
    if split.password:
        lines.append(f"requirepass {_quoted(unquote(split.password))}")
        if split.username:
            lines.append(
                f"user {_quoted(unquote(split.username))} on "
                f"{_quoted('>' + unquote(split.password))} ~* &* +@all"
            )
    return "\n".join(lines) + "\n"


def _listening(split: SplitResult) -> list[str]:
    if split.scheme == "unix":
        return ["port 0", f"unixsocket {_quoted(unquote(split.path))}", "unixsocketperm 700"]
    return [f"port {split.port or DEFAULT_PORT}"]


def database_of(url: str) -> int:
    """Return the number of the database in *url*."""
    split = urlsplit(url)
    named = parse_qs(split.query).get(
        "db", ["" if split.scheme == "unix" else split.path.strip("/")]
    )[0]
    return int(named) if re.fullmatch(r"\d+", named) else 0


def _quoted(value: str) -> str:
    return '"' + on_one_line(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cure(error: Exception) -> str:
    """Return what to do when Redis wants another password."""
    said = str(error).lower()
    if "auth" in said or "password" in said:
        return (
            ". Put its password into redis.url in private.yml; if another suite has started it, "
            f"copy the file {REDIS_PASSWORD_FILE} from that configuration's folder"
        )
    return ""


def _holder(url: str) -> str:
    split = urlsplit(url)
    return "a socket" if split.scheme == "unix" else holder(split.port or DEFAULT_PORT)


def _somebody_listens(url: str) -> bool:
    split = urlsplit(url)
    try:
        if split.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_TIMEOUT_S)
                client.connect(unquote(split.path))
        else:
            socket.create_connection(
                (split.hostname or "localhost", split.port or DEFAULT_PORT), timeout=_TIMEOUT_S
            ).close()
    except OSError:
        return False
    return True

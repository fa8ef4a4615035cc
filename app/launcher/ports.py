"""The ports that a suite needs, and the programs that hold them already."""

import errno
import socket
from collections.abc import Sequence

import psutil

from app.config import Config
from app.errors import SuiteError
from app.launcher.specs import GLANCES, ProcessSpec, split_bind
from app.programs import DASHBOARD, SLACK_SERVER

#: The words of a command line that are shown; the others may be secret.
_WORDS_SHOWN = 3


def refuse_taken(config: Config, run: Sequence[ProcessSpec]) -> None:
    """Raise `SuiteError`, with the holder's name, when a process of *run* cannot get its port."""
    wanted = {
        GLANCES: ("glances.bind", config.glances.bind),
        SLACK_SERVER: ("slack.bind", config.slack.bind),
        DASHBOARD: ("dashboard.bind", config.dashboard.bind),
    }
    names = {process.kind for process in run}
    names |= {program.kind for process in run for program in process.programs}
    problems = [
        f"{key}: {bind} is taken by {holder(split_bind(bind)[1])}; end that, or choose another "
        "port in config.yml"
        for name, (key, bind) in wanted.items()
        if name in names and is_taken(*split_bind(bind))
    ]
    if problems:
        raise SuiteError("\n".join(problems))


def is_taken(host: str, port: int) -> bool:
    """Return whether another program listens at *port* of *host*, or of all addresses."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                # As servers do: connections that have just ended are in nobody's way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
    return False


def holder(port: int) -> str:
    """Return the programs that listen at *port*, in words."""
    pids = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.pid and connection.status == psutil.CONN_LISTEN
        if connection.laddr and connection.laddr.port == port
    }
    names = [name for pid in sorted(pids) if (name := _name_of(pid))]
    unnamed = f"a program of another user (sudo ss -ltnp sport = :{port} names it)"
    return " and ".join(names) or unnamed


def _name_of(pid: int) -> str | None:
    try:
        words = " ".join(psutil.Process(pid).cmdline()[:_WORDS_SHOWN])
    except psutil.Error:
        return None
    return f"process {pid} ({ascii(words)[1:-1]})"

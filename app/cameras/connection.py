"""Ends a read of libav from another thread: libav itself offers no way to interrupt one."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
#: Linux lists what a process has opened here.
_OPENED = "/proc/self/fd"


class Connections:
    """The connections that libav opens to *url* inside the block.

    Another thread may `shut` them, and a read of libav then ends at once. Connections that cannot
    be found, as after a redirection, are not shut.
    """

    def __init__(self, url: str) -> None:
        self._port = _port(url)
        self._known: frozenset[str] = frozenset()
        self._found: list[socket.socket] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "Connections":
        self._known = frozenset(_sockets())
        return self

    def __exit__(self, *_: object) -> None:
        new = {name: number for name, number in _sockets().items() if name not in self._known}
        copies = (_copy(number) for number in new.values())
        with self._lock:
            self._found += [one for one in copies if one and self._is_ours(one)]

    def shut(self) -> None:
        """Let reads end now, and later ones fail; libav can still say that it goes."""
        with self._lock:
            for one in self._found:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Let go of the connections, which end when libav closes them too."""
        with self._lock:
            for one in self._found:
                one.close()
            self._found.clear()

    def _is_ours(self, one: socket.socket) -> bool:
        with suppress(OSError):
            if one.getpeername()[1] == self._port:
                return True
        one.close()
        return False


def _port(url: str) -> int | None:
    with suppress(ValueError):  # libav says what is wrong with such an address.
        parts = urlsplit(url)
        return parts.port or _PORTS.get(parts.scheme.lower())
    return None


def _sockets() -> dict[str, int]:
    """Return the descriptor of each socket of this process, by the name of the socket."""
    found = {}
    for opened in Path(_OPENED).iterdir():
        with suppress(OSError):  # The listing itself is in the list, and closed by now.
            name = str(opened.readlink())
            if name.startswith("socket:"):
                found[name] = int(opened.name)
    return found


def _copy(number: int) -> socket.socket | None:
    """Return a socket of our own for the connection *number*; None when that is gone."""
    with suppress(OSError):
        return socket.socket(fileno=os.dup(number))
    return None

"""The TLS settings for calls to services on the internet.

To read the certificates that this system trusts takes as long as everything else that a call does:
30 ms on a fast computer, and several times as much on a Pi. `urllib` reads them for each
connection, and an alert needs five connections. Here they are read once.
"""

import ssl
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


def trusted() -> ssl.SSLContext:
    """Return the settings for connections to servers that this system trusts.

    They are made at the first call, and again after an update of the system's certificates. All
    threads may use them.
    """
    return _made(_version())


@lru_cache(maxsize=1)
def _made(_version: tuple[str, int] | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _version() -> tuple[str, int] | None:
    """Return which file with certificates there is now; None where OpenSSL looks in a folder."""
    file = ssl.get_default_verify_paths().cafile
    with suppress(OSError):
        return (file, Path(file).stat().st_mtime_ns) if file else None
    return None

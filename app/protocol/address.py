"""Redis addresses, and whether one is on this machine."""

from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_here(url: str) -> bool:
    """Return whether *url* names a Redis of this machine, without TLS."""
    split = urlsplit(url)
    return split.scheme == "unix" or (
        split.scheme == "redis" and (split.hostname or "localhost") in _LOOPBACK
    )

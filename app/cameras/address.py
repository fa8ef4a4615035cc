"""Addresses of cameras as people write them: with any character in the password."""

import re
from urllib.parse import quote

#: An @ and a host behind it, up to the path.
_HOST = re.compile(r"@(?=(?:[\w.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?(?:[/?]|$))")
_SPECIAL = re.compile(r"%(?![0-9A-Fa-f]{2})|[^\w.~%-]", re.ASCII)


def redacted(source: str) -> str:
    """Return *source* without its user name, its password, and all after a `?` or `#`."""
    scheme, address, rest = source.partition("://")
    if not address:
        return source
    # A password may contain any character, therefore all up to the last @ is removed.
    host = rest.rpartition("@")[2]
    return scheme + address + host.partition("?")[0].partition("#")[0]


def has_login(address: str) -> bool:
    """Return whether *address* has a user name, so far as that can be seen."""
    return "@" in _before_path(address.partition("://")[2])


def quoted(address: str) -> str:
    """Return *address* with the special characters of its user name and password as %23 and such.

    What is written as %23 already stays as it is. The address stays as it is where it has no user
    name, and where a part of the password looks like a port and a path, as in `host:12/3@x`.
    """
    scheme, _, rest = address.partition("://")
    before_path = _before_path(rest)
    if "@" in before_path:
        login, _, host = before_path.rpartition("@")
        host += rest[len(before_path) :]
    else:
        port = before_path.partition(":")[2]
        found = _HOST.search(rest)
        if found is None or not port or port.isdecimal() or before_path.startswith("["):
            return address
        login, host = rest[: found.start()], rest[found.end() :]
    user, colon, password = login.partition(":")
    return f"{scheme}://{_quoted(user)}{colon}{_quoted(password)}@{host}"


def _before_path(rest: str) -> str:
    return re.split("[/?]", rest, maxsplit=1)[0]


def _quoted(text: str) -> str:
    return _SPECIAL.sub(lambda found: quote(found[0], safe=""), text)

"""The checks of a request that concern its sender: the address, the name that it asks, the page."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from flask import Flask, Request, current_app, request
from werkzeug.exceptions import BadRequest, Forbidden, MisdirectedRequest

from app.config import Config

#: The endings that routers give to the names of machines at home.
_ENDINGS = ("", ".local", ".lan", ".home.arpa", ".internal")
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,255})(?::[0-9]{1,5})?")
_SAFE = ("GET", "HEAD", "OPTIONS")


def guard(app: Flask, config: Config) -> None:
    """Let *app* answer only to its own names, and only to its own pages."""
    names = own_names(config)

    def check() -> None:
        _check_host(names)
        if request.method not in _SAFE:
            _check_origin()

    app.config["BEHIND_PROXY"] = config.dashboard.proxy
    app.before_request(check)


def own_names(config: Config) -> frozenset[str]:
    """Return the names by which browsers may reach the dashboard, besides addresses.

    A page from elsewhere could let its own name point to this machine, and then read everything.
    """
    whole = socket.gethostname().lower()
    short = whole.partition(".")[0]
    machine = {short + ending for ending in _ENDINGS} if short else set()
    return frozenset({"localhost", whole, *machine, *config.dashboard.hosts})


def address_of(request: Request) -> str:
    """Return the address of the sender; an IPv6 network of 64 bits, of which everybody has one."""
    found = _parsed(request.remote_addr or "")
    if current_app.config["BEHIND_PROXY"] and found is not None and found.is_loopback:
        last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        found = _parsed(last) or found
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found or "unknown")


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found


def _check_host(names: frozenset[str]) -> None:
    host = _HOST.fullmatch(request.headers.get("Host", "").lower())
    if host is None:
        raise BadRequest("The request names no host.")
    name = host[1].strip("[]").rstrip(".")
    if name not in names and _parsed(name) is None:
        raise MisdirectedRequest(
            f"This dashboard does not answer to the name {name[:100]!r}. If the name is yours, "
            "add it to dashboard.hosts in config.yml."
        )


def _check_origin() -> None:
    """Refuse a form that a page of another site sends."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and _without_port(origin) != _without_port(f"//{request.host}"):
        raise Forbidden(
            "Another site sent this. Behind a proxy: let it pass the Host header on unchanged."
        )
    if site not in (None, "same-origin", "none"):
        raise Forbidden("Another site sent this.")


def _without_port(origin: str) -> str:
    """Return the host and port of *origin*, without the port if it is that of the scheme."""
    return origin.lower().partition("//")[2].removesuffix(":443").removesuffix(":80")

"""Asks this machine's own kernel for its neighbours, without a login: IPv4 only, without names.

Each address is sent an empty datagram. The kernel then asks who has the address (ARP), and its
table of neighbours is read. An entry in the table is not enough: a phone that left hours ago is
still listed, as STALE, or as DELAY or PROBE while the kernel asks for it again. So an entry counts
while the kernel calls it reachable, or when its device has answered lately.
"""

import ipaddress
import json
import socket
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.clock import Clock
from app.errors import RouterError, RouterRefused
from app.presence.base import MOST_ADDRESSES, Device, Router, RouterSettings
from app.presence.routers.parsing import each_once, read_device

#: The discard port. No program needs to listen there.
_PORT = 9
#: The age in s up to which an answer counts. The kernel asks again up to 45 s later, at the next
#: poll after that; this poll then takes 6 s.
_LATELY_S = 75
#: The seconds to wait for answers, to wait for the kernel's open requests, and between two reads.
_ANSWERS_S, _LONGEST_S, _LOOK_S = 1.0, 8.0, 0.5
_IP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the kernel's table. *confirmed_s* is the time in s since it answered."""

    ip: str
    mac: str | None
    state: str
    confirmed_s: float

    @property
    def here(self) -> bool:
        """Return whether it has answered lately."""
        lately = self.state in ("DELAY", "PROBE", "STALE") and self.confirmed_s <= _LATELY_S
        return self.mac is not None and (self.state == "REACHABLE" or lately)

    @property
    def undecided(self) -> bool:
        """Return whether the kernel is asking for it now."""
        return self.state in ("INCOMPLETE", "DELAY", "PROBE") and not self.here


class ArpRouter(Router):
    """Asks the gateway, and each address of the settings or of this machine's network."""

    name = "this machine's neighbour table"

    def __init__(self, settings: RouterSettings, clock: Clock) -> None:
        self._addresses = [address for one in settings.arp.addresses for address in _hosts(one)]
        self._clock = clock

    def devices(self) -> list[Device]:
        """Return the devices that are connected, within 10 s, as `Router` describes.

        The gateway must answer. When it does not, the network is down, and the silence of the
        phones means nothing.
        """
        routes = _ip("route", "show", "default")
        gateways = {one["gateway"]: one["dev"] for one in routes if "gateway" in one}
        addresses = self._addresses or _own_network(set(gateways.values()))
        _ask([*addresses, *gateways])
        found = self._settled({*addresses, *gateways}, set(gateways))
        here = [one for one in found if one.here]
        if gateways and not any(one.ip in gateways for one in here):
            raise RouterError(
                f"the router at {' or '.join(sorted(gateways))} does not answer to ARP"
            )
        if not here:
            raise RouterError("nobody in this network answers to ARP, and there is no gateway")
        asked = set(addresses)
        devices = [read_device(one.mac, None, one.ip) for one in here if one.ip in asked]
        return each_once(devices, self.name)

    def _settled(self, wanted: set[str], gateways: set[str]) -> list[Neighbour]:
        """Wait until the kernel has decided about *wanted*, and return the neighbours among them.

        It must decide about entries that once had a MAC, and about the *gateways*.
        """
        until = self._clock.monotonic() + _LONGEST_S
        self._clock.sleep(_ANSWERS_S)
        while True:
            found = [one for one in _neighbours() if one.ip in wanted]
            waiting = any(one.undecided and (one.mac or one.ip in gateways) for one in found)
            if not waiting or self._clock.monotonic() > until:
                return found
            self._clock.sleep(_LOOK_S)


def _hosts(network: str) -> list[str]:
    return [str(address) for address in ipaddress.IPv4Network(network, strict=False).hosts()]


def _own_network(interfaces: set[str]) -> list[str]:
    """Return the addresses of this machine's networks at *interfaces*, or at all interfaces."""
    known = [
        one
        for one in _ip("address", "show", "up")
        if one.get("ifname") in interfaces or (not interfaces and one.get("ifname") != "lo")
    ]
    own = [
        address
        for one in known
        for address in one.get("addr_info", ())
        if address.get("scope") == "global"
    ]
    if not own:
        raise RouterError("this machine is in no IPv4 network")
    networks = {
        ipaddress.IPv4Network(f"{one['local']}/{one['prefixlen']}", strict=False) for one in own
    }
    if sum(one.num_addresses for one in networks) > MOST_ADDRESSES:
        large = ", ".join(map(str, sorted(networks)))
        raise RouterRefused(
            f"{large} is more than the {MOST_ADDRESSES} addresses that can be asked: name the "
            "phones' in arp.addresses"
        )
    addresses = {address for one in networks for address in _hosts(str(one))}
    return sorted(addresses - {str(one["local"]) for one in own})


def _ask(addresses: Iterable[str]) -> None:
    """Send a datagram to each of *addresses*; `RouterError` when nothing can be sent."""
    failure, sent = None, False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for address in addresses:
            try:
                sender.sendto(b"", (address, _PORT))
                sent = True
            except OSError as error:
                failure = error
    if failure and not sent:
        raise RouterError(f"nothing can be sent into this machine's network: {failure.strerror}")


def _neighbours() -> list[Neighbour]:
    return [
        Neighbour(
            one["dst"],
            one.get("lladdr"),
            (one.get("state") or ["NONE"])[0],
            one.get("confirmed", _LATELY_S + 1),
        )
        for one in _ip("-statistics", "neighbour", "show")
        if "dst" in one
    ]


def _ip(*arguments: str) -> Sequence[dict[str, Any]]:
    """Return the entries that `ip` prints for *arguments*."""
    command = ["ip", "-json", "-4", *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            timeout=_IP_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        printed = json.loads(done.stdout or b"[]")
    except FileNotFoundError:
        raise RouterRefused("iproute2 is not installed: sudo apt install iproute2") from None
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise RouterError(f"`{' '.join(command)}` fails: {type(error).__name__}") from None
    if not isinstance(printed, list):
        raise RouterError(f"`{' '.join(command)}` prints no list")
    return [one for one in printed if isinstance(one, dict)]

"""What a router tells, who the people are, and the settings of both."""

import ipaddress
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from annotated_types import Ge, Interval, MinLen
from pydantic import AfterValidator, SecretStr


def plain_mac(text: str) -> str:
    """*text* as `aa:bb:cc:dd:ee:ff`, whatever its case and separators; a ValueError when it is no
    MAC address.
    """
    digits = re.sub(r"[\s:.-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError("must be a MAC address, as in aa:bb:cc:dd:ee:ff")
    return ":".join(re.findall("..", digits))


def plain_host(text: str) -> str:
    """*text*, a device's name in a network, in small letters, without dots and spaces at its ends;
    a ValueError if none is left.
    """
    name = text.strip().strip(".").lower()
    if not name:
        raise ValueError("must be a host name, as in annas-iphone")
    return name


def _person_name(text: str) -> str:
    if not re.fullmatch(r"[^\W_][\w -]{0,31}", text):
        raise ValueError(
            "a person's name is letters, digits, spaces, - and _, at most 32, as in anna"
        )
    return text


def _router_url(text: str) -> str:
    try:
        found = (
            re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text)
            and urlsplit(text).port != 0
            and urlsplit(text).hostname
        )
    except ValueError:
        found = None
    if not found:
        raise ValueError("must be http://HOST or https://HOST, as in http://192.168.1.1")
    if "@" in urlsplit(text).netloc:
        raise ValueError(
            "must hold no user and no password; they have keys of their own, username and password"
        )
    return text.rstrip("/")


def plain_fingerprint(text: str) -> str:
    """*text*, the SHA-256 of a certificate, as browsers show it: `AB:CD:…`; a ValueError when it is
    none.
    """
    digits = re.sub(
        r"[\s:]", "", re.sub(r"^sha-?256(:|\s*fingerprint=)", "", text.strip(), flags=re.IGNORECASE)
    ).upper()
    if not re.fullmatch(r"[0-9A-F]{64}", digits):
        raise ValueError(
            "must be a certificate's SHA-256 fingerprint: 64 hexadecimal digits, with or without "
            "colons"
        )
    return ":".join(re.findall("..", digits))


def _path(text: str) -> str:
    if not re.fullmatch(r"/[!-~]*", text):
        raise ValueError(
            "must be an address below presence.router.url, as in /api/devices, without spaces and "
            "other odd signs"
        )
    return text


def _header_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise ValueError("must be the name of a header, as in X-Requested-With")
    return text


def _network(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError(
            "must be an IPv4 address or network, as in 192.168.1.23 or 192.168.1.0/24"
        ) from None
    return str(network)


def _absolute(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError("must be a whole path, as in /tmp/router.json")
    return text


#: How many addresses are looked through at the most: each is asked at every poll.
MOST_ADDRESSES = 256

PersonName = Annotated[str, AfterValidator(_person_name)]
Mac = Annotated[str, AfterValidator(plain_mac)]
Host = Annotated[str, AfterValidator(plain_host)]
UrlPath = Annotated[str, AfterValidator(_path)]
Words = Annotated[str, MinLen(1)]
RouterBackend = Literal["none", "http_json", "openwrt", "fritzbox", "arp", "scripted"]


@dataclass(frozen=True, slots=True)
class Device:
    """Something that is connected to the router just now. *mac* is as `plain_mac` makes it,
    *hostname* as `plain_host` does.
    """

    mac: str | None
    hostname: str | None = None
    ip: str | None = None
    connected_since: datetime | None = None


class Router(ABC):
    """Whoever knows what is connected. Only one thread at a time may use it."""

    #: What messages call it: its kind and address, never a password.
    name: str

    @abstractmethod
    def devices(self) -> list[Device]:
        """What is connected just now, each device once; an empty list when nothing is.

        `RouterError` when it does not answer, or not with a list, and `RouterRefused` when somebody
        has to do something about that. Returns or raises within a few times `timeout_s`, whatever
        the router does.
        """

    def close(self) -> None:  # noqa: B027 (few have anything to let go)
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """How a person is known: by the *macs* of phones, and by *hosts*, the names that phones give
    themselves.

    A host name is anybody's to choose: of a person with *macs* it counts only for a device of which
    the router tells no MAC.
    """

    macs: tuple[Mac, ...] = ()
    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpJsonSettings:
    """The calls of a router's own web pages, and where in the answer the devices are.

    *devices*, *login_page* and *login* are below the router's url. In *devices*, *form*, *headers*
    and *cookie* a name in braces is filled in: `{username}`, `{password}`, a name in *secrets*,
    `{now_ms}`, and outside *form* also what the login answered: a field of its JSON, dotted when it
    lies deeper, or a cookie. *list*, *total* and the others are dotted places in the JSON. With
    *total* the list comes in pages: it says how long the whole is, and `{offset}` in *devices* is
    how much was seen.
    """

    devices: UrlPath | None = None
    login_page: UrlPath | None = None
    login: UrlPath | None = None
    login_as: Literal["form", "json"] = "form"
    form: dict[str, str] = field(default_factory=dict, repr=False)
    cookie: Words | None = field(default=None, repr=False)
    headers: dict[Annotated[str, AfterValidator(_header_name)], str] = field(
        default_factory=dict, repr=False
    )
    secrets: dict[str, SecretStr] = field(default_factory=dict)
    list: Words | None = None
    total: Words | None = None
    mac: Words | None = "mac"
    hostname: Words | None = "hostname"
    ip: Words | None = "ip"
    since: Words | None = None
    active: Words | None = None
    active_value: bool | int | str | None = None

    def __post_init__(self) -> None:
        if self.login is None and (self.form or self.cookie or self.login_page):
            raise ValueError(
                "form, cookie and login_page belong to a login: set login too, the address that "
                "the form goes to"
            )
        if self.mac is None and self.hostname is None:
            raise ValueError(
                "mac and hostname are both null, so nothing would tell one device from another; "
                "set one"
            )
        if (self.total is not None) != ("{offset}" in (self.devices or "")):
            raise ValueError(
                "total and {offset} in devices go together: the list comes in pages, or it does not"
            )


@dataclass(frozen=True, slots=True)
class ArpSettings:
    """Whom to ask: addresses and networks; when there are none, the network that this machine is
    in.
    """

    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = ()

    def __post_init__(self) -> None:
        if sum(ipaddress.IPv4Network(one).num_addresses for one in self.addresses) > MOST_ADDRESSES:
            raise ValueError(
                f"addresses are more than {MOST_ADDRESSES}, as many as a /24 has; better, name "
                "only the phones' own"
            )


@dataclass(frozen=True, slots=True)
class ScriptedSettings:
    """The file that says what is connected, as `app/presence/scripted.py` has it."""

    file: Annotated[str, AfterValidator(_absolute)] | None = None


#: What each backend cannot do without.
_NEEDED = {
    "http_json": ("url", "http_json.devices"),
    "openwrt": ("url", "username", "password"),
    "fritzbox": ("url", "username", "password"),
    "scripted": ("scripted.file",),
}


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """Which router is asked, and how. *fingerprint* is that of the one certificate which is
    trusted, whoever signed it.
    """

    backend: RouterBackend = "none"
    url: Annotated[str, AfterValidator(_router_url)] | None = None
    username: Words | None = None
    password: SecretStr | None = None
    fingerprint: Annotated[str, AfterValidator(plain_fingerprint)] | None = None
    timeout_s: Annotated[float, Interval(ge=1, le=15)] = 5.0
    http_json: HttpJsonSettings = field(default_factory=HttpJsonSettings)
    arp: ArpSettings = field(default_factory=ArpSettings)
    scripted: ScriptedSettings = field(default_factory=ScriptedSettings)

    def __post_init__(self) -> None:
        lacking = [key for key in _NEEDED.get(self.backend, ()) if not attrgetter(key)(self)]
        if lacking:
            raise ValueError(f"backend {self.backend} needs {' and '.join(lacking)} too")
        if self.fingerprint and not (self.url or "").startswith("https:"):
            raise ValueError("a fingerprint is that of a certificate, so url must be https://")


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """Who lives here, and when somebody counts as gone."""

    people: dict[PersonName, PersonSettings] = field(default_factory=dict)
    consider_home_s: Annotated[float, Ge(30)] = 180.0
    max_consider_home_s: Annotated[float, Ge(30)] = 1020.0
    away_after_s: Annotated[float, Ge(0)] = 60.0
    router_silent_alert_s: Annotated[float, Ge(60)] = 900.0
    router: RouterSettings = field(default_factory=RouterSettings)

    def __post_init__(self) -> None:
        owners: dict[str, str] = {}
        for name, person in self.people.items():
            if not (person.macs or person.hosts):
                raise ValueError(
                    f"{name} has neither macs nor hosts, so nothing can tell whether {name} is home"
                )
            for sign in dict.fromkeys([*person.macs, *person.hosts]):
                if sign in owners:
                    raise ValueError(
                        f"{sign} belongs to both {owners[sign]} and {name}; a device is one "
                        "person's"
                    )
                owners[sign] = name
        if self.max_consider_home_s < self.consider_home_s:
            raise ValueError("max_consider_home_s must not be less than consider_home_s")

"""The router's interface, and the settings of routers and people."""

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
    """Return *text*, a MAC in any case and with any separators, as `aa:bb:cc:dd:ee:ff`.

    Raises ValueError when *text* is no MAC address.
    """
    digits = re.sub(r"[\s:.-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError("must be a MAC address, as in aa:bb:cc:dd:ee:ff")
    return ":".join(re.findall("..", digits))


def plain_host(text: str) -> str:
    """Return *text*, a host name, in lower case, without dots and spaces at its ends.

    Raises ValueError when nothing is left.
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
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text) or not parts.hostname:
        raise ValueError("must be http://HOST or https://HOST, as in http://192.168.1.1")
    if "@" in parts.netloc:
        raise ValueError(
            "must hold no user and no password; set them by the keys username and password"
        )
    return text.rstrip("/")


def plain_fingerprint(text: str) -> str:
    """Return *text*, the SHA-256 of a certificate, as browsers show it: `AB:CD:…`.

    Raises ValueError when *text* is no fingerprint.
    """
    bare = re.sub(r"^sha-?256(:|\s*fingerprint=)", "", text.strip(), flags=re.IGNORECASE)
    digits = re.sub(r"[\s:]", "", bare).upper()
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
            "other special characters"
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
        raise ValueError("must be an absolute path, as in /tmp/router.json")
    return text


#: The largest number of addresses that ARP may ask: each is asked at every poll.
MOST_ADDRESSES = 256

PersonName = Annotated[str, AfterValidator(_person_name)]
Mac = Annotated[str, AfterValidator(plain_mac)]
Host = Annotated[str, AfterValidator(plain_host)]
UrlPath = Annotated[str, AfterValidator(_path)]
Words = Annotated[str, MinLen(1)]
RouterBackend = Literal["none", "http_json", "openwrt", "fritzbox", "arp", "scripted"]


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is connected to the router now.

    *mac* has the form of `plain_mac`, *hostname* that of `plain_host`.
    """

    mac: str | None
    hostname: str | None = None
    ip: str | None = None
    connected_since: datetime | None = None


class Router(ABC):
    """A source of the connected devices. Only one thread at a time may use it."""

    #: Its name in messages: its kind and address, and never a password.
    name: str

    @abstractmethod
    def devices(self) -> list[Device]:
        """Return the devices that are connected now, each once; an empty list when none is.

        Raises `RouterError` when it does not answer, or answers without a list, and `RouterRefused`
        when a person must act before it answers. Returns or raises within a few times `timeout_s`,
        whatever the router does.
        """

    def close(self) -> None:  # noqa: B027 (few have anything to close)
        """Close all connections."""


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """The devices of a person: the *macs* of phones, and *hosts*, the phones' names.

    Any device can take any host name. So for a person with *macs* a host name counts only when the
    router lists the device without a MAC.
    """

    macs: tuple[Mac, ...] = ()
    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpJsonSettings:
    """The calls that a router's own web pages make, and the place of the devices in the answer.

    *devices*, *login_page*, *login* and *logout* are below the router's url. In *devices*, *form*,
    *headers*, *cookie* and *logout* a name in braces is replaced: `{username}`, `{password}`, a
    name in *secrets*, and `{now_ms}`. Outside *form* the names of the login's answer are replaced
    too: a cookie, or a field of its JSON, with dots for a deeper one. *list*, *total* and the
    others are places in the JSON, also with dots. With *total* the list has pages: *total* is the
    length of the whole list, and `{offset}` in *devices* is the number of entries read so far. With
    *logout*, each poll logs in and out again. *busy* are words in the answers of a router that has
    no room for one more session.
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
    logout: UrlPath | None = None
    logout_as: Literal["post", "get"] = "post"
    busy: Words | None = None
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
        if self.login is None and (self.form or self.cookie or self.login_page or self.logout):
            raise ValueError(
                "form, cookie, login_page and logout belong to a login: set login too, the address "
                "to which the form is sent"
            )
        if self.mac is None and self.hostname is None:
            raise ValueError(
                "mac and hostname are both null, so devices could not be distinguished; set one"
            )
        if (self.total is not None) != ("{offset}" in (self.devices or "")):
            raise ValueError(
                "total and {offset} in devices go together: set both when the list comes in pages, "
                "or neither"
            )


@dataclass(frozen=True, slots=True)
class ArpSettings:
    """The *addresses* and networks to ask; when there are none, this machine's own network."""

    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = ()

    def __post_init__(self) -> None:
        if sum(ipaddress.IPv4Network(one).num_addresses for one in self.addresses) > MOST_ADDRESSES:
            raise ValueError(
                f"addresses are more than {MOST_ADDRESSES}, the size of a /24; it is better to "
                "name only the phones' own"
            )


@dataclass(frozen=True, slots=True)
class ScriptedSettings:
    """The *file* that lists the connected devices, as `ScriptedRouter` reads it."""

    file: Annotated[str, AfterValidator(_absolute)] | None = None


#: The settings that each backend needs.
_NEEDED = {
    "http_json": ("url", "http_json.devices"),
    "openwrt": ("url", "username", "password"),
    "fritzbox": ("url", "username", "password"),
    "scripted": ("scripted.file",),
}


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """The router to ask; if *fingerprint* is set, only the certificate with it is trusted."""

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
            raise ValueError("a fingerprint belongs to a certificate, so url must be https://")


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """The people of the house, and when a person counts as gone."""

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
                    f"{name} has neither macs nor hosts, so it cannot be known whether {name} is "
                    "home"
                )
            for key in dict.fromkeys([*person.macs, *person.hosts]):
                if key in owners:
                    raise ValueError(
                        f"{key} belongs to both {owners[key]} and {name}; a device has one owner"
                    )
                owners[key] = name
        if self.max_consider_home_s < self.consider_home_s:
            raise ValueError("max_consider_home_s must not be less than consider_home_s")

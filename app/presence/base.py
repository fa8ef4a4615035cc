"""What a router tells, who the people are, and the settings of both."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from annotated_types import Ge, Interval
from pydantic import AfterValidator, SecretStr


def plain_mac(text: str) -> str:
    """*text* as `aa:bb:cc:dd:ee:ff`, whatever its case and separators; a ValueError when it is no MAC address."""
    digits = re.sub(r"[\s:.-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError("must be a MAC address, as in aa:bb:cc:dd:ee:ff")
    return ":".join(re.findall("..", digits))


def plain_host(text: str) -> str:
    """*text*, a device's name in a network, in small letters, without dots and spaces at its ends; a ValueError if none is left."""
    name = text.strip().strip(".").lower()
    if not name:
        raise ValueError("must be a host name, as in annas-iphone")
    return name


def _person_name(text: str) -> str:
    if not re.fullmatch(r"[^\W_][\w -]{0,31}", text):
        raise ValueError("a person's name is letters, digits, spaces, - and _, at most 32, as in anna")
    return text


PersonName = Annotated[str, AfterValidator(_person_name)]
Mac = Annotated[str, AfterValidator(plain_mac)]
Host = Annotated[str, AfterValidator(plain_host)]
RouterBackend = Literal["none", "http_json", "openwrt", "fritzbox", "arp", "scripted"]


@dataclass(frozen=True, slots=True)
class Device:
    """Something that is connected to the router just now. *mac* is as `plain_mac` makes it, *hostname* as `plain_host` does."""

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

        `RouterError` when it does not answer, or not with a list, and `RouterRefused` when somebody has to do something about
        that. Returns or raises within a few times `timeout_s`, whatever the router does.
        """

    def close(self) -> None:  # noqa: B027 (few have anything to let go)
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """How a person is known: by the *macs* of phones, and by *hosts*, the names that phones give themselves.

    A host name is anybody's to choose: of a person with *macs* it counts only for a device of which the router tells no MAC.
    """

    macs: tuple[Mac, ...] = ()
    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """Which router is asked, and how."""

    backend: RouterBackend = "none"
    url: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    fingerprint: str | None = None
    timeout_s: Annotated[float, Interval(ge=1, le=15)] = 5.0


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """Who lives here, and when somebody counts as gone."""

    people: dict[PersonName, PersonSettings] = field(default_factory=dict)
    consider_home_s: Annotated[float, Ge(30)] = 180.0
    max_consider_home_s: Annotated[float, Ge(30)] = 1080.0
    away_after_s: Annotated[float, Ge(0)] = 60.0
    router_silent_alert_s: Annotated[float, Ge(60)] = 900.0
    router: RouterSettings = field(default_factory=RouterSettings)

    def __post_init__(self) -> None:
        owners: dict[str, str] = {}
        for name, person in self.people.items():
            if not (person.macs or person.hosts):
                raise ValueError(f"{name} has neither macs nor hosts, so nothing can tell whether {name} is home")
            for sign in dict.fromkeys([*person.macs, *person.hosts]):
                if sign in owners:
                    raise ValueError(f"{sign} belongs to both {owners[sign]} and {name}; a device is one person's")
                owners[sign] = name
        if self.max_consider_home_s < self.consider_home_s:
            raise ValueError("max_consider_home_s must not be less than consider_home_s")

"""The frozen settings of the whole suite: `Config`.

Most of its sections are defined beside the code that uses them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from annotated_types import Ge, Interval
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from app.alert_text import EventWords
from app.cameras.base import CameraSettings
from app.config.layers import KeyPath, place
from app.detector import EventSettings
from app.frames import Polygon, closed
from app.logs import Redactor
from app.motion.base import MotionSettings, Zone
from app.notify import ServiceSettings
from app.notify.settings import (
    AppriseSettings,
    NotifySettings,
    SlackSettings,
    TwilioSettings,
    secrets_in_url,
)
from app.notify.slack.credentials import (
    checked_app_token,
    checked_member_id,
    checked_signing_secret,
)
from app.pantilt.base import PanTiltSettings
from app.people.base import PeopleSettings
from app.presence.base import PresenceSettings
from app.protocol import CAMERA_NAME
from app.protocol.address import is_here
from app.recording.base import RecordingSettings
from app.uploads.base import DiskSettings, DropboxSettings, S3Settings, UploadSettings

PROJECT = Path(__file__).resolve().parents[2]
Seconds = Annotated[float, Ge(0)]


def _camera_name(name: str) -> str:
    if not CAMERA_NAME.fullmatch(name):
        raise ValueError(
            "a camera's name is lower-case letters, digits, - and _, at most 32, as in front_door"
        )
    return name


def _bind(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not re.fullmatch(r"\S+", host) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("must be address:port, as in 127.0.0.1:52962")
    return address


def _redis_url(url: str) -> str:
    if not _is_redis_url(url):
        raise ValueError(
            "must be redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH, as in "
            "redis://127.0.0.1:6379/0"
        )
    return url


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return bool(parts.path)
        return parts.scheme in ("redis", "rediss") and parts.port != 0
    except ValueError:
        return False


def is_loopback(bind: str) -> bool:
    """Return whether only programs on this machine reach the address *bind*."""
    host = bind.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise ValueError("must be the name of a machine in lower case, as in camera.example.net")
    return name


HostName = Annotated[str, AfterValidator(_host_name)]
CameraName = Annotated[str, AfterValidator(_camera_name)]
Bind = Annotated[str, AfterValidator(_bind)]


@dataclass(frozen=True, slots=True)
class CameraConfig(CameraSettings):
    """A camera, with the masks, the zones, the mount and the motion sensor of its place."""

    masks: tuple[Annotated[Polygon, AfterValidator(closed)], ...] = ()
    camera_faults: bool = True
    zones: tuple[Zone, ...] = ()
    pantilt: PanTiltSettings = field(default_factory=PanTiltSettings)
    pir_pin: Annotated[int, Interval(ge=0, le=27)] | None = None


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """The address of the shared state."""

    url: Annotated[str, AfterValidator(_redis_url)] = "redis://127.0.0.1:6379/0"

    @property
    def takes_password(self) -> bool:
        """Return whether a Redis that the suite starts at this address needs a password."""
        return is_here(self.url) and self.url.startswith("redis:") and "@" not in self.url


@dataclass(frozen=True, slots=True)
class SlackConfig(SlackSettings):
    """The Slack app, the connection with Slack, and the people who may send commands."""

    mode: Literal["http", "socket"] = "http"
    bind: Bind = "0.0.0.0:52961"
    app_token: Annotated[SecretStr, AfterValidator(checked_app_token)] | None = None
    signing_secret: Annotated[SecretStr, AfterValidator(checked_signing_secret)] | None = None
    allowed_users: tuple[Annotated[str, AfterValidator(checked_member_id)], ...] = ()

    def __post_init__(self) -> None:
        if (self.bot_token or self.app_token or self.signing_secret) and not self.allowed_users:
            raise ValueError(
                "a token or secret is set, but slack.allowed_users is empty, so nobody may "
                "command; name at least yourself"
            )

    def for_delivery(self) -> SlackSettings:
        """Return only the settings that deliveries and replies read."""
        return SlackSettings(**{one.name: getattr(self, one.name) for one in fields(SlackSettings)})


@dataclass(frozen=True, slots=True)
class EventConfig(EventSettings):
    """Settings of events: detection, samples and stills, and the sentences about an event."""

    min_save_seconds: Annotated[float, Ge(1)] = 600.0
    frame_store_cnt: Annotated[int, Interval(ge=1, le=1000)] = 30
    train: bool = False
    open_threshold_seconds: Annotated[float, Ge(1)] = 60.0
    words: EventWords = field(default_factory=EventWords)

    def for_detector(self) -> EventSettings:
        """Return only the settings that the detector reads."""
        return EventSettings(**{one.name: getattr(self, one.name) for one in fields(EventSettings)})


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """The page on the home network: its address, and who may open it for how long.

    *hosts* are names, besides those of this machine, by which browsers reach it. With *proxy*, a
    reverse proxy with TLS on this machine passes all requests on.
    """

    enabled: bool = True
    bind: Bind = "127.0.0.1:52963"
    hosts: tuple[HostName, ...] = ()
    proxy: bool = False
    session_days: Annotated[float, Interval(ge=0.01, le=365)] = 7.0

    @property
    def is_local(self) -> bool:
        """Return whether only this machine reaches the page."""
        return is_loopback(self.bind)


@dataclass(frozen=True, slots=True)
class GlancesSettings:
    """The page that shows every process green or red."""

    bind: Bind = "127.0.0.1:52962"
    password: SecretStr | None = None
    on_demand: bool = True
    idle_minutes: Annotated[float, Field(gt=0)] = 10


class Config(BaseModel):
    """All settings. Relative paths start from the folder above `folder`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data_dir: Path = Path("data")
    redis: RedisSettings = RedisSettings()
    cameras: Annotated[dict[CameraName, CameraConfig], Field(min_length=1)] = Field(
        default_factory=lambda: {"front": CameraConfig()}
    )
    motion: MotionSettings = MotionSettings()
    people: PeopleSettings = PeopleSettings()
    events: EventConfig = EventConfig()
    recording: RecordingSettings = RecordingSettings()
    notify: NotifySettings = NotifySettings()
    slack: SlackConfig = SlackConfig()
    twilio: TwilioSettings = TwilioSettings()
    apprise: AppriseSettings = AppriseSettings()
    presence: PresenceSettings = PresenceSettings()
    s3: S3Settings = S3Settings()
    dropbox: DropboxSettings = DropboxSettings()
    uploads: UploadSettings = UploadSettings()
    disk: DiskSettings = DiskSettings()
    dashboard: DashboardSettings = DashboardSettings()
    glances: GlancesSettings = GlancesSettings()

    _folder: Path = PrivateAttr(default=PROJECT / "config")
    _plain: str = PrivateAttr(default="{}")
    _places: dict[KeyPath, str] = PrivateAttr(default_factory=dict)
    _doubts: dict[KeyPath, str] = PrivateAttr(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that the settings were read from."""
        return self._folder

    @property
    def plain(self) -> str:
        """The settings as they were read, as JSON with every secret; `config_from_plain` reads it.

        Relative paths are as they were.
        """
        return self._plain

    def place(self, keys: KeyPath) -> str:
        """Return the file and the line of *keys*, as far as they are known."""
        return place(keys, self._places, self._folder)

    @property
    def doubts(self) -> dict[KeyPath, str]:
        """The doubts about values in the files, each by its key."""
        return self._doubts

    @property
    def logs_dir(self) -> Path:
        """The folder with the log of each program.

        A configuration in another folder than `config` has logs of its own: `garden` has
        `logs/garden`.
        """
        logs = self._folder.parent / "logs"
        return logs if self._folder.name == "config" else logs / self._folder.name

    @property
    def models_dir(self) -> Path:
        """The folder with the files of person models."""
        return self._folder.parent / "model-files"

    @property
    def run_dir(self) -> Path:
        """The folder for the launcher's files, which exist while the suite runs."""
        return self.data_dir / "run"

    @property
    def services(self) -> ServiceSettings:
        """The settings of the services that deliver alerts, as far as they are configured."""
        return ServiceSettings(
            None if self.slack.missing() else self.slack.for_delivery(),
            None if self.twilio.missing() else self.twilio,
            self.apprise if self.apprise.urls else None,
        )

    @model_validator(mode="after")
    def _can_use_the_channels_it_names(self) -> Self:
        if "slack" in self.notify.backends and self.slack.missing():
            raise ValueError(
                f"notify.backends names slack, which needs {' and '.join(self.slack.missing())}"
            )
        if "twilio" in self.notify.backends and self.twilio.missing():
            raise ValueError(
                f"notify.backends names twilio, which needs {', '.join(self.twilio.missing())}"
            )
        if "apprise" in self.notify.backends and not self.apprise.urls:
            raise ValueError("notify.backends names apprise, which needs apprise.urls")
        return self

    def redactor(self) -> Redactor:
        """Return what hides every token and password of the settings in logs and messages."""
        return Redactor(self.secrets().values(), self._names())

    def secrets(self) -> dict[str, str]:
        """Return every token and password by its key, as in `presence.router.password`.

        What an address contains has a number after its key.
        """
        urls = {"redis.url": self.redis.url}
        urls |= {f"cameras.{name}.source": one.source for name, one in self.cameras.items()}
        passwords = {key: word for key, url in urls.items() if (word := _password_in(url))}
        parts = {
            f"apprise.urls.{number} ({place})": part
            for number, url in enumerate(self.apprise.urls)
            for place, part in enumerate(sorted(secrets_in_url(url.get_secret_value())))
        }
        return dict(_secret_values(self.model_dump(), "")) | passwords | parts

    def weak_secrets(self) -> list[str]:
        """Return the keys of secrets that a log cannot hide: plain words, and names of things."""
        redact = self.redactor()
        return [
            key
            for key, secret in self.secrets().items()
            if redact.is_word(secret) and not key.startswith("apprise")
        ]

    def _names(self) -> Iterator[str]:
        yield from self.cameras
        yield from self.presence.people
        for person in self.presence.people.values():
            yield from person.hosts


def _password_in(url: str) -> str:
    """Return the password in *url*, also if a sign in it should have been written as %23 or so."""
    address = url.partition("://")[2]
    return unquote(address.rpartition("@")[0].partition(":")[2])


def _secret_values(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, SecretStr):
        yield key, value.get_secret_value()
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _secret_values(getattr(value, one.name), _below(key, one.name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _secret_values(item, _below(key, name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _secret_values(item, _below(key, number))


def _below(key: str, name: str | int) -> str:
    return f"{key}.{name}" if key else str(name)

"""The configuration: read from YAML, checked, and handed out as frozen settings.

`config.yml` shows every key; a profile from `profiles/` is laid over it, and `private.yml` over
both, key by key. `load_config` names every mistake at once, each with file, line and key.
"""

import difflib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
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
    ValidationError,
    model_validator,
)

from app.cameras.base import CameraSettings
from app.config.layers import KeyPath, Layers, dotted
from app.detector import EventSettings
from app.errors import ConfigError
from app.motion.base import Fraction, MotionSettings, Polygon
from app.notify.base import (
    AppriseSettings,
    Megabytes,
    NotifySettings,
    SlackAccess,
    Topic,
    TwilioSettings,
    url_parts,
)
from app.pantilt.base import PanTiltSettings
from app.presence.base import PersonSettings, PresenceSettings
from app.protocol import CAMERA_NAME
from app.recording.base import RecordingSettings
from app.uploads.base import DiskSettings, DropboxSettings, S3Settings, UploadSettings

PROJECT = Path(__file__).resolve().parents[2]
#: Where the configuration is when nothing else is said.
FOLDER_VARIABLE = "WHOS_THERE_CONFIG"
PROFILE_VARIABLE = "WHOS_THERE_PROFILE"
#: What every camera plays instead of its own source. Not on a command line, where everybody could
#: read its password.
SOURCE_VARIABLE = "WHOS_THERE_SOURCE"

Seconds = Annotated[float, Ge(0)]
_SECRET = re.compile("token|secret|password|key|url|source|router")
#: What pydantic says in a programmer's words. YAML takes a password of digits, and many a MAC
#: address, for a number.
_PLAINER = {
    "string_type": 'must be text: put it in "quotes"',
    "tuple_type": "must be a list, in [square brackets]",
}


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
    try:
        parts = urlsplit(url)
        found = (
            parts.path
            if parts.scheme == "unix"
            else parts.scheme in ("redis", "rediss") and parts.port != 0
        )
    except ValueError:
        found = False
    if not found:
        raise ValueError(
            "must be redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH, as in redis://127.0.0.1:6379/0"
        )
    return url


def _closed(polygon: Polygon) -> Polygon:
    if len(polygon) < 3:
        raise ValueError(
            "a mask needs at least three corners, each [x, y] as fractions from 0 to 1"
        )
    return polygon


CameraName = Annotated[str, AfterValidator(_camera_name)]
Bind = Annotated[str, AfterValidator(_bind)]
Mask = Annotated[Polygon, AfterValidator(_closed)]


@dataclass(frozen=True, slots=True)
class CameraConfig(CameraSettings):
    """A camera with what belongs to its place: masks, mount and motion sensor."""

    masks: tuple[Mask, ...] = ()
    pantilt: PanTiltSettings = field(default_factory=PanTiltSettings)
    pir_pin: Annotated[int, Interval(ge=0, le=27)] | None = None


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Where the shared state is."""

    url: Annotated[str, AfterValidator(_redis_url)] = "redis://127.0.0.1:6379/0"


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """How people are told from other moving things."""

    backend: Literal["auto", "none"] = "auto"
    model: str | None = None
    threshold: Fraction = 0.5
    memory_s: Seconds = 300.0
    require_person: Literal["auto"] | bool = "auto"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """The Slack app."""

    mode: Literal["http", "socket"] = "http"
    bind: Bind = "0.0.0.0:52961"
    api_url: str = "https://slack.com/api/"
    bot_token: SecretStr | None = None
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    allowed_users: tuple[str, ...] = ()
    alerts_channel: str | None = None
    delete_after_tag: bool = True
    when: tuple[Topic, ...] | None = None
    max_clip_mb: Megabytes = 20.0

    def __post_init__(self) -> None:
        if (self.bot_token or self.app_token or self.signing_secret) and not self.allowed_users:
            raise ValueError(
                "a token or secret is set, but slack.allowed_users is empty, so nobody may "
                "command; name at least yourself"
            )


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """The page on the home network."""

    bind: Bind = "127.0.0.1:52963"


@dataclass(frozen=True, slots=True)
class GlancesSettings:
    """The page that shows every process green or red."""

    bind: Bind = "127.0.0.1:52962"
    password: SecretStr | None = None


class Config(BaseModel):
    """Everything that can be set. *folder* is where it was read from; relative paths start from the
    folder above that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data_dir: Path = Path("data")
    redis: RedisSettings = RedisSettings()
    cameras: Annotated[dict[CameraName, CameraConfig], Field(min_length=1)] = Field(
        default_factory=lambda: {"front": CameraConfig()}
    )
    motion: MotionSettings = MotionSettings()
    people: PeopleSettings = PeopleSettings()
    events: EventSettings = EventSettings()
    recording: RecordingSettings = RecordingSettings()
    notify: NotifySettings = NotifySettings()
    slack: SlackSettings = SlackSettings()
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

    @property
    def folder(self) -> Path:
        """The folder this was read from."""
        return self._folder

    @property
    def logs_dir(self) -> Path:
        """Where every program has its log."""
        return self._folder.parent / "logs"

    @property
    def run_dir(self) -> Path:
        """Where the launcher keeps what lasts as long as the suite runs."""
        return self.data_dir / "run"

    @model_validator(mode="after")
    def _has_the_ways_it_names(self) -> Self:
        if "slack" in self.notify.backends and slack_access(self) is None:
            raise ValueError(
                "notify.backends names slack, which needs slack.bot_token and slack.alerts_channel"
            )
        if "twilio" in self.notify.backends and self.twilio.missing():
            raise ValueError(
                f"notify.backends names twilio, which needs {', '.join(self.twilio.missing())}"
            )
        if "apprise" in self.notify.backends and not self.apprise.urls:
            raise ValueError("notify.backends names apprise, which needs apprise.urls")
        return self

    def secrets(self) -> list[str]:
        """Every token and password in here, for the logs to leave out."""
        urls = [self.redis.url, *(camera.source for camera in self.cameras.values())]
        passwords = [unquote(split.password) for url in urls if (split := urlsplit(url)).password]
        parts = [part for url in self.apprise.urls for part in url_parts(url.get_secret_value())]
        return sorted(
            {*_secret_values(self.model_dump()), *passwords, *parts}, key=len, reverse=True
        )


#: Sections that are checked, so that a file written for the whole suite is good, but that no
#: program here reads yet.
AWAITED = ("people", "dashboard")


def config_folder(folder: Path | None = None) -> Path:
    """*folder*, or what `$WHOS_THERE_CONFIG` says, or the project's own `config/`."""
    return (folder or Path(os.environ.get(FOLDER_VARIABLE) or PROJECT / "config")).resolve()


def load_config(folder: Path | None = None, profile: str | None = None) -> Config:
    """The configuration in *folder* with *profile* (or `$WHOS_THERE_PROFILE`) laid over it.
    `ConfigError` lists all that is wrong.
    """
    folder = config_folder(folder)
    layers = _read_layers(folder, profile or os.environ.get(PROFILE_VARIABLE))
    try:
        plain = json.dumps(layers.values, default=str)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            [
                *layers.problems,
                f"{folder / 'config.yml'}: only plain keys and values can be understood: {error}",
            ]
        ) from None
    try:
        config = Config.model_validate_json(plain, strict=True)
    except ValidationError as error:
        raise ConfigError(layers.problems + _described(error, layers)) from None
    if layers.problems:
        raise ConfigError(layers.problems)
    try:
        data_dir = (folder.parent / config.data_dir.expanduser()).resolve()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            [
                f"{layers.place(('data_dir',))}: data_dir: must be a folder, as in /home/pi/data: "
                f"{error}"
            ]
        ) from None
    config = config.model_copy(update={"data_dir": data_dir})
    config._folder = folder
    return config


def config_warnings(config: Config) -> list[str]:
    """What is not wrong, but not as it should be."""
    found = []
    private = config.folder / "private.yml"
    if private.exists() and stat.S_IMODE(private.stat().st_mode) & 0o077:
        found.append(
            f"{private}: others on this machine can read it; chmod 600 {private} makes it yours "
            "alone"
        )
    warnings = [*_half_set_up(config), *_presence_warnings(config.presence)]
    found.extend(f"{config.folder / 'config.yml'}: {warning}" for warning in warnings)
    plain = Config()
    idle = [name for name in AWAITED if getattr(config, name) != getattr(plain, name)]
    found.extend(
        f"{config.folder / 'config.yml'}: {name} is set, but nothing in this version uses it yet"
        for name in idle
    )
    return found


def _half_set_up(config: Config) -> Iterator[str]:
    slack = config.slack
    if slack.bot_token and not slack.alerts_channel:
        yield "slack.bot_token is set, but no slack.alerts_channel, so no alert goes to Slack"
    needed = "app_token" if slack.mode == "socket" else "signing_secret"
    if slack.bot_token and getattr(slack, needed) is None:
        yield (
            f"slack.bot_token is set, but no slack.{needed}, which mode {slack.mode} needs, so no "
            "command and no click is heard"
        )
    if config.twilio.missing() and config.twilio != TwilioSettings():
        yield f"twilio lacks {' and '.join(config.twilio.missing())}, so nobody is texted"
    if config.s3.access_key_id and not config.s3.bucket:
        yield "s3.access_key_id is set, but no s3.bucket, so nothing goes to S3"
    if config.dropbox.app_key and not config.dropbox.is_set_up:
        yield (
            "dropbox.app_key is set, but no dropbox.refresh_token, so no picture goes there; "
            "`python -m app dropbox-link` gets one"
        )


def _presence_warnings(presence: PresenceSettings) -> Iterator[str]:
    router = presence.router.backend
    if presence.people and router == "none":
        yield "presence.people are named, but presence.router is none, so nobody looks who is home"
    if router != "none" and not presence.people:
        yield (
            "presence.router is set, but presence.people names nobody, so nothing is armed or "
            "disarmed by it"
        )
    by_name = [name for name, person in presence.people.items() if not person.macs]
    if by_name and router == "arp":
        yield (
            f"presence.people: {', '.join(by_name)}: known by host name only, which the router arp "
            "never tells; give a MAC address"
        )
    elif by_name:
        yield (
            f"presence.people: {', '.join(by_name)}: known by host name only, which anybody may "
            "give a phone; a MAC address is better"
        )


def slack_access(config: Config) -> SlackAccess | None:
    """How alerts go to Slack; None when they do not, for want of a token or a channel."""
    slack = config.slack
    if slack.bot_token is None or slack.alerts_channel is None:
        return None
    token = slack.bot_token.get_secret_value()
    return SlackAccess(
        slack.api_url,
        token,
        slack.alerts_channel,
        slack.delete_after_tag,
        slack.when,
        slack.max_clip_mb,
    )


def _read_layers(folder: Path, profile: str | None) -> Layers:
    if not (folder / "config.yml").is_file():
        raise ConfigError(
            [
                f"{folder / 'config.yml'}: there is no such file; it may be empty, since every key "
                "has a default"
            ]
        )
    layers = Layers(folder)
    layers.add(folder / "config.yml")
    if profile:
        known = sorted(path.stem for path in (folder / "profiles").glob("*.yml"))
        if profile not in known:
            raise ConfigError(
                [
                    f"{folder / 'profiles'}: there is no profile {profile!r}; there are: "
                    f"{', '.join(known) or 'none'}"
                ]
            )
        layers.add(folder / "profiles" / f"{profile}.yml")
    if (folder / "private.yml").exists():
        layers.add(folder / "private.yml")
    return layers


def _described(error: ValidationError, layers: Layers) -> list[str]:
    """One sentence for each key that is wrong; what the alternatives of a union say of one key
    becomes one.
    """
    reasons: dict[KeyPath, list[str]] = {}
    found = [(_key_path(one["loc"], layers.values), one) for one in error.errors(include_url=False)]
    for keys, one in found:
        other_alternative = one["type"] == "literal_error" and any(
            other[: len(keys)] == keys for other, _ in found if other != keys
        )
        if not other_alternative:
            reasons.setdefault(keys, []).append(
                _reason(one["type"], one["msg"], one["input"], keys)
            )
    return [
        f"{layers.place(keys)}: {dotted(keys)}: {_either(said)}" for keys, said in reasons.items()
    ]


def _either(said: list[str]) -> str:
    """What alternatives say of one value, which is named at the end only."""
    *others, last = dict.fromkeys(said)
    return " or ".join([*(other.partition(", not ")[0] for other in others), last])


def _key_path(location: KeyPath, values: Any) -> KeyPath:
    """*location* without the names of the alternatives of a union, which stand in no file."""
    keys: list[str | int] = []
    for number, part in enumerate(location):
        inside = (isinstance(values, dict) and part in values) or (
            isinstance(values, list) and isinstance(part, int) and part < len(values)
        )
        if inside:
            values = values[part]
            keys.append(part)
        elif number == len(location) - 1 and isinstance(values, dict) and part != "[key]":
            keys.append(part)
    return tuple(keys)


def _reason(kind: str, message: str, value: Any, keys: KeyPath) -> str:
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _known_keys(keys[:-1])
        near = difflib.get_close_matches(str(keys[-1]), known, n=1)
        return (
            "no such key; "
            f"{f'did you mean {near[0]}?' if near else 'there are: ' + ', '.join(known)}"
        )
    if kind in ("dataclass_type", "model_type", "dict_type"):
        names = ", ".join(_known_keys(keys))
        cure = (
            "each as `key: value`, with a space behind the colon"
            if isinstance(value, str)
            else "leave it out for its defaults"
        )
        return f"must hold keys and values{names and f' ({names})'}; {cure}"
    if kind == "tuple_type" and "masks" in keys:
        return (
            "masks are lists of corners in a list, as in [[[0, 0], [0.3, 0], [0.3, 0.4]]]: is "
            "there a bracket too few?"
        )
    said = _PLAINER.get(kind) or re.sub(
        r"^(Input|Value|Dictionary|Tuple|List|String) should ",
        "must ",
        message.removeprefix("Value error, "),
    )
    if any(_SECRET.search(str(key)) for key in keys) or isinstance(value, dict | list):
        return said
    return f"{said}, not {value!r}"


def _known_keys(keys: KeyPath) -> list[str]:
    """The keys that there are at *keys*; none where names are the owner's to choose."""
    here: Any = Config(
        presence=PresenceSettings(people={"somebody": PersonSettings(hosts=("a-phone",))})
    )
    for key in keys:
        here = (
            next(iter(here.values()), None)
            if isinstance(here, dict)
            else getattr(here, str(key), None)
        )
    if is_dataclass(here):
        return [one.name.rstrip("_") for one in fields(here)]
    return [] if keys else list(Config.model_fields)


def _secret_values(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _secret_values([getattr(value, one.name) for one in fields(value)])
    elif isinstance(value, dict):
        yield from _secret_values(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secret_values(item)

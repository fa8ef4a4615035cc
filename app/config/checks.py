"""Warnings about settings that are valid, but probably not wanted."""

import stat
from collections.abc import Iterator
from pathlib import Path

from app.config.layers import KeyPath, dotted
from app.config.settings import Config
from app.frames import is_all, shape_problem
from app.notify.settings import TwilioSettings
from app.presence.base import PresenceSettings

#: The keys of a setting, and what is doubtful about it.
_Doubt = tuple[KeyPath, str]


def config_warnings(config: Config) -> list[str]:
    """Return a sentence for each setting that is valid but doubtful."""
    found = []
    private = config.folder / "private.yml"
    if private.exists() and stat.S_IMODE(private.stat().st_mode) & 0o077:
        found.append(
            f"{private}: others on this machine can read it; chmod 600 {private} makes it yours "
            "alone",
        )
    warnings = [
        *((keys, f"{dotted(keys)} {doubt}") for keys, doubt in config.doubts.items()),
        *_half_set_up(config),
        *_presence_warnings(config.presence),
        *_weak_secret_warnings(config),
        *_zone_warnings(config),
        *(doubt for camera in config.cameras for doubt in _areas(config, camera)),
        *_people_warnings(config),
    ]
    found.extend(f"{config.place(keys)}: {warning}" for keys, warning in warnings)
    return found


def area_warnings(config: Config, camera: str) -> list[str]:
    """Return a sentence for each mask and zone of *camera* whose shape is doubtful."""
    return [f"{config.place(keys)}: {warning}" for keys, warning in _areas(config, camera)]


def _half_set_up(config: Config) -> Iterator[_Doubt]:
    slack = config.slack
    if slack.bot_token and not slack.alerts_channel:
        yield (
            ("slack", "bot_token"),
            "slack.bot_token is set, but no slack.alerts_channel, so no alert goes to Slack",
        )
    needed = "app_token" if slack.mode == "socket" else "signing_secret"
    if slack.bot_token and getattr(slack, needed) is None:
        yield (
            ("slack", "bot_token"),
            f"slack.bot_token is set, but no slack.{needed}, which mode {slack.mode} needs, so no "
            "command and no click arrives",
        )
    if config.twilio.missing() and config.twilio != TwilioSettings():
        lacking = " and ".join(config.twilio.missing())
        yield ("twilio",), f"twilio lacks {lacking}, so nobody is texted"
    if config.s3.access_key_id and not config.s3.bucket:
        yield (
            ("s3", "access_key_id"),
            "s3.access_key_id is set, but no s3.bucket, so nothing goes to S3",
        )
    if config.dropbox.app_key and not config.dropbox.is_set_up:
        yield (
            ("dropbox", "app_key"),
            "dropbox.app_key is set, but no dropbox.refresh_token, so no picture goes there; "
            "`python -m app dropbox-link` gets one",
        )


def _presence_warnings(presence: PresenceSettings) -> Iterator[_Doubt]:
    router = presence.router.backend
    if presence.people and router == "none":
        yield (
            ("presence", "people"),
            "presence.people are named, but presence.router is none, so nobody checks who is home",
        )
    if router != "none" and not presence.people:
        yield (
            ("presence", "router"),
            "presence.router is set, but presence.people names nobody, so nothing is armed or "
            "disarmed by it",
        )
    by_name = [name for name, person in presence.people.items() if not person.macs]
    if by_name and router == "arp":
        yield (
            ("presence", "people", by_name[0]),
            f"presence.people: {', '.join(by_name)}: known by host name only, which the router arp "
            "does not know; give a MAC address",
        )
    elif by_name:
        yield (
            ("presence", "people", by_name[0]),
            f"presence.people: {', '.join(by_name)}: known by host name only, which anybody may "
            "give a phone; a MAC address is better",
        )


def _weak_secret_warnings(config: Config) -> Iterator[_Doubt]:
    empty = {key for key, secret in config.secrets().items() if not secret.strip()}
    for key in sorted(empty):
        yield tuple(key.split(".")), f"{key} is empty; fill it in, or leave the line out"
    for key in config.weak_secrets():
        if key in empty:
            continue
        yield (
            tuple(key.split(".")),
            f"{key} is a plain word or a name in this configuration, so the logs cannot hide it "
            "everywhere; choose a longer one, with digits in it",
        )


def _zone_warnings(config: Config) -> Iterator[_Doubt]:
    motion = config.motion
    if motion.trigger == "background" and motion.method == "structure":
        return
    for name, camera in config.cameras.items():
        if camera.zones:
            yield (
                ("cameras", name, "zones"),
                f"cameras.{name}.zones have no effect without motion.method: structure",
            )


def _areas(config: Config, camera: str) -> Iterator[_Doubt]:
    """Yield what is doubtful about the shapes of masks and zones.

    Earlier versions accepted them, so that they must not keep a house from starting.
    """
    settings, section = config.cameras[camera], ("cameras", camera)
    masks = {(*section, "masks", n): area for n, area in enumerate(settings.masks)}
    zones = {(*section, "zones", n, "area"): zone.area for n, zone in enumerate(settings.zones)}
    for keys, area in (masks | zones).items():
        if problem := shape_problem(area):
            yield (
                keys,
                f"{dotted(keys)}: {problem}. Until then only what `python -m app mask {camera}` "
                f"shows as filled {'is ignored' if keys in masks else 'belongs to the zone'}",
            )
    for keys in (keys for keys, area in masks.items() if is_all(area)):
        yield keys, f"{dotted(keys)}: is all of the picture, so this camera finds nothing"


def _people_warnings(config: Config) -> Iterator[_Doubt]:
    people = config.people
    if people.model and not (config.models_dir / Path(people.model).expanduser()).exists():
        yield (
            ("people", "model"),
            f"people.model names {people.model}, which is not in {config.models_dir}, so another "
            "model is used, or none; `python -m app fetch-models` gets the published ones",
        )
    if people.require_person is True and people.backend == "none":
        yield (
            ("people", "require_person"),
            "people.require_person is true, but people.backend is none, so no model decides and "
            "everything that moves is an alert",
        )
    if people.require_person is True and people.backend == "hog":
        yield (
            ("people", "require_person"),
            "people.require_person is true, but hog misses many people, so alerts about them are "
            "not sent; use a better model, or require_person: auto",
        )

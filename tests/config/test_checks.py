"""Warnings of settings that are valid but doubtful."""

from pathlib import Path

import pytest

from app.config import area_warnings, config_warnings, load_config
from app.errors import ConfigError


def test_a_twilio_that_lacks_something_is_warned_of(folder: Path) -> None:
    (folder / "config.yml").write_text("twilio: {to: ['+4915112345678'], from: Fridge}\n")
    assert any(
        "twilio lacks twilio.account_sid and twilio.auth_token, so nobody is texted" in one
        for one in config_warnings(load_config(folder))
    )


SECRETS = (
    *("slack.bot_token", "slack.app_token", "slack.signing_secret", "twilio.auth_token"),
    *("presence.router.password", "presence.router.http_json.secrets.key", "glances.password"),
    *("s3.secret_access_key", "dropbox.app_secret", "dropbox.refresh_token"),
)


@pytest.mark.parametrize("key", SECRETS)
def test_a_secret_that_begins_with_a_hash_is_named(folder: Path, key: str) -> None:
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(key.split("."))]
    (folder / "config.yml").touch()
    private = folder / "private.yml"
    private.touch(0o600)
    private.write_text("\n".join(lines) + " #hunter2\n")
    try:
        (said,) = config_warnings(load_config(folder))
    except ConfigError as error:
        (said,) = error.problems
    assert said.startswith(f"{private}:{len(lines)}: {key}")
    assert "is empty, because # begins a comment" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("value", ["''", "' '"])
def test_a_secret_that_is_empty_is_named(folder: Path, value: str) -> None:
    (folder / "config.yml").write_text(f"glances:\n  password: {value}\n")
    (said,) = config_warnings(load_config(folder))
    assert said.startswith(f"{folder / 'config.yml'}:2: glances.password is empty; fill it in")


@pytest.mark.parametrize(
    ("half", "said"),
    [
        (
            "slack: {bot_token: xoxb-1, alerts_channel: C1, allowed_users: [U1], mode: socket}",
            "no slack.app_token, which mode socket needs",
        ),
        (
            "slack: {bot_token: xoxb-1, alerts_channel: C1, allowed_users: [U1]}",
            "no slack.signing_secret, which mode http needs",
        ),
        (
            "s3: {access_key_id: AKIA1, secret_access_key: x9876543}",
            "no s3.bucket, so nothing goes to S3",
        ),
        ("dropbox: {app_key: a, app_secret: b9876543}", "`python -m app dropbox-link` gets one"),
    ],
)
def test_a_service_that_is_half_set_up_is_warned_of(folder: Path, half: str, said: str) -> None:
    (folder / "config.yml").write_text(f"{half}\n")
    (remark,) = config_warnings(load_config(folder))
    assert said in remark


def test_a_token_without_a_channel_is_warned_of(folder: Path) -> None:
    (folder / "config.yml").write_text("slack: {bot_token: xoxb-1, allowed_users: [U1]}\n")
    assert any("no slack.alerts_channel" in one for one in config_warnings(load_config(folder)))


HTTP_JSON = "url: 'http://192.168.1.1', http_json: {devices: /hosts}"
MAC_AND_NAME = "anna: {macs: ['aa:bb:cc:dd:ee:ff'], hosts: [annas-iphone]}"


@pytest.mark.parametrize(
    ("presence", "said"),
    [
        (f"people: {{{MAC_AND_NAME}}}, router: {{backend: arp}}", None),
        ("router: {backend: none}", None),
        (
            f"people: {{{MAC_AND_NAME}}}",
            "presence.people are named, but presence.router is none, so nobody checks who is home",
        ),
        (
            "router: {backend: arp}",
            "presence.router is set, but presence.people names nobody, so nothing is armed or "
            "disarmed by it",
        ),
        (
            f"people: {{{MAC_AND_NAME}, ben: {{hosts: [pixel]}}, eva: {{hosts: [fold]}}}}, "
            f"router: {{backend: http_json, {HTTP_JSON}}}",
            "presence.people: ben, eva: known by host name only, which anybody may give a phone; "
            "a MAC address is better",
        ),
        (
            "people: {ben: {hosts: [pixel]}}, router: {backend: arp}",
            "presence.people: ben: known by host name only, which the router arp does not know; "
            "give a MAC address",
        ),
    ],
)
def test_people_who_are_unchecked_or_easily_faked_are_warned_of(
    folder: Path, presence: str, said: str | None
) -> None:
    (folder / "config.yml").write_text(f"presence: {{{presence}}}\n")
    assert config_warnings(load_config(folder)) == (
        [f"{folder / 'config.yml'}:1: {said}"] if said else []
    )


def test_a_private_file_that_others_can_read_is_warned_of(folder: Path) -> None:
    (folder / "config.yml").touch()
    (folder / "private.yml").touch(mode=0o600)
    assert config_warnings(load_config(folder)) == []
    (folder / "private.yml").chmod(0o644)
    assert "chmod 600" in config_warnings(load_config(folder))[0]


@pytest.mark.parametrize(
    ("router", "warned"),
    [
        ("password: front", True),
        ("password: annas-iphone7", True),
        ("password: secret", True),
        ("password: 'front door 12'", False),
        ("http_json: {secrets: {key: geheim}}", True),
    ],
)
def test_a_word_as_a_secret_is_warned_of(folder: Path, router: str, warned: bool) -> None:
    (folder / "config.yml").write_text(
        "cameras: {front: {}}\npresence: {people: {anna: {hosts: [annas-iphone7]}}, "
        f"router: {{{router}}}}}\n"
    )
    said = [one for one in config_warnings(load_config(folder)) if "plain word or a name" in one]
    assert bool(said) == warned
    assert all("presence.router." in one for one in said)


def test_zones_without_a_method_that_knows_them_are_warned_of(folder: Path) -> None:
    zone = "[{name: path, area: [[0, 0], [1, 0], [1, 1]]}]"
    text = f"cameras: {{a: {{zones: {zone}}}}}\nmotion: {{method: %s}}\n"
    for method, count in (("running_average", 1), ("structure", 0)):
        (folder / "config.yml").write_text(text % method)
        said = [one for one in config_warnings(load_config(folder)) if "zones have no" in one]
        assert len(said) == count


@pytest.mark.parametrize(
    ("people", "warning"),
    [
        ("{model: none.onnx}", "people.model names none.onnx, which is not in"),
        ("{backend: none, require_person: true}", "people.backend is none, so no model decides"),
        ("{backend: hog, require_person: true}", "hog misses many people"),
        ("{backend: auto, require_person: true}", None),
    ],
)
def test_settings_of_people_that_do_little_are_named(
    folder: Path, people: str, warning: str | None
) -> None:
    (folder / "config.yml").write_text(f"people: {people}\n")
    found = [one for one in config_warnings(load_config(folder)) if "people." in one]
    assert len(found) == (warning is not None)
    assert all(warning in one for one in found if warning)


CROSSING = "[[0, 0], [0.4, 0.4], [0.4, 0], [0, 0.4]]"


def test_a_shape_that_was_always_accepted_is_named_with_its_line(folder: Path) -> None:
    (folder / "config.yml").write_text("cameras: {front: {}, back: {}}\n")
    (folder / "private.yml").write_text(
        "cameras:\n"
        "  front:\n"
        "    masks:\n"
        "    - [[0, 0], [0.3, 0], [0.3, 0.4], [0, 0]]\n"
        f"    - {CROSSING}\n"
        "    - [[0, 0], [1, 0], [1, 1], [0, 1], [0, 1]]\n"
        "    zones:\n"
        "    - {name: all, area: [[0, 0], [1, 0], [1, 1], [0, 1]]}\n"
        "    - {name: line, area: [[0, 0], [0.5, 0.5], [1, 1]]}\n"
        f"    - {{name: bow, area: {CROSSING}}}\n"
    )
    (folder / "private.yml").chmod(0o600)
    config = load_config(folder)
    assert area_warnings(config, "back") == []
    found = area_warnings(config, "front")
    assert [one for one in config_warnings(config) if one in found] == found
    private = folder / "private.yml"
    crosses = "crosses itself: the side from corner 1 to the next crosses that from corner 3"
    for warning, (line, said, effect) in zip(
        found,
        [
            (5, f"masks.1: {crosses}; name the corners in their order", "is ignored"),
            (9, "zones.1.area: encloses nothing: all corners are on one line", "to the zone"),
            (10, f"zones.2.area: {crosses}", "`python -m app mask front` shows as filled belongs"),
            (6, "masks.2: is all of the picture", "so this camera finds nothing"),
        ],
        strict=True,
    ):
        assert warning.startswith(f"{private}:{line}: cameras.front.{said}")
        assert effect in warning


def test_a_doubt_names_its_line(folder: Path) -> None:
    (folder / "config.yml").write_text(
        "redis: {}\ns3:\n  access_key_id: AKIA1\n  secret_access_key: x9876543\n"
    )
    (doubt,) = config_warnings(load_config(folder))
    assert doubt.startswith(f"{folder / 'config.yml'}:3: s3.access_key_id is set")

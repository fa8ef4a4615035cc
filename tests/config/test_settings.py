"""The settings of the whole suite."""

from pathlib import Path

import pytest
import yaml

from app.config import Config, load_config
from app.errors import ConfigError
from tests.conftest import REPO


def problems(folder: Path, text: str, name: str = "config.yml") -> list[str]:
    (folder / "config.yml").touch()
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(folder)
    return caught.value.problems


def test_the_projects_file_shows_every_key_with_its_default() -> None:
    own = load_config(REPO / "config")
    shown = yaml.safe_load((REPO / "config" / "config.yml").read_text())
    plain = Config()
    for section in Config.model_fields:
        assert section in shown
        if section != "data_dir":
            assert getattr(own, section) == getattr(plain, section), section
    assert set(shown["cameras"]["front"]) == {*plain.cameras["front"].__dataclass_fields__}
    for section in ("motion", "events", "recording", "notify"):
        assert set(shown[section]) == set(getattr(plain, section).__dataclass_fields__), section
    assert set(shown["slack"]) == set(plain.slack.__dataclass_fields__) - {
        "bot_token",
        "app_token",
        "signing_secret",
    }
    presence, router = shown["presence"], shown["presence"]["router"]
    assert set(presence) == set(plain.presence.__dataclass_fields__)
    assert set(router) == set(plain.presence.router.__dataclass_fields__) - {"password"}
    assert set(router["http_json"]) == set(plain.presence.router.http_json.__dataclass_fields__) - {
        "secrets"
    }
    assert set(router["arp"]) | set(router["scripted"]) == {"addresses", "file"}
    names = {name.rstrip("_") for name in plain.twilio.__dataclass_fields__}
    assert set(shown["twilio"]) == names - {"account_sid", "auth_token"}
    assert set(shown["apprise"]) == set(plain.apprise.__dataclass_fields__)


@pytest.mark.parametrize(
    "profile", sorted(path.stem for path in (REPO / "config" / "profiles").glob("*.yml"))
)
def test_every_profile_is_sound(profile: str) -> None:
    assert load_config(REPO / "config", profile) != load_config(REPO / "config")


def test_secrets_are_known_to_the_logs(folder: Path) -> None:
    (folder / "config.yml").write_text(
        "cameras: {a: {source: 'rtsp://u:p%40ss@cam/1'}}\nredis: {url: 'redis://:geheim@h/0'}\n"
    )
    (folder / "private.yml").write_text(
        "slack: {bot_token: xoxb-1, allowed_users: [U1]}\ntwilio: {auth_token: streng}\n"
    )
    assert load_config(folder).secrets() == {
        "cameras.a.source": "p@ss",
        "redis.url": "geheim",
        "slack.bot_token": "xoxb-1",
        "twilio.auth_token": "streng",
    }


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("tgram://123456789:AbCdEfGh/987654321", {"123456789:AbCdEfGh", "987654321"}),
        (
            "mailtos://anna:ge%40heim7@smtp.example.org?to=ben@example.org",
            {"ge%40heim7", "ge@heim7", "ben@example.org"},
        ),
        (
            "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
            {"4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js"},
        ),
        ("json://localhost:8080/hooks/hush-hush", {"hush-hush"}),
        ("ntfys://ntfy.example.org/my-secret-topic", {"my-secret-topic"}),
    ],
)
def test_each_secret_part_of_an_apprise_url_is_known_to_the_logs(
    folder: Path, url: str, hidden: set[str]
) -> None:
    (folder / "config.yml").write_text(f"apprise: {{urls: ['{url}']}}\n")
    assert set(load_config(folder).secrets().values()) == {url, *hidden}


def test_the_secrets_of_a_router_are_known_to_the_logs(folder: Path) -> None:
    (folder / "config.yml").write_text(
        "presence: {router: {password: geheim, http_json: {login: /l, form: {a: login}, secrets: "
        "{key: k3y}}}}\n"
    )
    assert load_config(folder).secrets() == {
        "presence.router.password": "geheim",
        "presence.router.http_json.secrets.key": "k3y",
    }


def test_the_keys_of_stores_are_known_to_the_logs_only(folder: Path) -> None:
    (folder / "config.yml").touch()
    stores = (
        "s3: {access_key_id: AKIA1, secret_access_key: geheim1}\ndropbox: {app_key: a, app_secret: "
        "geheim2, refresh_token: geheim3}\n"
    )
    (folder / "private.yml").write_text(stores)
    config = load_config(folder)
    assert set(config.secrets().values()) == {"geheim1", "geheim2", "geheim3"}
    assert "geheim" not in f"{config!r} {config.s3} {config.dropbox}"


def test_slack_as_a_backend_needs_a_token_and_a_channel(folder: Path) -> None:
    (found,) = problems(folder, "notify: {backends: [slack]}\n")
    assert (
        "notify.backends names slack, which needs slack.bot_token and slack.alerts_channel" in found
    )


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (
            "twilio",
            "names twilio, which needs twilio.account_sid, twilio.auth_token, twilio.from, "
            "twilio.to",
        ),
        ("apprise", "names apprise, which needs apprise.urls"),
    ],
)
def test_each_backend_that_is_named_needs_its_settings(folder: Path, way: str, said: str) -> None:
    (found,) = problems(folder, f"notify: {{backends: [{way}]}}\n")
    assert said in found

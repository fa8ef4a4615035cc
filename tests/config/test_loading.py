"""The configuration: everything has a default, and a mistake is named with file, line, key and
cure.
"""

from pathlib import Path

import pytest
import yaml

from app.config import AWAITED, Config, config_warnings, load_config
from app.errors import ConfigError
from tests.conftest import REPO

HTTP_JSON = "url: 'http://192.168.1.1', http_json: {devices: /hosts}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


def problems(folder: Path, text: str, name: str = "config.yml") -> list[str]:
    (folder / "config.yml").touch()
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(folder)
    return caught.value.problems


def test_an_empty_file_gives_the_defaults(folder: Path) -> None:
    (folder / "config.yml").touch()
    config = load_config(folder)
    assert config.motion.min_area == 5000
    assert list(config.cameras) == ["front"]
    assert config.data_dir == folder.parent / "data"


def test_the_projects_own_file_shows_every_key_with_its_default() -> None:
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


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("motion:\n  alpha: 5\n", 2, "motion.alpha: must be less than 1, not 5"),
        ("motion:\n  min_area: lots\n", 2, "motion.min_area: must be a valid number, not 'lots'"),
        (
            "motion: {ksize: [20, 21]}\n",
            1,
            "motion: both numbers of ksize must be odd, as in [21, 21], not [20, 21]",
        ),
        (
            "motion:\n  thresh: 4\n",
            1,
            "motion: hysteresis_levels must be less than thresh (4), or it would never be dark "
            "again",
        ),
        (
            "motion: {trigger: sound}\n",
            1,
            "motion.trigger: must be 'background' or 'light', not 'sound'",
        ),
        ("motion:\n\n  min_aera: 4\n", 3, "motion.min_aera: no such key; did you mean min_area?"),
        ("motoin: {}\n", 1, "motoin: no such key; did you mean motion?"),
        ("cameras: {}\n", 1, "cameras: must have at least 1 item"),
        (
            "cameras:\n  Front Door: {}\n",
            2,
            "cameras.Front Door: a camera's name is lower-case letters",
        ),
        ("cameras:\n  front:\n    fps: 0\n", 3, "cameras.front.fps: must be greater than 0, not 0"),
        (
            "cameras:\n  front:\n    fps: yes\n",
            3,
            "cameras.front.fps: must be a valid number, not True",
        ),
        (
            "cameras:\n  front:\n    masks: [[[0, 0], [1, 1]]]\n",
            3,
            "a mask needs at least three corners",
        ),
        (
            "cameras:\n  front:\n    masks: [[[0, 0], [320, 1], [0, 1]]]\n",
            3,
            "must be less than or equal to 1, not 320",
        ),
        (
            "cameras:\n  front:\n    pantilt: {backend: hut}\n",
            3,
            "must be 'none', 'hat' or 'mock', not 'hut'",
        ),
        ("events: {motion_classification_store_cnt: 1.5}\n", 1, "must be a valid integer, not 1.5"),
        (
            "notify:\n  backends: [folder, pigeon]\n",
            2,
            "notify.backends.1: must be 'folder', 'memory', 'slack', 'twilio' or 'apprise', not "
            "'pigeon'",
        ),
        (
            "notify: {backends: slack}\n",
            1,
            "notify.backends: must be 'auto' or must be a list, in [square brackets], not 'slack'",
        ),
        (
            "slack:\n  bot_token: xoxb-1\n",
            1,
            "slack: a token or secret is set, but slack.allowed_users is empty",
        ),
        (
            "slack: {app_token: xapp-1}\n",
            1,
            "slack: a token or secret is set, but slack.allowed_users is empty",
        ),
        (
            "slack: {signing_secret: abc}\n",
            1,
            "slack: a token or secret is set, but slack.allowed_users is empty",
        ),
        ("notify: {when: [alarm]}\n", 1, "notify.when.0: must be 'alert', 'clip', 'left_open'"),
        ("slack: {max_clip_mb: 0}\n", 1, "slack.max_clip_mb: must be greater than 0, not 0"),
        (
            "twilio:\n  to: [+4915112345678]\n",
            2,
            'twilio.to.0: must be a number in quotes with + and the country, as in "+4915112345678"',
        ),
        (
            "twilio:\n  to: ['0151 12345678']\n",
            2,
            "twilio.to.0: must be a number in quotes with + and the country",
        ),
        ("twilio: {from: 'a name that is too long'}\n", 1, "twilio.from: must be a number"),
        (
            "twilio: {account_sid: SK123}\n",
            1,
            "twilio.account_sid: must be the Account SID, AC and 32",
        ),
        ("apprise:\n  urls: [telegram]\n", 2, "apprise.urls.0: must be one of Apprise's URLs"),
        ("redis: {url: 'http://x'}\n", 1, "redis.url: must be redis://HOST:PORT/DB"),
        (
            "redis: {url: 'redis://127.0.0.1:99999/0'}\n",
            1,
            "redis.url: must be redis://HOST:PORT/DB",
        ),
        (
            "redis: {url: 'redis://127.0.0.1:port/0'}\n",
            1,
            "redis.url: must be redis://HOST:PORT/DB",
        ),
        ("redis: {url: 'unix://'}\n", 1, "redis.url: must be redis://HOST:PORT/DB"),
        ("glances: {bind: 'foo bar:1'}\n", 1, "glances.bind: must be address:port"),
        (
            "cameras: {front: {source: ''}}\n",
            1,
            "cameras.front.source: must have at least 1 character",
        ),
        (
            "cameras:\n  front:\n    masks: {[0, 0], [0.3, 0]}\n",
            3,
            "lists are written in [square brackets]",
        ),
        ("data_dir: '~nosuchuser/x'\n", 1, "data_dir: must be a folder"),
        (
            "motion:\n  # alpha: 0.1\n",
            1,
            "motion: must hold keys and values (trigger, frame_width, alpha",
        ),
        ("motion:\n  alpha:.1\n", 1, "motion: must hold keys and values ("),
        ("motion:\n  alpha:.1\n", 1, "); each as `key: value`, with a space behind the colon"),
        (
            "cameras: {front: {masks: [[0, 0], [1, 1], [0, 1]]}}\n",
            1,
            "as in [[[0, 0], [0.3, 0], [0.3, 0.4]]]: is there a bracket too few?",
        ),
        (
            "presence:\n  people:\n    anna: {mcas: []}\n",
            3,
            "presence.people.anna.mcas: no such key; did you mean macs?",
        ),
        ("presence:\n  people:\n    anna: {}\n", 1, "presence: anna has neither macs nor hosts"),
        (
            "presence:\n  people:\n    anna: aa:bb:cc:dd:ee:ff\n",
            3,
            "presence.people.anna: must hold keys and values (macs, hosts)",
        ),
        (
            "presence:\n  people: [anna]\n",
            2,
            "presence.people: must hold keys and values; leave it out",
        ),
        (
            "presence:\n  people:\n    anna: {macs: [aa:bb]}\n",
            3,
            "presence.people.anna.macs.0: must be a MAC address",
        ),
        (
            "presence:\n  people:\n    anna: {macs: [12:34:56:12:34:56]}\n",
            3,
            'anna.macs.0: must be text: put it in "quotes"',
        ),
        (
            "presence:\n  people:\n    anna: {hosts: pixel}\n",
            3,
            "anna.hosts: must be a list, in [square brackets], not 'pixel'",
        ),
        (
            "presence:\n  router: {pasword: x}\n",
            2,
            "presence.router.pasword: no such key; did you mean password?",
        ),
        (
            "presence:\n  router:\n    http_json: {mak: x}\n",
            3,
            "presence.router.http_json.mak: no such key; did you mean mac?",
        ),
        (
            "presence:\n  router:\n    http_json: {form: 3}\n",
            3,
            "presence.router.http_json.form: must hold keys and values; leave it",
        ),
        (
            "presence:\n  router: {backend: frtizbox}\n",
            2,
            "presence.router.backend: must be 'none', 'http_json', 'openwrt', 'fritzbox'",
        ),
        ("s3: {bucket: 's3://house'}\n", 1, "s3.bucket: must be a bucket's name alone"),
        ("s3: {bucket: House}\n", 1, "s3.bucket: must be a bucket's name alone"),
        (
            "s3: {endpoint_url: minio:9000}\n",
            1,
            "s3.endpoint_url: must be an address, as in https://s3.example.org",
        ),
        (
            "s3: {access_key_id: AKIA1}\n",
            1,
            "s3: access_key_id and secret_access_key belong together",
        ),
        ("dropbox: {refresh_token: x}\n", 1, "dropbox: refresh_token is set, but no app_key"),
        (
            "dropbox: {min_motion_frames: 0}\n",
            1,
            "dropbox.min_motion_frames: must be greater than or equal to 1, not 0",
        ),
        (
            "uploads: {upload_every_s: 0}\n",
            1,
            "uploads.upload_every_s: must be greater than or equal to 1, not 0",
        ),
        ("disk: {keep_days: 0}\n", 1, "disk.keep_days: must be greater than 0, not 0"),
        ("disk: {max_gb: -1}\n", 1, "disk.max_gb: must be greater than 0, not -1"),
        (
            "disk: {min_free_gb: -1}\n",
            1,
            "disk.min_free_gb: must be greater than or equal to 0, not -1",
        ),
        (
            "glances: {bind: 52962}\n",
            1,
            'glances.bind: must be text: put it in "quotes", not 52962',
        ),
        (
            "glances: {bind: 'localhost'}\n",
            1,
            "glances.bind: must be address:port, as in 127.0.0.1:52962, not 'localhost'",
        ),
        ("motion: {alpha: .nan}\n", 1, "motion.alpha:"),
        ("- a\n- b\n", 1, "must hold keys and values, as in `data_dir: data`, not a list"),
        (
            "motion: {alpha: .1\nevents: 3\n",
            2,
            "not YAML: expected ',' or '}', but got ':'; what is opened in line 1 is not closed",
        ),
        (
            "motion:\n\talpha: .1\n",
            2,
            "that cannot start any token; indent with spaces, not with a tab",
        ),
        (
            "dropbox: {base_path: @home}\n",
            1,
            'that cannot start any token; what begins with such a sign must stand in "quotes"',
        ),
        (
            'slack:\n  mode: "socket\n  when: null\n',
            4,
            "what is opened in line 2, a quote or bracket, is never closed",
        ),
        ("motion:\n  alpha .1\n  thresh: 50\n", 3, "has the one above a colon?"),
        (
            "motion:\n    alpha: .1\n  thresh: 50\n",
            3,
            "is the line indented as its neighbours are, and every quote and bracket",
        ),
        ("motion:\n  alpha: .1\n  alpha: .2\n", 3, "motion.alpha: stands here twice; keep one"),
    ],
)
def test_a_mistake_is_named_with_file_line_key_and_cure(
    folder: Path, text: str, line: int, said: str
) -> None:
    found = problems(folder, text)
    assert any(
        one.startswith(f"{folder / 'config.yml'}:{line}: ") and said in one for one in found
    ), found


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    assert (
        len(problems(folder, "motion: {alpha: 5, ksize: 1}\nevents: {train: maybe}\nbogus: 1\n"))
        == 4
    )


def test_a_mistake_in_the_private_file_is_placed_there_and_keeps_its_secret(folder: Path) -> None:
    found = problems(folder, "\nslack:\n  bot_token: [xoxb-very-secret]\n", "private.yml")
    assert found[0].startswith(f"{folder / 'private.yml'}:3: slack.bot_token: ")
    assert "very-secret" not in found[0]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"a: !!python/object/apply:os.system [true]\n",
        b"motion: &m {alpha: *m}\n",
        b"2026-11-20: 1\n",
        b'data_dir: "a\\0b"\n',
    ],
)
def test_what_is_no_plain_yaml_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.yml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yml"):
        load_config(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path)


def test_the_private_file_is_laid_over_the_profile_and_that_over_the_rest_key_by_key(
    folder: Path,
) -> None:
    (folder / "profiles").mkdir()
    (folder / "config.yml").write_text(
        "motion: {alpha: 0.2, min_area: 1}\ncameras: {front: {fps: 5}}\n"
    )
    (folder / "profiles" / "quiet.yml").write_text("motion: {min_area: 2, delta_thresh: 9}\n")
    (folder / "private.yml").write_text(
        "motion: {delta_thresh: 10}\ncameras: {front: {source: 'rtsp://u:p@cam/1'}}\n"
    )
    config = load_config(folder, "quiet")
    assert (config.motion.alpha, config.motion.min_area, config.motion.delta_thresh) == (0.2, 2, 10)
    assert (config.cameras["front"].fps, config.cameras["front"].source) == (5, "rtsp://u:p@cam/1")


def test_an_unknown_profile_is_answered_with_those_there_are(folder: Path) -> None:
    (folder / "config.yml").touch()
    (folder / "profiles").mkdir()
    (folder / "profiles" / "quiet.yml").touch()
    with pytest.raises(ConfigError, match="no profile 'loud'; there are: quiet"):
        load_config(folder, "loud")


def test_secrets_are_known_to_the_logs(folder: Path) -> None:
    (folder / "config.yml").write_text(
        "cameras: {a: {source: 'rtsp://u:p%40ss@cam/1'}}\nredis: {url: 'redis://:geheim@h/0'}\n"
    )
    (folder / "private.yml").write_text(
        "slack: {bot_token: xoxb-1, allowed_users: [U1]}\ntwilio: {auth_token: streng}\n"
    )
    assert set(load_config(folder).secrets()) == {"xoxb-1", "p@ss", "geheim", "streng"}


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
def test_every_part_of_an_apprise_url_that_may_be_a_secret_is_known_to_the_logs(
    folder: Path, url: str, hidden: set[str]
) -> None:
    (folder / "config.yml").write_text(f"apprise: {{urls: ['{url}']}}\n")
    assert set(load_config(folder).secrets()) == {url, *hidden}


def test_what_a_router_must_not_tell_is_known_to_the_logs(folder: Path) -> None:
    (folder / "config.yml").write_text(
        "presence: {router: {password: geheim, http_json: {login: /l, form: {a: login}, secrets: "
        "{key: k3y}}}}\n"
    )
    assert load_config(folder).secrets() == ["geheim", "k3y"]


def test_the_keys_of_stores_are_known_to_the_logs_and_to_nobody_else(folder: Path) -> None:
    (folder / "config.yml").touch()
    stores = (
        "s3: {access_key_id: AKIA1, secret_access_key: geheim1}\ndropbox: {app_key: a, app_secret: "
        "geheim2, refresh_token: geheim3}\n"
    )
    (folder / "private.yml").write_text(stores)
    config = load_config(folder)
    assert set(config.secrets()) == {"geheim1", "geheim2", "geheim3"}
    assert "geheim" not in f"{config!r} {config.s3} {config.dropbox}"


def test_what_is_set_but_not_used_yet_is_remarked_on(folder: Path) -> None:
    (folder / "config.yml").write_text("people: {threshold: 0.9}\n")
    assert any("people is set" in one for one in config_warnings(load_config(folder)))
    assert "motion" not in AWAITED


def test_slack_named_as_a_way_needs_a_token_and_a_channel(folder: Path) -> None:
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
def test_another_way_that_is_named_needs_its_settings_too(
    folder: Path, way: str, said: str
) -> None:
    (found,) = problems(folder, f"notify: {{backends: [{way}]}}\n")
    assert said in found


def test_a_twilio_that_lacks_something_is_remarked_on(folder: Path) -> None:
    (folder / "config.yml").write_text("twilio: {to: ['+4915112345678'], from: Fridge}\n")
    assert any(
        "twilio lacks twilio.account_sid and twilio.auth_token, so nobody is texted" in one
        for one in config_warnings(load_config(folder))
    )


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
        ("s3: {access_key_id: AKIA1, secret_access_key: x}", "no s3.bucket, so nothing goes to S3"),
        ("dropbox: {app_key: a, app_secret: b}", "`python -m app dropbox-link` gets one"),
    ],
)
def test_a_service_that_is_half_set_up_is_remarked_on(folder: Path, half: str, said: str) -> None:
    (folder / "config.yml").write_text(f"{half}\n")
    (remark,) = config_warnings(load_config(folder))
    assert said in remark


def test_a_token_without_a_channel_is_remarked_on(folder: Path) -> None:
    (folder / "config.yml").write_text("slack: {bot_token: xoxb-1, allowed_users: [U1]}\n")
    assert any("no slack.alerts_channel" in one for one in config_warnings(load_config(folder)))


MAC_AND_NAME = "anna: {macs: ['aa:bb:cc:dd:ee:ff'], hosts: [annas-iphone]}"


@pytest.mark.parametrize(
    ("presence", "said"),
    [
        (f"people: {{{MAC_AND_NAME}}}, router: {{backend: arp}}", None),
        ("router: {backend: none}", None),
        (
            f"people: {{{MAC_AND_NAME}}}",
            "presence.people are named, but presence.router is none, so nobody looks who is home",
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
            "presence.people: ben: known by host name only, which the router arp never tells; "
            "give a MAC address",
        ),
    ],
)
def test_people_whom_nobody_looks_for_or_anybody_may_pass_for_are_remarked_on(
    folder: Path, presence: str, said: str | None
) -> None:
    (folder / "config.yml").write_text(f"presence: {{{presence}}}\n")
    assert config_warnings(load_config(folder)) == (
        [f"{folder / 'config.yml'}: {said}"] if said else []
    )


def test_a_private_file_that_others_can_read_is_remarked_on(folder: Path) -> None:
    (folder / "config.yml").touch()
    (folder / "private.yml").touch(mode=0o600)
    assert config_warnings(load_config(folder)) == []
    (folder / "private.yml").chmod(0o644)
    assert "chmod 600" in config_warnings(load_config(folder))[0]

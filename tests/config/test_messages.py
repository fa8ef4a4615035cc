"""Mistakes in the configuration, as sentences with file, line, key and cure."""

from pathlib import Path

import pytest

from app.config import load_config
from app.errors import ConfigError

HTTP_JSON = "url: 'http://192.168.1.1', http_json: {devices: /hosts}"


def problems(folder: Path, text: str, name: str = "config.yml") -> list[str]:
    (folder / "config.yml").touch()
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(folder)
    return caught.value.problems


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
            "motion: hysteresis_levels must be less than thresh (4), or a picture would never be "
            "dark again",
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
            "cameras.front.masks.0: needs at least three corners",
        ),
        (
            "cameras:\n  front:\n    privacy:\n    - [[0, 0], [1, 0], [1, 0.5]]\n"
            "    - [[0, 0], [1, 1], [1, 0], [0, 1]]\n",
            5,
            "cameras.front.privacy.1: crosses itself: the side from corner 1 to the next crosses",
        ),
        (
            "cameras:\n  front:\n    privacy: [[[0, 0], [1, 0], [1, 1], [0, 1]]]\n",
            3,
            "cameras.front.privacy.0: is all of the picture",
        ),
        (
            "cameras:\n  front:\n    privacy: [[[0, 0], [0.5, 0.5], [1, 1]]]\n",
            3,
            "cameras.front.privacy.0: encloses nothing: all corners are on one line",
        ),
        (
            "cameras:\n  front:\n    privacy: [[0, 0], [1, 1], [0, 1]]\n",
            3,
            "is there a bracket too few?",
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
        (
            "cameras: {front: {source: 'rtps://u:p@cam/1'}}\n",
            1,
            "cameras.front.source: begins with rtps://, but must begin with http://, https://, "
            "rtsp://, rtsps://; did you mean rtsp://?",
        ),
        (
            "cameras: {front: {source: 'rtsp:/cam/1'}}\n",
            1,
            "cameras.front.source: must have two slashes after the colon",
        ),
        (
            "s3: {region: Frankfurt}\n",
            1,
            "s3.region: must be a region's code, as in eu-central-1 (Frankfurt)",
        ),
        ("s3: {region: frankfurt}\n", 1, "s3: region must be a code of Amazon's, as in eu-"),
        ("uploads: {folder: nas}\n", 1, "uploads.folder: must be a whole path, as in /mnt/nas"),
        ("slack: {api_url: slack.com}\n", 1, "slack.api_url: must be an address, as in https://"),
        ("notify: {when: [alarm]}\n", 1, "notify.when.0: must be 'alert', 'clip', 'left_open'"),
        ("slack: {max_clip_mb: 0}\n", 1, "slack.max_clip_mb: must be greater than 0, not 0"),
        (
            "twilio:\n  to: [+4915112345678]\n",
            2,
            "twilio.to.0: must be a number in quotes with + and the country, "
            'as in "+4915112345678"',
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
            "motion: must hold keys and values (trigger, method, frame_width",
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
            "not YAML: expected ',' or '}', but got ':'; "
            "the bracket that is opened in line 1 is not closed",
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
            "the quote or bracket that is opened in line 2 is never closed",
        ),
        ("motion:\n  alpha .1\n  thresh: 50\n", 3, "has the line above a colon?"),
        (
            "motion:\n    alpha: .1\n  thresh: 50\n",
            3,
            "is the line indented like its neighbours, and each quote and bracket",
        ),
        ("motion:\n  alpha: .1\n  alpha: .2\n", 3, "motion.alpha: is here twice; keep one"),
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


def test_a_mistake_in_the_private_file_keeps_its_secret(folder: Path) -> None:
    found = problems(folder, "\nslack:\n  bot_token: [xoxb-very-secret]\n", "private.yml")
    assert found[0].startswith(f"{folder / 'private.yml'}:3: slack.bot_token: ")
    assert "very-secret" not in found[0]

"""Covers several modules: the suite with each profile, on real footage, against its services."""

import io
import itertools
import json
import re
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
import requests

from tests.servers.dropbox import DropboxServer
from tests.servers.ports import free_port
from tests.servers.programs import REPO
from tests.servers.router import Phone
from tests.servers.router_openwrt import PASSWORD, USER, OpenwrtServer
from tests.servers.s3 import Bucket
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER, SIGNING_SECRET, Signed
from tests.servers.suite import Suite
from tests.servers.twilio import ACCOUNT, FROM, TOKEN, TwilioServer
from tests.servers.twilio import OWNER as PHONE
from tests.waiting import until

ANNA = "aa:aa:aa:aa:aa:aa"
#: What a test cannot wait for, and a disk that may be fuller than a Pi's.
SHORT = "uploads: {upload_every_s: 2}\ndisk: {min_free_gb: 0}\n"


def house(folder: Path, private: str) -> Suite:
    """A house that has this in `private.yml`, and all profiles."""
    made = Suite(folder, private + SHORT)
    shutil.copytree(REPO / "config" / "profiles", made.folder / "profiles")
    return made


def start(house: Suite, profile: str, video: Path) -> None:
    done = house.verb("start", "--profile", profile, "--source", str(video))
    assert done.returncode == 0, done.stdout + done.stderr


def pictures(clip: bytes) -> int:
    """Return how many pictures *clip* shows."""
    with av.open(io.BytesIO(clip), "r") as opened:
        return len(list(opened.decode(video=0)))


def lit_video(path: Path, footage: Path, dark_s: int, lit_s: int) -> Path:
    """Footage that is seen for *lit_s* seconds only, with dark before and after it."""
    with (
        av.open(str(footage / "one-by-one-person-detection.mp4")) as source,
        av.open(str(path), "w") as written,
    ):
        stream = written.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        seen = source.decode(video=0)
        for number in range(10 * (2 * dark_s + lit_s)):
            picture = next(seen).reformat(320, 240, "gray").to_ndarray()
            if not 10 * dark_s <= number < 10 * (dark_s + lit_s):
                picture //= 32
            written.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray")))
        written.mux(stream.encode())
    return path


def send(request: Signed, port: int, path: str) -> None:
    assert (
        requests.post(
            f"http://127.0.0.1:{port}{path}", request.body, headers=request.headers, timeout=30
        ).status_code
        == 200
    )


def test_home_security_alerts_uploads_and_disarms(
    tmp_path: Path, footage: Path, bucket: Bucket
) -> None:
    port = free_port()
    with SlackServer() as slack, OpenwrtServer() as router:
        router.phones = [Phone("02:00:00:00:00:01", "television")]
        access = (
            f"api_url: {slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: [{OWNER}], "
            f"alerts_channel: {ALERTS}"
        )
        private = (
            f"slack: {{{access}, bind: '127.0.0.1:{port}', signing_secret: {SIGNING_SECRET}}}\n"
            f"presence: {{people: {{anna: {{macs: ['{ANNA}']}}}},"
            f" router: {{backend: openwrt, url: '{router.url}', username: {USER}, password: "
            f"{PASSWORD}}}}}\n"
            f"{bucket.yaml()}events: {{event_gap_s: 1}}\n"
        )
        with house(tmp_path, private) as suite:
            start(suite, "home-security", footage / "one-by-one-person-detection.mp4")
            alert: Posted = until(
                lambda: next((message for message in slack.seen() if message.buttons), None),
                "Slack has an alert",
                40.0,
            )
            assert alert.files
            event = json.loads(alert.buttons[0]["value"])["event"]
            send(slack.press(alert, "tag_occupied"), port, "/interactive")
            folder = suite.config.data_dir / "events"
            until(lambda: next(folder.glob(f"*/{event}/clip.mp4"), None), "the clip is there", 60.0)
            wanted = {
                f"training/{event}.tar",
                f"labels/{event}.json",
                f"clips/{event}.mp4",
                f"clips/{event}.jpg",
            }
            until(lambda: wanted <= set(bucket.keys()), "all of the event is in S3", 60.0)
            until(lambda: in_thread(slack, alert), "the clip is in the alert's thread", 60.0)
            router.phones.append(Phone(ANNA, "annas-iphone"))
            until(
                lambda: any("Anna is home: disarmed." in message.words for message in slack.seen()),
                "the house is disarmed",
                40.0,
            )

    assert json.loads(bucket.content(f"labels/{event}.json"))["label"] == "occupied"
    assert pictures(bucket.content(f"clips/{event}.mp4")) > 50
    assert bucket.head(f"clips/{event}.mp4")["ServerSideEncryption"] == "AES256"
    with tarfile.open(fileobj=io.BytesIO(bucket.content(f"training/{event}.tar"))) as sample:
        assert any(name.endswith(".delta.png") for name in sample.getnames())
    assert not list(folder.glob(f"*/{event}/sample.tar"))
    assert PASSWORD not in "".join(
        path.read_text(errors="replace") for path in suite.config.logs_dir.glob("*.log")
    )


def in_thread(slack: SlackServer, alert: Posted) -> bool:
    return any(message.thread_ts == alert.ts and message.attached for message in slack.seen())


def test_home_surveillance_sends_pictures_to_dropbox(tmp_path: Path, footage: Path) -> None:
    with DropboxServer() as dropbox, house(tmp_path, dropbox.yaml) as suite:
        start(suite, "home-surveillance", footage / "one-by-one-person-detection.mp4")
        until(lambda: len(dropbox.files) >= 3, "three pictures are in Dropbox", 60.0)
        assert not list(suite.config.data_dir.glob("events/*/*/clip*.mp4"))
    paths = sorted(dropbox.files)
    assert all(
        re.fullmatch(r"/cameras/front/\d{8}t\d{6}\.\d{3}z-front\.jpg", path) for path in paths
    )
    assert all(kept.content.startswith(b"\xff\xd8") for kept in dropbox.files.values())
    taken = [
        datetime.strptime(Path(path).name[:19], "%Y%m%dt%H%M%S.%f").replace(tzinfo=UTC)
        for path in paths
    ]
    assert all(
        later - earlier >= timedelta(seconds=2.9) for earlier, later in itertools.pairwise(taken)
    )


def test_fridge_camera_texts_the_clip_of_each_opening(
    tmp_path: Path, footage: Path, bucket: Bucket
) -> None:
    video = lit_video(tmp_path / "fridge.mp4", footage, dark_s=3, lit_s=6)
    with TwilioServer() as twilio:
        account = (
            f"api_url: '{twilio.url}', account_sid: {ACCOUNT}, auth_token: {TOKEN}, from: "
            f"'{FROM}', to: ['{PHONE}']"
        )
        with house(tmp_path, f"twilio: {{{account}}}\n{bucket.yaml()}") as suite:
            start(suite, "fridge-camera", video)
            text = until(lambda: next(iter(twilio.texts), None), "the owner is texted", 60.0)
            stored = [bucket.content(key) for key in sorted(bucket.keys()) if key.endswith(".mp4")]
    assert re.match(
        r"Your fridge was opened on \w+day, \w+ \d{1,2} 20\d\d "
        r"at \d{1,2}:\d\d[AP]M for [5-7] seconds\.",
        text.body,
    )
    ((kind, clip_sent),) = text.media
    assert kind == "video/mp4"
    assert clip_sent == stored[0]
    assert pictures(clip_sent) == pytest.approx(60, abs=6)

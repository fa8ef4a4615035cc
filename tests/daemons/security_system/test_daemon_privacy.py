"""Covers several modules: the real program never gives away what is under a privacy mask."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.frames import Image
from app.protocol import Request
from app.recording.unpainted import hidden_since
from app.state import Latest, State
from tests.daemons.security_system.conftest import Front
from tests.recording.videos import numbered
from tests.servers.rtsp_server import RtspServer
from tests.waiting import until

SIZE = (320, 240)
#: A window in the upper part, where nobody walks; the mask is a little larger.
WINDOW = np.s_[20:60, 200:300]
YAML = """
cameras:
  front:
    fps: 10
    camera_faults: false
    privacy: [[[0.61, 0.07], [0.95, 0.07], [0.95, 0.26], [0.61, 0.26]]]
motion: {method: running_average}
events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0, train: true}
recording: {pre_roll_s: 1, post_roll_s: 1}
disk: {min_free_gb: 0}
"""


def street(number: int) -> Image:
    """A picture in which somebody walks, with a window whose light changes all the time."""
    drawn = numbered(number, SIZE, visitor=25 < number < 50)
    drawn[WINDOW] = (255, 60, 255) if number % 2 else (60, 255, 255)
    return drawn


def is_hidden(picture: Image) -> bool:
    return int(picture[WINDOW].max()) <= 40


def decoded(jpeg: bytes) -> Image:
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found, np.uint8)


def frames_of(path: Path) -> Iterator[Image]:
    """Each picture in the video at *path*, so far as it is written."""
    try:
        with av.open(str(path)) as opened:
            for frame in opened.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, OSError, IndexError):
        return


def videos(folder: Path) -> list[Path]:
    """All files that may be videos, whatever their names are."""
    small = (".json", ".jpg", ".png", ".log", ".yml", ".aof")
    return [one for one in folder.rglob("*") if one.is_file() and one.suffix not in small]


def _two(clips: list[Path]) -> list[Path] | None:
    return clips if len(clips) >= 2 else None


@pytest.fixture
def camera() -> Iterator[str]:
    with RtspServer(100, draw=street, size=SIZE, fps=10) as server:
        yield f"rtsp://{server.address}/stream"


def test_nothing_private_is_kept_or_sent(front: Front, camera: str) -> None:
    program = front.start(camera, YAML)
    front.wait_for_picture()
    live, detector = "camera:front:frames", "camera:front:detector"
    with closing(front.state.subscription(live, detector)) as pictures:
        front.state.watch(["front"])
        sent = until(lambda: pictures.read(0.2), "a live picture")
        assert is_hidden(decoded(sent[1].partition(b"\n")[2] if sent[0] == detector else sent[1]))
    event = front.first_event()
    front.state.add_request(Request("clip", datetime.now(UTC), "anna", "front"))
    looked_at = 0
    while not list(front.data.rglob("*.mp4")):
        for path in videos(front.data):
            for picture in frames_of(path):
                looked_at += 1
                assert is_hidden(picture), path
        time.sleep(0.5)
    assert looked_at
    clips = until(lambda: _two(list(front.data.rglob("*.mp4"))), "both clips")
    program.signal(signal.SIGKILL)
    for clip in clips:
        shown = list(frames_of(clip))
        assert len(shown) > 10
        assert all(map(is_hidden, shown)), clip
    latest = front.state.latest("front")
    assert latest
    assert is_hidden(decoded(latest.jpeg))
    jpegs = list(front.data.rglob("*.jpg"))
    assert {"snapshot.jpg", "snapshot-clean.jpg"} <= {one.name for one in jpegs}
    assert front.event_folder(event)
    for path in jpegs:
        assert is_hidden(decoded(path.read_bytes())), path


def test_a_new_mask_is_in_every_picture_after_it(front: Front) -> None:
    program = front.start("synthetic:empty", YAML.replace("privacy", "masks"))
    front.wait_for_picture()
    before = front.state.latest("front")
    assert before
    assert not is_black(before.jpeg)
    opened = program.log.count("the camera opens")
    front.configure(YAML)
    program.signal(signal.SIGHUP)
    until(lambda: program.log.count("the camera opens") > opened, "it opens with the mask")
    since = hidden_since(front.data, "front")
    assert since
    for _ in range(3):
        asked_at = datetime.now(UTC)
        front.state.add_request(Request("last_image", asked_at, "anna", "front"))
        after = until(partial(newer, front.state, asked_at), "a new picture")
        assert after.taken_at > since
        assert is_black(after.jpeg)


def newer(state: State, since: datetime) -> Latest | None:
    latest = state.latest("front")
    return latest if latest and latest.taken_at >= since else None


def is_black(jpeg: bytes) -> bool:
    """Return whether the masked part of a picture of 640x480 is black."""
    return int(decoded(jpeg)[40:120, 400:600].max()) <= 40

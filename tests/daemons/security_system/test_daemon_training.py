"""Covers several modules: samples and stills as the real program makes them of real footage."""

import json
import signal
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.frames import Frame, jpeg
from app.protocol import EVENT_ID, Heartbeat
from app.recording.samples import FRAME_QUALITY, STORED_QUALITY
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until

VIDEO = "one-by-one-person-detection.mp4"
KEPT = 6
SETTINGS = f"""
events:
  motion_classification_store_cnt: 10
  min_save_seconds: 2
  frame_store_cnt: {KEPT}
  train: true
dropbox: {{base_path: pi/stills, min_upload_seconds: 1, min_motion_frames: 3}}
cameras: {{front: {{pir_pin: 17}}}}
disk: {{min_free_gb: 0}}
"""


class Outcome:
    """The files that one run over the footage has left in *data*, and its last heartbeat."""

    def __init__(self, data: Path, beat: Heartbeat) -> None:
        self.data = data
        self.beat = beat

    def samples(self, kind: str) -> list[dict[str, bytes]]:
        """The samples of that *kind*, oldest first, each as its members by the ends of their names.

        The name of its folder is under "folder".
        """
        found = [
            {"folder": path.parent.name.encode(), **members(path)}
            for path in sorted(self.data.glob("events/*/*/sample.tar"))
        ]
        return [sample for sample in found if json.loads(sample["json"])["kind"] == kind]


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {
            one.name.split(".", 1)[1]: found.read()
            for one in tar
            if (found := tar.extractfile(one))
        }


@pytest.fixture(scope="module")
def outcome(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The outcome when the program has kept an alert, a quiet room and stills."""
    folder = tmp_path_factory.mktemp("outcome")
    data = folder / "data"
    with (
        pytest.MonkeyPatch.context() as patch,
        RedisServer(tmp_path_factory.mktemp("redis")) as redis,
    ):
        patch.setenv("GPIOZERO_PIN_FACTORY", "mock")
        config = write_config(folder, redis.url, SETTINGS)
        with Program(
            "app.daemons.security_system", config, "--source", str(footage / VIDEO)
        ) as program:
            until(lambda: list(data.glob("events/*/*/event.json")), "an alert", 30)
            until(lambda: len(list(data.glob("stills/*.jpg"))) > 1, "stills", 30)
            program.signal(signal.SIGHUP)
            beat = until(
                lambda: (
                    one
                    if (one := program.heartbeat(redis.url)) and one.counters["captures"]
                    else None
                ),
                "a heartbeat",
            )
            assert program.stop() == 0
            assert not [
                line
                for line in program.log.splitlines()
                if " WARNING " in line or " ERROR " in line
            ]
    return Outcome(data, beat)


@pytest.fixture(scope="module")
def video(footage: Path) -> list[Frame]:
    """The first frames of the footage, by their numbers."""
    with closing(
        make_camera(
            "video", CameraSettings(source=str(footage / VIDEO)), SystemClock(), pace="fast"
        )
    ) as camera:
        camera.open()
        return [camera.read() for _ in range(150)]


def test_an_alerts_sample_has_the_frames_before_it(outcome: Outcome, video: list[Frame]) -> None:
    sample = outcome.samples("alert")[0]
    facts = json.loads(sample["json"])
    assert (facts["id"], facts["camera"]) == (sample["folder"].decode(), "front")
    assert facts["classification"]["motion"]
    numbers = [one["number"] for one in facts["frames"]]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < facts["number"]
    # A busy machine leaves out frames of a video that is played, and counts them.
    dropped = outcome.beat.counters["dropped"]
    assert isinstance(dropped, int)
    assert facts["number"] - numbers[0] <= KEPT + dropped
    assert sample["frame.jpg"] == jpeg(video[facts["number"]].bgr(), FRAME_QUALITY)
    assert [sample[f"{place:02d}.jpg"] for place in range(KEPT)] == [
        jpeg(video[number].bgr(), STORED_QUALITY) for number in numbers
    ]
    assert {path.name for path in next(outcome.data.glob(f"events/*/{facts['id']}")).iterdir()} >= {
        "event.json",
        "snapshot.jpg",
        "sample.tar",
    }


def test_a_sample_shows_how_the_frame_was_compared(outcome: Outcome) -> None:
    sample = outcome.samples("alert")[0]
    facts = json.loads(sample["json"])
    background, delta = (decoded(sample[f"{name}.png"]) for name in ("background", "delta"))
    assert background.shape == delta.shape == (108, 192)
    (box,) = [
        one["box"] for one in facts["contours"] if one["box"] in facts["classification"]["boxes"]
    ][:1]
    x, y, width, height = (side // 4 for side in box)
    assert delta[y : y + height, x : x + width].mean() > 3 * delta.mean()
    assert facts["settings"]["motion"]["trigger"] == "background"
    assert facts["settings"]["events"]["frame_store_cnt"] == KEPT
    assert "source" not in json.dumps(facts)


def test_the_motion_sensor_is_read_with_each_frame(outcome: Outcome) -> None:
    facts = json.loads(outcome.samples("alert")[0]["json"])
    assert facts["pir"] == [False] * KEPT
    assert facts["pir_now"] is False
    assert outcome.beat.counters["pir"] is False


def test_a_quiet_room_is_kept_in_a_folder_of_its_own(outcome: Outcome) -> None:
    samples = outcome.samples("quiet")
    assert samples
    for sample in samples:
        facts = json.loads(sample["json"])
        assert not facts["classification"]["motion"]
        # A busy machine drops frames between those that are kept.
        earlier, latest = (one["number"] - facts["number"] for one in facts["frames"])
        assert earlier <= -6
        assert latest == -1
        assert EVENT_ID.fullmatch(facts["id"])
        (folder,) = outcome.data.glob(f"events/*/{facts['id']}")
        assert [path.name for path in folder.iterdir()] == ["sample.tar"]


def test_stills_have_names_that_sort_by_time(outcome: Outcome, video: list[Frame]) -> None:
    stills = sorted((outcome.data / "stills").iterdir())
    assert all(EVENT_ID.fullmatch(path.stem) and path.suffix == ".jpg" for path in stills)
    shapes = {decoded(path.read_bytes()).shape for path in stills}
    assert shapes == {video[0].bgr().shape}


def test_the_heartbeat_counts_samples_and_stills(outcome: Outcome) -> None:
    assert set(outcome.beat.counters) >= {"pir", "frames_kept_mb", "captures"}
    # A busy machine may skip one.
    assert outcome.beat.counters["captures_lost"] in (0, 1)


def decoded(picture: bytes) -> np.ndarray[Any, Any]:
    found = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found

"""Training samples and stills as the real program makes them, of real footage."""

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

FILM = "one-by-one-person-detection.mp4"
KEPT = 6
SETTINGS = f"""
events: {{motion_classification_store_cnt: 10, min_save_seconds: 2, frame_store_cnt: {KEPT}, train: true}}
dropbox: {{base_path: pi/stills, min_upload_seconds: 1, min_motion_frames: 3}}
cameras: {{front: {{pir_pin: 17}}}}
disk: {{min_free_gb: 0}}
"""


class House:
    """What one run over the film has left in *data*."""

    def __init__(self, data: Path, beat: Heartbeat) -> None:
        self.data = data
        self.beat = beat

    def samples(self, kind: str) -> list[dict[str, bytes]]:
        """The samples of that *kind*, oldest first: the folder's name as "folder", and by what
        follows their key, what is in them.
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
def house(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The program has run over the film until an alert, a quiet room and a still were kept."""
    folder = tmp_path_factory.mktemp("house")
    data = folder / "data"
    with (
        pytest.MonkeyPatch.context() as patch,
        RedisServer(tmp_path_factory.mktemp("redis")) as redis,
    ):
        patch.setenv("GPIOZERO_PIN_FACTORY", "mock")
        config = write_config(folder, redis.url, SETTINGS)
        with Program(
            "app.daemons.security_system", config, "--source", str(footage / FILM)
        ) as program:
            until(lambda: list(data.glob("events/*/*/event.json")), "an alert", 30)
            until(lambda: len(list(data.glob("stills/*.jpg"))) > 1, "stills", 30)
            program.signal(signal.SIGHUP)
            beat = until(
                lambda: (
                    one
                    if (one := program.heartbeat(redis.url)) and one.counters["keepsakes"]
                    else None
                ),
                "it tells",
            )
            assert program.stop() == 0
            # What there was to say went into the log: no complaint among it.
            assert not [
                line
                for line in program.log.splitlines()
                if " WARNING " in line or " ERROR " in line
            ]
    return House(data, beat)


@pytest.fixture(scope="module")
def film(footage: Path) -> list[Frame]:
    """The film's first frames, by their numbers."""
    with closing(
        make_camera("film", CameraSettings(source=str(footage / FILM)), SystemClock(), pace="fast")
    ) as camera:
        camera.open()
        return [camera.read() for _ in range(150)]


def test_an_alert_has_its_sample_beside_it_with_the_very_frames_before_it(
    house: House, film: list[Frame]
) -> None:
    sample = house.samples("alert")[0]
    facts = json.loads(sample["json"])
    assert (facts["id"], facts["camera"]) == (sample["folder"].decode(), "front")
    assert facts["classification"]["motion"]
    numbers = [one["number"] for one in facts["frames"]]
    assert numbers == list(range(facts["number"] - KEPT, facts["number"]))
    assert sample["frame.jpg"] == jpeg(film[facts["number"]].bgr(), FRAME_QUALITY)
    assert [sample[f"{place:02d}.jpg"] for place in range(KEPT)] == [
        jpeg(film[number].bgr(), STORED_QUALITY) for number in numbers
    ]
    assert {path.name for path in next(house.data.glob(f"events/*/{facts['id']}")).iterdir()} >= {
        "event.json",
        "snapshot.jpg",
        "sample.tar",
    }


def test_it_shows_what_the_visitor_was_compared_with_and_where_he_stands_out(house: House) -> None:
    sample = house.samples("alert")[0]
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


def test_what_the_motion_sensor_said_is_with_each_frame(house: House) -> None:
    facts = json.loads(house.samples("alert")[0]["json"])
    assert facts["pir"] == [False] * KEPT
    assert facts["pir_now"] is False
    assert house.beat.counters["pir"] is False


def test_now_and_then_a_quiet_room_is_kept_in_a_folder_of_its_own(house: House) -> None:
    samples = house.samples("quiet")
    assert samples
    for sample in samples:
        facts = json.loads(sample["json"])
        assert not facts["classification"]["motion"]
        assert [one["number"] - facts["number"] for one in facts["frames"]] == [-6, -1]
        assert EVENT_ID.fullmatch(facts["id"])
        (folder,) = house.data.glob(f"events/*/{facts['id']}")
        assert [path.name for path in folder.iterdir()] == ["sample.tar"]


def test_stills_of_the_occupied_room_are_written_whole_under_a_time_that_sorts(
    house: House, film: list[Frame]
) -> None:
    stills = sorted((house.data / "stills").iterdir())
    assert all(EVENT_ID.fullmatch(path.stem) and path.suffix == ".jpg" for path in stills)
    shapes = {decoded(path.read_bytes()).shape for path in stills}
    assert shapes == {film[0].bgr().shape}


def test_the_heartbeat_says_what_is_kept(house: House) -> None:
    assert set(house.beat.counters) >= {"pir", "frames_kept_mb", "keepsakes"}
    assert house.beat.counters["keepsakes_lost"] == 0


def decoded(picture: bytes) -> np.ndarray[Any, Any]:
    found = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found

"""The verb `mask`, with a camera of its own, and with the newest picture of a running program."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.frames import Image, jpeg
from app.state import Latest, State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.servers.suite import run_verb

NO_REDIS = "redis://127.0.0.1:9/0"
MASKS = """
cameras:
  front:
    source: SOURCE
    masks: [[[0, 0], [0.3, 0], [0.3, 0.4]], [[0, 0.5], [0.1, 0.6], [0.1, 0.5], [0, 0.6]]]
    privacy: [[[0.6, 0.2], [0.9, 0.2], [0.9, 0.6], [0.6, 0.6]]]
    zones: [{name: path, area: [[0, 0.7], [1, 0.7], [1, 1], [0, 1]]}]
"""


def shown(folder: Path, redis_url: str, source: str) -> subprocess.CompletedProcess[str]:
    config = write_config(folder, redis_url, MASKS.replace("SOURCE", source))
    done = run_verb("mask", "--config", str(config), "--folder", str(folder))
    assert "Traceback" not in done.stdout + done.stderr
    return done


def picture_in(folder: Path) -> Image:
    found = cv2.imread(str(folder / "mask-front.png"))
    assert found is not None
    return np.asarray(found, np.uint8)


def test_masks_are_drawn_on_a_picture_that_is_taken_now(tmp_path: Path) -> None:
    done = shown(tmp_path, NO_REDIS, "demo")
    assert done.stdout == f"front: {tmp_path / 'mask-front.png'}\n"
    assert "cameras.front.masks.1: crosses itself" in done.stderr
    picture = picture_in(tmp_path)
    assert picture.shape == (960, 1280, 3)
    assert np.median(picture[200:560, 780:1140]) == 0
    lines = {"mask": (80, 80, 255), "privacy mask": (0, 220, 255), "zone": (255, 220, 0)}
    for kind, colour in lines.items():
        assert (picture == colour).all(axis=-1).sum() > 200, kind
    assert (tmp_path / "mask-front.png").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("age_s", "is_used"), [(5, True), (300, False)])
def test_a_new_picture_of_the_running_program_is_taken(
    tmp_path: Path, redis_server: RedisServer, age_s: float, is_used: bool
) -> None:
    state = State(redis_server.url)
    taken_at = datetime.now(UTC) - timedelta(seconds=age_s)
    state.set_latest("front", Latest(jpeg(np.full((480, 640, 3), 50, np.uint8)), taken_at))
    state.close()
    shown(tmp_path, redis_server.url, "demo")
    assert (abs(float(np.median(picture_in(tmp_path))) - 50) < 5) == is_used


def test_a_camera_that_gives_no_picture_is_named(tmp_path: Path) -> None:
    done = shown(tmp_path, NO_REDIS, "/dev/video77")
    assert done.returncode == 1
    assert "front (/dev/video77): there is no such file or device" in done.stderr
    assert not (tmp_path / "mask-front.png").exists()

"""The camera and its mount, drawn and mock, as the switches and people want them."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.cameras.live import FrameUser
from app.clock import FakeClock
from app.config import CameraConfig, load_config
from app.daemons.security_system.controls import ControlState
from app.daemons.security_system.mounted_camera import MountedCamera
from app.pantilt.base import PanTiltSettings
from app.protocol import Position

MOUNT = PanTiltSettings(backend="mock", home=(10, 5), park=(-80, 40))
SETTINGS = CameraConfig(source="synthetic:empty", pantilt=MOUNT)


def mounted_camera(folder: Path, settings: CameraConfig = SETTINGS) -> MountedCamera:
    (folder / "config.yml").write_text("")
    user = FrameUser(lambda _: False)
    return MountedCamera("front", load_config(folder), settings, FakeClock(), user=user, sink=None)


@pytest.mark.parametrize(
    ("wanted", "position"),
    [
        (ControlState(armed=False), Position(-80, 40)),
        (ControlState(armed=True), Position(10, 5)),
        (ControlState(armed=False, target=Position(30, 0)), Position(-80, 40)),
        (ControlState(armed=True, target=Position(30, 0)), Position(30, 0)),
    ],
)
def test_the_mount_points_where_it_is_wanted(
    tmp_path: Path, wanted: ControlState, position: Position
) -> None:
    camera = mounted_camera(tmp_path)
    assert camera.turn(wanted)
    assert camera.pan_tilt.position == position
    assert not camera.turn(wanted)


def test_a_camera_without_mount_never_turns(tmp_path: Path) -> None:
    camera = mounted_camera(tmp_path, CameraConfig(source="synthetic:empty"))
    assert not camera.turn(ControlState(armed=True))
    assert not camera.turn(ControlState(armed=True, target=Position(30, 0)))


def test_a_new_mount_turns_without_a_new_camera(tmp_path: Path) -> None:
    camera = mounted_camera(tmp_path)
    camera.turn(ControlState(armed=True))
    other = replace(SETTINGS, pantilt=replace(MOUNT, home=(0, 0)))
    assert not camera.configure(load_config(tmp_path), other)
    assert camera.turn(ControlState(armed=True))
    assert camera.pan_tilt.position == Position(0, 0)


def test_another_picture_needs_a_new_camera(tmp_path: Path) -> None:
    assert mounted_camera(tmp_path).configure(load_config(tmp_path), replace(SETTINGS, hflip=True))

"""What one camera's program derives from the configuration."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.config import CameraConfig, Config, load_config
from app.daemons.security_system.derived_settings import (
    chosen_camera,
    detector_settings,
    is_other_camera,
    looks_for_faults,
)
from app.errors import ConfigError

CORNER = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2))


def config_of(folder: Path, text: str) -> Config:
    (folder / "config.yml").write_text(text)
    return load_config(folder)


def test_the_only_camera_needs_no_name(tmp_path: Path) -> None:
    assert chosen_camera(config_of(tmp_path, "cameras: {hall: {source: demo}}"), None) == "hall"


@pytest.mark.parametrize("camera", [None, "attic"])
def test_one_of_several_cameras_must_be_named(tmp_path: Path, camera: str | None) -> None:
    config = config_of(tmp_path, "cameras: {hall: {source: demo}, door: {source: demo}}")
    assert chosen_camera(config, "door") == "door"
    with pytest.raises(ConfigError, match="must be one of hall, door"):
        chosen_camera(config, camera)


def test_what_is_private_is_never_judged(tmp_path: Path) -> None:
    settings = CameraConfig(masks=(CORNER,), privacy=(CORNER,))
    assert detector_settings(config_of(tmp_path, ""), settings).masks == (CORNER, CORNER)


@pytest.mark.parametrize(("trigger", "looks"), [("background", True), ("light", False)])
def test_a_camera_in_a_fridge_is_not_looked_at_for_faults(
    tmp_path: Path, trigger: str, looks: bool
) -> None:
    config = config_of(tmp_path, f"motion: {{trigger: {trigger}}}")
    assert looks_for_faults(config, CameraConfig()) is looks


def test_a_camera_is_reopened_only_for_what_it_needs() -> None:
    before = CameraConfig()
    assert not is_other_camera(before, replace(before, masks=(CORNER,), lost_alert_s=20.0))
    assert is_other_camera(before, replace(before, fps=5.0))

"""The parts of a camera's program, made as the program makes them."""

from pathlib import Path

import pytest

from app.clock import FakeClock
from app.config import CameraConfig, load_config
from app.daemons.security_system.parts import CameraParts
from app.errors import ConfigError
from tests.servers.programs import write_config


def test_without_a_display_a_window_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", "")
    config = load_config(write_config(tmp_path, "unix:///nowhere"))
    with pytest.raises(ConfigError, match="--show: no window can be opened: DISPLAY is not set"):
        CameraParts("front", config, CameraConfig(), FakeClock(), show=True)


def test_changed_settings_reach_the_parts(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "unix:///nowhere", "recording: {clips: true}\n")
    parts = CameraParts("front", load_config(folder), CameraConfig(), FakeClock())
    had_clips = parts.clips.enabled
    more = "recording: {clips: false}\nevents: {open_threshold_seconds: 7}\n"
    write_config(tmp_path, "unix:///nowhere", more)
    parts.configure(load_config(folder), CameraConfig())
    assert (had_clips, parts.clips.enabled) == (True, False)
    assert parts.left_open.threshold_s == 7

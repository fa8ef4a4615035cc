"""The settings for clips are checked when the configuration is read."""

from pathlib import Path

import pytest

from app.config import load_config
from app.errors import ConfigError
from app.recording.base import RecordingSettings


def test_settings_come_from_the_configuration(tmp_path: Path) -> None:
    text = "recording: {clips: false, pre_roll_s: 0, max_clip_s: 30}\n"
    (tmp_path / "config.yml").write_text(text)
    settings = load_config(tmp_path).recording
    assert settings == RecordingSettings(clips=False, pre_roll_s=0, max_clip_s=30)


@pytest.mark.parametrize(
    "setting",
    ["pre_roll_s: 61", "post_roll_s: -1", "max_clip_s: 4", "preroll_mb: 0", "preroll_mb: 2000"],
)
def test_a_setting_out_of_range_is_named(tmp_path: Path, setting: str) -> None:
    (tmp_path / "config.yml").write_text(f"recording:\n  {setting}\n")
    with pytest.raises(ConfigError, match=f"recording.{setting.partition(':')[0]}"):
        load_config(tmp_path)

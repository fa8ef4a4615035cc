"""The settings with which a suite was started."""

import os
import stat
from pathlib import Path

from app.config import load_config
from app.launcher.running import keep_settings, running_configs
from tests.servers.programs import write_config


def test_kept_settings_are_private_and_nothing_runs(tmp_path: Path) -> None:
    folder = write_config(tmp_path, "redis://:hush-hush-9@h/0")
    config = load_config(folder)
    config.run_dir.mkdir(parents=True)
    keep_settings(config)
    (kept,) = config.run_dir.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "hush-hush-9" in kept.read_text()
    assert kept.stat().st_uid == os.getuid()
    assert running_configs(folder, None) == {}

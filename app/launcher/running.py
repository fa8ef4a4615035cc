"""The settings with which a suite was started, which its files may no longer have."""

import logging
import os
from pathlib import Path

from app.config import PROFILE_VARIABLE, Config, config_folder, config_from_plain
from app.launcher.config_files import write_private
from app.launcher.processes import RUN_VARIABLE, Environment, started_from

_FILE = "settings.json"

_log = logging.getLogger(__name__)


def keep_settings(config: Config) -> None:
    """Keep the settings of *config* in its `run_dir`, where only this user can read them."""
    write_private(config.run_dir / _FILE, config.plain)


def running_configs(folder: Path | None, profile: str | None) -> dict[Path, Config | None]:
    """Return, by `run_dir`, the settings of the suites that were started from *folder*.

    *profile* chooses among them. None for a suite whose settings were not kept.
    """
    folder = config_folder(folder)
    named = profile or os.environ.get(PROFILE_VARIABLE) or None
    run_dirs = {
        Path(environment[RUN_VARIABLE])
        for environment in started_from(folder)
        if _matches(environment, named)
    }
    return {run_dir: _kept(folder, run_dir) for run_dir in sorted(run_dirs)}


def _matches(environment: Environment, profile: str | None) -> bool:
    return profile is None or environment.get(PROFILE_VARIABLE) == profile


def _kept(folder: Path, run_dir: Path) -> Config | None:
    try:
        config = config_from_plain(folder, (run_dir / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _log.warning("the settings of the suite in %s are not known: %s", run_dir, error)
        return None
    return config if config.run_dir == run_dir else None

"""Writes chosen settings to `config.yml`, and keeps the old file."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from app.config import load_config
from app.config.rewriting import with_values
from app.evaluation.tune.knobs import Value, shown
from app.files import write_atomic


def write_knobs(folder: Path, profile: str | None, values: Mapping[str, Value]) -> Path:
    """Write *values* to the `config.yml` in *folder*, and return the path of the old file.

    Raises `ValueError` or `OSError` when that cannot be done, and `ConfigError` when the changed
    file would be wrong; the file is then as it was.
    """
    path = folder / "config.yml"
    old = path.read_bytes()
    changed = with_values(old.decode("utf-8-sig"), values)
    kept = folder / f"config.yml.{datetime.now().astimezone():%Y%m%dT%H%M%S}"
    write_atomic(kept, old)
    mode = path.stat().st_mode & 0o777
    kept.chmod(mode)
    write_atomic(path, changed.encode())
    path.chmod(mode)
    try:
        _check(folder, profile, values)
    except BaseException:
        write_atomic(path, old)
        path.chmod(mode)
        kept.unlink()
        raise
    return kept


def _check(folder: Path, profile: str | None, values: Mapping[str, Value]) -> None:
    """Raise `ValueError` unless the configuration in *folder* now has *values*."""
    config = load_config(folder, profile)
    for key, value in values.items():
        section, _, name = key.partition(".")
        if getattr(getattr(config, section), name) != value:
            raise ValueError(
                f"{key} is set in private.yml or in the profile, which are laid over it: change it "
                f"to {shown(value)} there"
            )

"""Some settings are replaced, and checked like those of the file."""

from pathlib import Path

import pytest

from app.config import load_config, with_changes
from app.errors import ConfigError

SECTIONS = ("motion", "events")


def test_other_settings_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("motion: {alpha: 0.3}\ndata_dir: there\n")
    config = load_config(tmp_path)
    changed = with_changes(config, {"motion": {"min_size": 0.01}, "events": {}}, SECTIONS)
    assert (changed.motion.alpha, changed.motion.min_size) == (0.3, 0.01)
    assert (changed.data_dir, changed.folder) == (config.data_dir, config.folder)
    assert config.motion.min_size != 0.01


def test_every_mistake_is_named_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("")
    changes = {"motion": {"alpha": 7, "ksize": [1]}, "events": {"event_gab_s": 1}}
    with pytest.raises(ConfigError) as caught:
        with_changes(load_config(tmp_path), changes, SECTIONS)
    problems = caught.value.problems
    assert [one.split(":")[0] for one in problems] == [
        *("motion.alpha", "motion.ksize", "events.event_gab_s"),
    ]
    assert problems[0] == "motion.alpha: must be less than 1, not 7"


@pytest.mark.parametrize("changes", [None, [], "x", {"redis": {}}, {1: {}}, {"motion": 5}])
def test_anything_else_is_refused(changes: object, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("")
    with pytest.raises(ConfigError):
        with_changes(load_config(tmp_path), changes, SECTIONS)

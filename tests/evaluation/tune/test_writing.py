"""The changed configuration, and the old one beside it."""

from pathlib import Path

import pytest

from app.config import load_config
from app.evaluation.tune.writing import write_knobs
from tests.evaluation.videos import config_folder

TEXT = "# my house\nmotion: {min_size: 0.03} # too large\n"


def test_the_old_file_stays_beside_the_changed_one(tmp_path: Path) -> None:
    folder = config_folder(tmp_path / "config", TEXT)
    (folder / "config.yml").chmod(0o640)
    old = (folder / "config.yml").read_text()
    kept = write_knobs(folder, None, {"motion.min_size": 0.004, "motion.method": "structure"})
    assert kept.read_text() == old
    assert kept.parent == folder
    changed = (folder / "config.yml").read_text()
    assert "motion: {min_size: 0.004, method: structure} # too large" in changed
    assert "# my house" in changed
    assert load_config(folder).motion.min_size == 0.004
    assert (folder / "config.yml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("private", "values", "why"),
    [
        ("motion: {min_size: 0.02}", {"motion.min_size": 0.004}, "private.yml"),
        ("", {"motion.min_size": 4.0}, "min_size"),
    ],
)
def test_a_change_that_would_not_work_is_taken_back(
    tmp_path: Path, private: str, values: dict[str, float | str], why: str
) -> None:
    folder = config_folder(tmp_path / "config", TEXT)
    (folder / "private.yml").write_text(private)
    old = (folder / "config.yml").read_text()
    with pytest.raises(ValueError, match=why):
        write_knobs(folder, None, values)
    assert (folder / "config.yml").read_text() == old
    assert {path.name for path in folder.iterdir()} == {"config.yml", "private.yml"}

"""The verb `tune` over tagged samples of a real clip."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from app.config import CameraConfig, Config, load_config
from app.evaluation.archive.files import FolderFiles
from app.evaluation.archive.index import read_archive
from app.evaluation.tune.footage import read_footage
from app.evaluation.tune.knobs import detector_knobs
from app.evaluation.tune.replaying import openings
from tests.evaluation.tagged import NOON, TaggedHouse
from tests.evaluation.tune.clip_house import make_house
from tests.evaluation.videos import config_folder, run

PEOPLE = "people: {backend: none}\n"
BAD = "# mine\nmotion:\n  method: running_average  # the classic one\n  min_area: 2500\n"


@pytest.fixture(scope="module")
def house(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> TaggedHouse:
    return make_house(tmp_path_factory.mktemp("house"), footage)


def mistakes(line: str) -> tuple[int, int]:
    """Return the missed people and the false alarms in a *line* of the table."""
    missed, false = re.findall(r"(\d+) of", line)
    return int(missed), int(false)


def mistakes_of_default(house: TaggedHouse) -> tuple[int, int]:
    config, camera = Config(), CameraConfig()
    default = detector_knobs(config)[:1]
    archive = read_archive(FolderFiles(house.data_dir))
    missed = false = 0
    for event in archive.tagged():
        frames = read_footage(archive.files, event, camera.fps)
        opens = openings(frames, config, camera, default)[default[0]]
        missed += event.label == "occupied" and not opens
        false += event.label == "unoccupied" and opens
    return missed, false


def test_bad_settings_are_replaced_by_good_ones(house: TaggedHouse, tmp_path: Path) -> None:
    """What is counted are days for which nothing was chosen; each day shows another visit."""
    config = config_folder(tmp_path / "config", PEOPLE + BAD)
    done = run("tune", house.data_dir, "--config", config, "--jobs", "2", "--write")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    present = mistakes(next(line for line in lines if line.startswith("present")))
    chosen = mistakes(next(line for line in lines if line.startswith("chosen")))
    default = mistakes_of_default(house)
    assert present[0] > 5 + chosen[0]
    assert present[1] > 20 + chosen[1]
    assert chosen[0] <= default[0]
    assert chosen[1] <= default[1]
    assert "  motion.method: running_average -> structure" in lines
    assert load_config(config).motion.method == "structure"
    text = (config / "config.yml").read_text()
    assert "# mine" in text
    assert "# the classic one" in text
    assert len(list(config.glob("config.yml.*"))) == 1


def test_too_few_tags_say_how_many_more_are_needed(tmp_path: Path) -> None:
    small = TaggedHouse(tmp_path / "data")
    for number in range(4):
        small.add(NOON + timedelta(days=number), "occupied")
    config = config_folder(tmp_path / "config", PEOPLE)
    done = run("tune", small.data_dir, "--config", config)
    assert done.exit_code == 1
    assert "4 tagged events are too few" in done.stderr
    assert "16 more tagged Occupied, 20 more tagged Unoccupied" in done.stderr


def test_a_fridge_has_nothing_to_tune(tmp_path: Path) -> None:
    config = config_folder(tmp_path / "config", PEOPLE + "motion: {trigger: light}\n")
    done = run("tune", tmp_path, "--config", config)
    assert done.exit_code == 1
    assert "nothing to tune" in done.stderr

"""Trials of single events."""

from pathlib import Path

from app.config import Config
from app.evaluation.archive.files import FolderFiles
from app.evaluation.archive.index import read_archive
from app.evaluation.tune.knobs import detector_knobs
from app.evaluation.tune.trials import TriedEvent, try_all
from app.people.base import PeopleSettings
from tests.evaluation.tagged import NOON, TaggedHouse, picture


def trials(house: TaggedHouse) -> list[TriedEvent]:
    config = Config(people=PeopleSettings(backend="none"))
    events = read_archive(FolderFiles(house.data_dir)).events
    return list(try_all(str(house.data_dir), config, 3, events, 1))


def test_each_setting_is_tried_on_a_tagged_event(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    house.add(NOON, "unoccupied", score=0.25)
    house.add_sample(NOON, [picture(0)] * 31)
    (found,) = trials(house)
    assert found.score == 0.25
    assert found.problem is None
    assert set(found.opens) == set(detector_knobs(Config()))
    assert not any(found.opens.values())


def test_an_untagged_event_gives_only_its_score(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    house.add(NOON, score=0.5)
    (found,) = trials(house)
    assert (found.opens, found.score, found.problem) == ({}, 0.5, None)


def test_an_event_without_pictures_says_so(tmp_path: Path) -> None:
    house = TaggedHouse(tmp_path)
    house.add(NOON, "occupied")
    (found,) = trials(house)
    assert (found.opens, found.problem) == ({}, "it has neither a clip nor a sample")

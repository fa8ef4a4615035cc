"""The verb `evaluate` over folders and buckets."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tests.evaluation.tagged import NOON, TaggedHouse, picture
from tests.evaluation.videos import config_folder, run
from tests.servers.s3 import Bucket

PEOPLE = "people: {backend: none}\n"


@pytest.fixture
def house(tmp_path: Path) -> TaggedHouse:
    """A house with a missed person and a false alarm."""
    made = TaggedHouse(tmp_path / "data")
    made.add(NOON, "occupied", score=0.2, person=False, decision="held")
    later = NOON + timedelta(hours=1)
    made.add(later, "unoccupied", score=0.9, person=True, decision="sent")
    made.add_sample(later, [picture(1)])
    return made


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_report_has_figures_and_pictures(house: TaggedHouse, tmp_path: Path) -> None:
    config, out = config_folder(tmp_path / "config", PEOPLE), tmp_path / "report"
    done = run("evaluate", house.data_dir, "--out", out, "--config", config)
    assert done.exit_code == 0, done.output
    assert "1 events tagged occupied, 1 unoccupied; 0 untagged" in done.stdout
    assert "Person scores: 2 stored by the suite" in done.stdout
    assert files_in(out) == {"report.md", "report.json", "mistakes.jpg"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    found = json.loads((out / "report.json").read_text())
    assert found["decisions"]["the rule in force"]["missed"] == 1
    assert (tmp_path / ".report.part").exists() is False


def test_a_box_of_the_opening_is_not_drawn_in_the_snapshot(tmp_path: Path) -> None:
    made, sheets = TaggedHouse(tmp_path / "data"), []
    for number, boxes in enumerate([None, ((4, 4, 50, 30),)]):
        made.add(NOON, "occupied", score=0.2, person=False, decision="held", boxes=boxes)
        config, out = config_folder(tmp_path / "config", PEOPLE), tmp_path / f"report-{number}"
        assert run("evaluate", made.data_dir, "--out", out, "--config", config).exit_code == 0
        sheets.append((out / "mistakes.jpg").read_bytes())
    assert sheets[0] == sheets[1]


def test_a_bucket_is_evaluated_with_its_keys(
    house: TaggedHouse, bucket: Bucket, tmp_path: Path
) -> None:
    later = NOON + timedelta(hours=1)
    (folder,) = house.data_dir.glob(f"events/*/{later:%Y%m%dT%H}*")
    for name, key in (("sample.tar", "training/{}.tar"), ("label.json", "labels/{}.json")):
        content = (folder / name).read_bytes()
        bucket.client.put_object(Bucket=bucket.name, Key=key.format(folder.name), Body=content)
    config, out = config_folder(tmp_path / "config", PEOPLE + bucket.yaml()), tmp_path / "report"
    done = run("evaluate", f"s3://{bucket.name}", "--out", out, "--config", config)
    assert done.exit_code == 0, done.output
    assert f"the bucket {bucket.name}: 0 events tagged occupied, 1 unoccupied" in done.stdout
    assert "1 unknown" in done.stdout
    assert "mistakes.jpg" in files_in(out)


def test_without_tags_nothing_is_evaluated(tmp_path: Path) -> None:
    TaggedHouse(tmp_path / "data").add(NOON)
    config, out = config_folder(tmp_path / "config", PEOPLE), tmp_path / "report"
    done = run("evaluate", tmp_path / "data", "--out", out, "--config", config)
    assert done.exit_code == 1
    assert "none of the 1 events there is tagged" in done.stderr
    assert not out.exists()


def test_a_folder_that_exists_is_not_touched(house: TaggedHouse, tmp_path: Path) -> None:
    out = tmp_path / "report"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    config = config_folder(tmp_path / "config", PEOPLE)
    done = run("evaluate", house.data_dir, "--out", out, "--config", config)
    assert done.exit_code == 2
    assert "exists already" in done.stderr
    assert files_in(out) == {"mine.txt"}


def test_a_report_that_cannot_be_written_leaves_nothing(house: TaggedHouse, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    config = config_folder(tmp_path / "config", PEOPLE)
    done = run("evaluate", house.data_dir, "--out", tmp_path / "a-file" / "x", "--config", config)
    assert done.exit_code == 1
    assert "a-file" in done.stderr
    assert files_in(tmp_path) == {"a-file", "config", "data"}

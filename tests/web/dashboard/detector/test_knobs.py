"""The knobs of the detector as a form."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from app.config import Config, config_from_plain, load_config
from app.detector import EventSettings
from app.motion.base import MotionSettings
from app.web.dashboard.detector.knobs import WrongKnob, knobs_of, lines_of, read_changes


def test_every_setting_of_the_detector_is_a_knob() -> None:
    known = {f"motion.{one.name}" for one in fields(MotionSettings)}
    known |= {f"events.{one.name}" for one in fields(EventSettings)}
    assert set(knobs_of(Config())) == known


def test_a_knob_has_value_default_limits_and_help() -> None:
    config = config_from_plain(Path("/nowhere/config"), '{"motion": {"min_size": 0.00001}}')
    knobs = knobs_of(config)
    size = knobs["motion.min_size"]
    assert (size.value, size.default, str(size.limits)) == (
        "0.00001",
        "0.0028",
        "more than 0, less than 1",
    )
    assert "More ignores smaller animals" in size.help
    assert all(knob.help for knob in knobs.values())
    assert (knobs["motion.ksize"].value, knobs["motion.ksize"].kind) == ("[21, 21]", "pair")
    assert str(knobs["motion.absorb_s"].limits) == "at least 10, at most 3600"
    assert knobs["motion.method"].choices == ("structure", "running_average")


def test_changes_become_lines_that_mean_the_same(tmp_path: Path) -> None:
    form = {
        "motion.method": "running_average",
        "motion.ksize": "[31, 15]",
        "motion.delta_thresh": "5",  # as before
        "motion.alpha": " 0.0000012 ",
        "motion.min_area": "1e4",
        "events.event_gap_s": "2",
    }
    changes = read_changes(form.items(), Config())
    assert json.loads(json.dumps(changes)) == changes
    (tmp_path / "config.yml").write_text(lines_of(changes))
    read = load_config(tmp_path)
    motion = MotionSettings(
        method="running_average", ksize=(31, 15), alpha=0.0000012, min_area=10000.0
    )
    assert (read.motion, read.events.event_gap_s) == (motion, 2.0)
    assert read_changes({}.items(), Config()) == {}
    assert lines_of({}) == ""


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("motion.min_size", "nan", "must be a number, not nan"),
        ("motion.min_size", "small", "must be a number, not small"),
        ("motion.delta_thresh", "5.5", "must be a whole number"),
        ("motion.ksize", "21", "must be two whole numbers, as in 21, 21"),
        ("motion.method", "magic", "must be structure or running_average"),
        ("data_dir", "/", "data_dir is no knob"),
    ],
)
def test_what_cannot_be_read_is_named(key: str, text: str, why: str) -> None:
    with pytest.raises(WrongKnob, match=why):
        read_changes([(key, text)], Config())

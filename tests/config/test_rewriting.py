"""Values in the text of a configuration, which keeps its comments."""

import pytest
import yaml

from app.config.rewriting import with_values
from tests.conftest import REPO

CASES = [
    ("", "motion:\n  min_size: 0.004\n"),
    ("# mine\n", "# mine\nmotion:\n  min_size: 0.004\n"),
    ("events: {train: true}", "events: {train: true}\nmotion:\n  min_size: 0.004\n"),
    ("motion:\n", "motion: {min_size: 0.004}\n"),
    ("motion: {}\n", "motion: {min_size: 0.004}\n"),
    ("motion: null # none\n", "motion: {min_size: 0.004} # none\n"),
    ("motion: {alpha: 0.2} # x\n", "motion: {alpha: 0.2, min_size: 0.004} # x\n"),
    ("motion: {min_size: 0.1, alpha: 0.2}\n", "motion: {min_size: 0.004, alpha: 0.2}\n"),
    (
        "motion:\n    # small\n    min_size: 0.0028  # why\nevents: {}\n",
        "motion:\n    # small\n    min_size: 0.004  # why\nevents: {}\n",
    ),
    (
        "motion:\n  ksize: [3, 3] # odd\n\n# next\nevents:\n  train: true\n",
        "motion:\n  ksize: [3, 3] # odd\n  min_size: 0.004\n\n# next\nevents:\n  train: true\n",
    ),
    ("motion:\n  alpha: 0.2", "motion:\n  alpha: 0.2\n  min_size: 0.004"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_a_value_is_changed_or_added_in_its_place(before: str, after: str) -> None:
    assert with_values(before, {"motion.min_size": 0.004}) == after


def test_the_project_s_own_file_keeps_all_its_comments() -> None:
    text = (REPO / "config" / "config.yml").read_text(encoding="utf-8")
    values = {
        "motion.min_size": 0.01,
        "people.memory_s": 900.0,
        "events.min_occupied_fraction": 0.3,
    }
    changed = with_values(text, values)
    lines = zip(text.split("\n"), changed.split("\n"), strict=False)
    assert sum(old != new for old, new in lines) == 3
    found = yaml.safe_load(changed)
    assert found["motion"]["min_size"] == 0.01
    assert found["people"]["memory_s"] == 900
    assert found["events"]["min_occupied_fraction"] == 0.3


@pytest.mark.parametrize(
    "text",
    [
        "motion: *where\n",
        "usual: &usual {min_size: 1}\nmotion: *usual\n",
        "motion: [1, 2]\n",
        "motion: {min_size: [1]}\n",
        "- a list\n",
        "just words\n",
    ],
)
def test_what_cannot_be_changed_safely_is_refused(text: str) -> None:
    with pytest.raises((ValueError, yaml.YAMLError)):
        with_values(text, {"motion.min_size": 0.004})

"""The scripted model answers what its file says, and complains about a file without sense."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import ModelError
from app.frames import Box, Detection
from app.people.scripted import ScriptedModel

PICTURE = np.zeros((100, 200, 3), np.uint8)


def scripted(tmp_path: Path, *answers: Any) -> ScriptedModel:
    (tmp_path / "script.json").write_text(json.dumps(answers), encoding="utf-8")
    return ScriptedModel(tmp_path / "script.json")


def test_answers_are_given_in_turn_and_the_last_one_again(tmp_path: Path) -> None:
    cat = {"kind": "cat", "score": 0.7, "box": [0.5, 0.5, 0.25, 0.25]}
    model = scripted(tmp_path, [], [{}, cat])
    person = Detection(Box(0, 0, 200, 100), 0.9, "person")
    both = [person, Detection(Box(100, 50, 50, 25), 0.7, "cat")]
    assert [model.detect(PICTURE) for _ in range(3)] == [[], both, both]
    assert model.asked == 3


def test_a_changed_script_counts_at_once(tmp_path: Path) -> None:
    model = scripted(tmp_path, [])
    assert model.detect(PICTURE) == []
    scripted(tmp_path, [{"kind": "dog"}])
    assert [one.kind for one in model.detect(PICTURE)] == ["dog"]


def test_a_slow_answer_takes_its_time(tmp_path: Path) -> None:
    model = scripted(tmp_path, {"takes_s": 0.2, "finds": [{}]})
    began_s = time.monotonic()
    assert len(model.detect(PICTURE)) == 1
    assert time.monotonic() - began_s >= 0.2


def test_a_failure_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="fails: it burns"):
        scripted(tmp_path, {"fails": "it burns"}).detect(PICTURE)


@pytest.mark.parametrize("content", ["", "nonsense", "{}", "[" * 100_000])
def test_a_script_without_sense_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "script.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"script\.json"):
        ScriptedModel(tmp_path / "script.json")


def test_without_a_file_it_finds_nothing() -> None:
    assert ScriptedModel().detect(PICTURE) == []

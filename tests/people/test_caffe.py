"""The Caffe model reads its graph and weights, and names what is wrong with them."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from app.errors import ModelError
from app.people.base import PERSON
from app.people.caffe import CaffeModel
from tests.people.backends import GRAPH, WEIGHTS, Models
from tests.people.test_contract import CLIP, EMPTY, SOMEBODY, picture_of

BLOB = "7104f06cd6a2655bbb171453adbd89eb6cb564ae"


@pytest.fixture
def weights(models: Models, tmp_path: Path) -> Path:
    for name in (WEIGHTS, GRAPH):
        shutil.copyfile(models.stub_caffemodel().with_name(name), tmp_path / name)
    return tmp_path / WEIGHTS


def test_its_people_have_class_15(weights: Path) -> None:
    found = CaffeModel(weights).detect(np.full((300, 400, 3), 80, np.uint8))
    assert {one.kind for one in found} == {PERSON}
    assert found[0].score > 0.8


def test_a_missing_graph_is_named(weights: Path) -> None:
    weights.with_name(GRAPH).unlink()
    with pytest.raises(ModelError, match=rf"{GRAPH} is not there"):
        CaffeModel(weights)


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.999])
def test_truncated_weights_are_named(weights: Path, share: float) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=f"{WEIGHTS} is not usable"):
        CaffeModel(weights)


@pytest.mark.parametrize("graph", ["nonsense", 'layer { name: "a" type: "Nothing" top: "b" }'])
def test_a_graph_of_another_shape_is_named(weights: Path, graph: str) -> None:
    weights.with_name(GRAPH).write_text(graph, encoding="utf-8")
    with pytest.raises(ModelError, match="is not usable"):
        CaffeModel(weights)


def test_the_real_weights_find_a_real_person(model_files: Path, footage: Path) -> None:
    folders = [model_files, Path(os.environ.get("WHOS_THERE_CAFFE", model_files))]
    real = next((one / WEIGHTS for one in folders if (one / WEIGHTS).is_file()), None)
    if real is None:
        pytest.skip(f"the real {WEIGHTS} is not here")
    said = subprocess.run(["git", "hash-object", real], capture_output=True, text=True, check=True)
    if said.stdout.strip() != BLOB:
        pytest.skip(f"{real} is not the published file")
    model = CaffeModel(real)
    best = model.detect(picture_of(footage / CLIP, SOMEBODY))[0]
    assert best.kind == PERSON
    assert best.score > 0.5
    assert all(one.score < 0.5 for one in model.detect(picture_of(footage / CLIP, EMPTY)))

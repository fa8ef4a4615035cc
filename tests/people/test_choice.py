"""The first model that works is chosen, and what is unusable is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from app.people.base import Backend, ModelRefusal, PeopleSettings
from app.people.choice import SYSTEM_NETWORK, choose, make_model, may_decide, network_files
from tests.people.backends import FASTESTDET, GRAPH, WEIGHTS, YOLOX, Models


def copy(files: Path, folder: Path, *names: str) -> None:
    for name in names:
        shutil.copyfile(files / name, folder / name)


def truncate(file: Path, share: float = 0.5) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def test_auto_takes_the_best_published_model(model_files: Path, tmp_path: Path) -> None:
    copy(model_files, tmp_path, YOLOX, FASTESTDET)
    choice = choose(PeopleSettings(), tmp_path)
    assert choice.model
    assert "YOLOX-nano" in choice.model.detail
    assert "not imx500" in choice.summary
    assert "not hailo" in choice.summary
    assert choice.problem is None


def test_the_named_file_is_taken(model_files: Path, tmp_path: Path) -> None:
    copy(model_files, tmp_path, YOLOX, FASTESTDET)
    model = make_model(PeopleSettings(model=FASTESTDET), tmp_path)
    assert model
    assert "FastestDet" in model.detail


def test_a_named_caffe_model_comes_before_onnx(models: Models, tmp_path: Path) -> None:
    copy(models.stub_caffemodel().parent, tmp_path, WEIGHTS, GRAPH)
    copy(models.files, tmp_path, FASTESTDET)
    model = make_model(PeopleSettings(model=WEIGHTS), tmp_path)
    assert model
    assert model.name == "caffe"


def test_without_files_hog_marks_people_and_nobody_is_alarmed(tmp_path: Path) -> None:
    choice = choose(PeopleSettings(), tmp_path)
    assert choice.model
    assert choice.model.name == "hog"
    assert not choice.model.decides
    assert "not onnx: no .onnx file in" in choice.summary
    assert choice.problem is None


def test_a_truncated_model_is_named_and_the_next_is_used(model_files: Path, tmp_path: Path) -> None:
    copy(model_files, tmp_path, YOLOX, FASTESTDET)
    truncate(tmp_path / YOLOX)
    choice = choose(PeopleSettings(), tmp_path)
    assert choice.model
    assert "FastestDet" in choice.model.detail
    assert f"not onnx: {tmp_path / YOLOX} is not usable" in choice.summary
    assert choice.problem
    assert str(tmp_path / YOLOX) in choice.problem
    assert "FastestDet from FastestDet.onnx" in choice.problem


@pytest.mark.parametrize("name", [YOLOX, "MobileNetSSD_deploy.caffemodel"])
def test_what_a_library_says_is_only_for_the_log(
    model_files: Path, tmp_path: Path, name: str
) -> None:
    copy(model_files, tmp_path, YOLOX, "MobileNetSSD_deploy.prototxt")
    (tmp_path / name).write_bytes((tmp_path / YOLOX).read_bytes()[:20_000])
    choice = choose(PeopleSettings(model=name), tmp_path)
    assert choice.problem
    assert f"{tmp_path / name} is not usable: it is damaged" in choice.problem
    assert "error" not in choice.problem.lower()
    assert "error" in choice.summary.lower()


def test_an_absent_model_that_is_named_is_a_problem(model_files: Path, tmp_path: Path) -> None:
    copy(model_files, tmp_path, FASTESTDET)
    choice = choose(PeopleSettings(model="mine.onnx"), tmp_path)
    assert choice.model
    assert choice.problem
    assert "mine.onnx is not there" in choice.problem


@pytest.mark.parametrize("backend", ["onnx", "caffe", "imx500", "hailo"])
def test_a_backend_that_is_asked_for_and_absent_is_a_problem(
    tmp_path: Path, backend: Backend
) -> None:
    choice = choose(PeopleSettings(backend=backend), tmp_path)
    assert choice.model is None
    assert choice.problem
    assert backend in choice.problem
    assert "every motion is an alert" in choice.problem


def test_a_network_that_the_camera_refuses_is_named(tmp_path: Path) -> None:
    choice = choose(PeopleSettings(), tmp_path, ModelRefusal("ssd.rpk is not there", broken=True))
    assert choice.model
    assert "not imx500: ssd.rpk is not there" in choice.summary
    assert choice.problem
    assert "imx500: ssd.rpk is not there" in choice.problem
    assert "fetch-models" not in choice.problem


def test_networks_are_tried_unless_another_model_is_first(tmp_path: Path) -> None:
    (tmp_path / "own.rpk").touch()
    own, named = tmp_path / "own.rpk", tmp_path / "mine.rpk"
    assert network_files(PeopleSettings(), tmp_path) == (own, SYSTEM_NETWORK)
    assert network_files(PeopleSettings("imx500"), tmp_path) == (own, SYSTEM_NETWORK)
    assert network_files(PeopleSettings(model="mine.rpk"), tmp_path)[0] == named
    for other in (PeopleSettings("none"), PeopleSettings("onnx"), PeopleSettings(model="x.onnx")):
        assert network_files(other, tmp_path) == ()


def test_none_is_no_problem(tmp_path: Path) -> None:
    choice = choose(PeopleSettings(backend="none"), tmp_path)
    assert (choice.model, choice.problem) == (None, None)
    assert choice.summary == "person model: none"


def test_a_script_is_chosen_by_its_name_only(tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text("[]", encoding="utf-8")
    settings = PeopleSettings(backend="scripted", model="script.json")
    model = make_model(settings, tmp_path)
    assert model
    assert model.name == "scripted"
    chosen = make_model(PeopleSettings(), tmp_path)
    assert chosen
    assert chosen.name == "hog"


def test_it_is_known_without_loading_whether_a_model_may_decide(tmp_path: Path) -> None:
    assert not may_decide(PeopleSettings("none"), tmp_path)
    assert not may_decide(PeopleSettings("hog"), tmp_path)
    assert not may_decide(PeopleSettings(), tmp_path)
    assert may_decide(PeopleSettings(model="elsewhere.onnx"), tmp_path)
    assert may_decide(PeopleSettings("onnx"), tmp_path)
    (tmp_path / "yolox_nano.onnx").touch()
    assert may_decide(PeopleSettings(), tmp_path)


def test_a_low_threshold_of_the_settings_is_kept_by_the_model(
    model_files: Path, tmp_path: Path
) -> None:
    copy(model_files, tmp_path, FASTESTDET)
    low, high, own = (
        make_model(PeopleSettings(threshold=threshold), tmp_path) for threshold in (0.1, 0.9, None)
    )
    assert low and high and own
    grey = np.full((240, 240, 3), 114, np.uint8)
    assert (low.least, high.least, own.least) == (0.05, 0.3, 0.3)
    assert len(low.detect(grey)) > len(own.detect(grey))

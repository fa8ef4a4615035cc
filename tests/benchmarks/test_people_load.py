"""`bench --people` measures every model that is there, and names one that is unusable."""

import json
import shutil
from pathlib import Path

from tests.evaluation.videos import run
from tests.people.backends import FASTESTDET, RUNTIMES


def test_it_measures_time_and_memory_of_every_model(model_files: Path, tmp_path: Path) -> None:
    shutil.copyfile(model_files / FASTESTDET, tmp_path / FASTESTDET)
    done = run("bench", "--people", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    figures = json.loads(done.stdout)
    names = [f"onnx: FastestDet from {FASTESTDET}, run by {runtime}" for runtime in RUNTIMES]
    measured = figures["models"]
    assert [one["model"] for one in measured] == [*names, "hog: OpenCV's people detector"]
    for one in measured:
        assert one["crop_ms"] > 0
        assert 0 < one["memory_mb"] <= one["peak_mb"]


def test_an_unusable_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"nonsense")
    done = run("bench", "--people", tmp_path)
    assert done.exit_code == 1
    assert "odd.onnx is not usable" in done.stderr

"""Every person model that runs here, for the tests of the contract."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from app.people.base import PersonModel
from app.people.caffe import CaffeModel
from app.people.hailo import HailoModel
from app.people.hog import HogModel
from app.people.onnx import OnnxModel, runtimes
from app.people.scripted import ScriptedModel
from tests.cameras.pi_packages import pi_packages

YOLOX, FASTESTDET = "yolox_nano.onnx", "FastestDet.onnx"
GRAPH = "MobileNetSSD_deploy.prototxt"
WEIGHTS = "MobileNetSSD_deploy.caffemodel"
RUNTIMES = runtimes()
#: The models that recognise people, as far as their files are always there.
FINDING = [f"{name} {runtime}" for name in (YOLOX, FASTESTDET) for runtime in RUNTIMES]
KINDS = [*FINDING, "caffe", "hailo", "hog", "scripted"]


@dataclass(frozen=True, slots=True)
class Models:
    """Makes the models of `KINDS` from the published files in *files*, or in *folder*."""

    files: Path
    folder: Path

    def make(self, kind: str) -> PersonModel:
        if kind == "hog":
            return HogModel()
        if kind == "scripted":
            return ScriptedModel(self._script())
        if kind == "hailo":
            hef = self.folder / "yolo.hef"
            hef.write_bytes(b"\x01HEF\n640 640 3 80")
            with pi_packages():
                return HailoModel(hef)
        if kind == "caffe":
            return CaffeModel(self.stub_caffemodel())
        name, runtime = kind.split()
        return OnnxModel(self.files / name, next(one for one in RUNTIMES if one == runtime))

    def stub_caffemodel(self) -> Path:
        """Return a MobileNet-SSD with made-up weights, which finds people everywhere."""
        weights, graph = self.folder / WEIGHTS, self.folder / GRAPH
        if not weights.is_file():
            shutil.copyfile(self.files / GRAPH, graph)
            maker = self.files / "make_stub_caffemodel.py"
            subprocess.run([sys.executable, maker, graph, weights, "5"], check=True)
        return weights

    def _script(self) -> Path:
        script = self.folder / "script.json"
        found = [
            {"kind": "cat", "score": 0.7, "box": [0.5, 0.5, 0.2, 0.2]},
            {"score": 0.8, "box": [0.9, -0.1, 3, 3]},
        ]
        script.write_text(json.dumps([found]), encoding="utf-8")
        return script

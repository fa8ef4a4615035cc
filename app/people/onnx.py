"""YOLOX-nano and FastestDet from ONNX files, run by onnxruntime or by OpenCV.

The heads are written after https://github.com/Megvii-BaseDetection/YOLOX and
https://github.com/dog-qiuqiu/FastestDet.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from app.errors import ModelError
from app.frames import Detection, Image
from app.people.base import PersonModel
from app.people.classes import COCO
from app.people.files import read_model
from app.people.library import give_back_memory, silent_opencv
from app.people.pictures import Candidates, Numbers, detections, in_colour, pairs

RuntimeName = Literal["onnxruntime", "opencv"]
_CLASSES = 80
#: Why a file is not usable.
_DAMAGED = "it is damaged, or no ONNX model"
_OTHER = "it is another model than YOLOX-nano and FastestDet"
#: The level of the rim around a picture that is not a square.
_GREY = 114


class Runtime(ABC):
    """Calculates what a network makes of its input. One call at a time."""

    name: str
    #: The errors that it raises.
    errors: tuple[type[Exception], ...]

    @abstractmethod
    def run(self, given: Numbers) -> Numbers:
        """Return the only output of the network for *given*, (1, BGR, rows, columns)."""


class OpenCvRuntime(Runtime):
    """OpenCV's own module for networks, which is always installed."""

    name = "opencv"
    errors = (cv2.error,)

    def __init__(self, content: bytes) -> None:
        try:
            with silent_opencv():
                self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        except cv2.error as error:
            raise ModelError(_DAMAGED, _first_line(error)) from None
        # Both keep a second copy of the weights: 8 MB for YOLOX-nano, which is no faster by them.
        self._net.enableWinograd(False)
        self._net.enableFusion(False)

    def run(self, given: Numbers) -> Numbers:
        self._net.setInput(given)
        del given  # the network has its own copy: 2 MB for YOLOX-nano
        return np.asarray(self._net.forward(), np.float32)


class OnnxRuntime(Runtime):
    """The extra package onnxruntime, on one thread: less than half the time of OpenCV."""

    name = "onnxruntime"

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        self.errors = _errors_of_onnxruntime()
        _share_lean_arena()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except self.errors as error:
            raise ModelError(_DAMAGED, _first_line(error)) from None
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ModelError(_OTHER, f"it has {len(inputs)} inputs instead of one")
        self._input = inputs[0].name

    def run(self, given: Numbers) -> Numbers:
        return np.asarray(self._session.run(None, {self._input: given})[0], np.float32)


class Head(ABC):
    """The input and the output of one family of models."""

    #: The name for the owner.
    title: str
    #: Rows and columns of the input.
    side: int
    #: The shape of the output.
    shape: tuple[int, ...]
    threshold: float

    @abstractmethod
    def put_in(self, picture: Image, given: Numbers) -> None:
        """Write *picture* into *given*, (1, BGR, rows, columns), which is grey."""

    @abstractmethod
    def take_out(self, output: Numbers, picture: Image, least: float) -> Candidates:
        """Return what *output* has found in *picture* with scores of at least *least*."""


class YoloxHead(Head):
    """The head of YOLOX at 416 pixels."""

    title = "YOLOX-nano"
    side = 416
    shape = (1, 3549, 5 + _CLASSES)
    threshold = 0.5

    def __init__(self) -> None:
        grids, strides = [], []
        for stride in (8, 16, 32):
            cells = self.side // stride
            rows, columns = np.mgrid[:cells, :cells]
            grids.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
            strides.append(np.full((cells * cells, 1), stride))
        self._grid = np.concatenate(grids).astype(np.float32)
        self._stride = np.concatenate(strides).astype(np.float32)

    def put_in(self, picture: Image, given: Numbers) -> None:
        scale = self._scale(picture)
        columns, rows = (max(round(n * scale), 1) for n in picture.shape[1::-1])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        resized = cv2.resize(picture, (columns, rows), interpolation=way)
        given[0, :, :rows, :columns] = resized.transpose(2, 0, 1)

    def take_out(self, output: Numbers, picture: Image, least: float) -> Candidates:
        rows = output[0]
        hopeful = np.flatnonzero(rows[:, 4] >= least)  # a score is never above its objectness
        scores = rows[hopeful, 4:5] * rows[hopeful, 5:]
        places, classes = pairs(scores, COCO, least)
        chosen = hopeful[places]
        centres = (rows[chosen, :2] + self._grid[chosen]) * self._stride[chosen]
        halves = np.exp(np.minimum(rows[chosen, 2:4], 20)) * self._stride[chosen] / 2
        corners = np.concatenate([centres - halves, centres + halves], axis=1)
        return Candidates(corners / self._scale(picture), scores[places, classes], classes)

    def _scale(self, picture: Image) -> float:
        return self.side / float(max(picture.shape[:2]))


class FastestDetHead(Head):
    """The head of FastestDet at 352 pixels."""

    title = "FastestDet"
    side = 352
    _cells = 22
    shape = (1, 5 + _CLASSES, _cells, _cells)
    threshold = 0.6

    def put_in(self, picture: Image, given: Numbers) -> None:
        small = max(picture.shape[:2]) < self.side
        way = cv2.INTER_LINEAR if small else cv2.INTER_AREA
        resized = cv2.resize(picture, (self.side, self.side), interpolation=way)
        np.multiply(resized.transpose(2, 0, 1), np.float32(1 / 255), out=given[0])

    def take_out(self, output: Numbers, picture: Image, least: float) -> Candidates:
        rows = output[0].reshape(5 + _CLASSES, -1).T
        sure = np.clip(rows[:, :1], 0, None) ** 0.6 * np.clip(rows[:, 5:], 0, None) ** 0.4
        places, classes = pairs(sure, COCO, least)
        cells = np.stack([places % self._cells, places // self._cells], axis=1)
        centres = (cells + np.tanh(rows[places, 1:3])) / self._cells
        halves = 0.5 / (1 + np.exp(-np.clip(rows[places, 3:5], -50, 50)))
        size = np.array(picture.shape[1::-1] * 2, np.float32)
        corners = np.concatenate([centres - halves, centres + halves], axis=1) * size
        return Candidates(corners, sure[places, classes], classes)


#: The largest first, so that its model is not tried with other sizes, which would cost memory.
HEADS: tuple[type[Head], ...] = (YoloxHead, FastestDetHead)


class OnnxModel(PersonModel):
    """A model in an ONNX file, whose head is recognised by the shape of its output."""

    name = "onnx"

    def __init__(self, file: Path, runtime: RuntimeName | None = None) -> None:
        """Load *file*; a `ModelError` when it is absent, truncated or of another shape.

        *runtime* is onnxruntime where that is installed and takes the file, else OpenCV.
        """
        self._file = file
        self._runtime, self._head = _load(file, [runtime] if runtime else runtimes())
        self.threshold = self._head.threshold
        self.detail = f"{self._head.title} from {file.name}, run by {self._runtime.name}"
        self._one_at_a_time = threading.Lock()

    def detect(self, picture: Image) -> list[Detection]:
        picture = in_colour(picture)
        if not picture.size:
            return []
        try:
            with self._one_at_a_time:
                output = self._runtime.run(self._input(picture))
        except self._runtime.errors as error:
            raise ModelError(f"{self._file} fails in use", str(error)) from None
        found = self._head.take_out(output, picture, self.least)
        return detections(found, COCO, picture)

    def _input(self, picture: Image) -> Numbers:
        given = _grey_input(self._head.side)
        self._head.put_in(picture, given)
        return given


def runtimes() -> list[RuntimeName]:
    """Return the runtimes that are installed, the fastest first."""
    return ["onnxruntime", "opencv"] if find_spec("onnxruntime") else ["opencv"]


def _load(file: Path, names: Sequence[RuntimeName]) -> tuple[Runtime, Head]:
    """Return the first runtime that takes *file*, and the head that fits it."""
    content, details, why = read_model(file), [], ""
    for name in names:
        try:
            runtime = _make(name, content)
            with silent_opencv():
                head = _fitting(runtime)
            give_back_memory()
            return runtime, head
        except ModelError as error:
            why = str(error)
            details.append(f"{name}: {error.details or why}")
    raise ModelError(f"{file} is not usable: {why}", "; ".join(details))


def _make(name: RuntimeName, content: bytes) -> Runtime:
    try:
        return OpenCvRuntime(content) if name == "opencv" else OnnxRuntime(content)
    except ImportError as error:
        raise ModelError(f"{name} cannot be loaded", _first_line(error)) from None


@cache
def _share_lean_arena() -> None:
    """Make the arena of every session grow by as much as is asked for.

    By itself it grows to the next power of two. Without an arena each layer gets its memory from
    the system: that saves no memory, and takes a third more time.
    """
    import onnxruntime

    memory = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    as_requested, first_bytes = 1, 1 << 20
    growth = onnxruntime.OrtArenaCfg(0, as_requested, first_bytes, -1)
    onnxruntime.create_and_register_allocator(memory, growth)


def _errors_of_onnxruntime() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    every: list[Any] = list(vars(state).values())
    found = (one for one in every if isinstance(one, type) and issubclass(one, Exception))
    return (*found, ValueError)  # a UnicodeDecodeError when a name in the file is no text


def _fitting(runtime: Runtime) -> Head:
    """Return the head whose output *runtime* gives for a grey picture of the head's size."""
    shapes = []
    for head in HEADS:
        try:
            output = runtime.run(_grey_input(head.side))
        except runtime.errors:
            continue
        if output.shape == head.shape and np.isfinite(output).all():
            return head()
        shapes.append("x".join(map(str, output.shape)))
    raise ModelError(_OTHER, f"its output has another shape: {' or '.join(shapes) or 'none'}")


def _grey_input(side: int) -> Numbers:
    return np.full((1, 3, side, side), _GREY, np.float32)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]

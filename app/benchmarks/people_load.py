"""`bench --people`: measures the CPU time of a crop, and the memory, for every person model here.

Each model runs on one thread in a process of its own, which is forked from this one as the security
system forks it. The least time of some crops counts, since other work of this machine only adds to
it.
"""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.errors import ModelError
from app.frames import Image
from app.people.base import PersonModel
from app.people.caffe import CaffeModel
from app.people.files import model_files
from app.people.hog import HogModel
from app.people.onnx import OnnxModel, runtimes

CROPS = 12
_CROP_PX = 240


class Load(NamedTuple):
    """The costs of a model; its memory is what it adds to that of a process without it.

    *peak_mb* is the most at any time, with the pages of a library that no other process uses.
    """

    model: str
    crop_ms: float
    load_ms: float
    memory_mb: float
    peak_mb: float


def measure_people(folder: Path, crops: int = CROPS) -> dict[str, Any]:
    """Return the costs of every model whose file is in *folder*, and of hog."""
    crop = _crop()
    return {
        "crops": crops,
        "models": [_in_a_child(make, crop, crops)._asdict() for make in _makers(folder)],
    }


def people_table(figures: dict[str, Any]) -> str:
    """Return *figures* as a table for people."""
    rows = [
        f"Person models, one thread, a crop of {_CROP_PX}x{_CROP_PX}, least of "
        f"{figures['crops']} crops",
        f"  {'':62} {'CPU ms':>8} {'load ms':>8} {'MB':>6} {'peak MB':>8}",
    ]
    for one in figures["models"]:
        rows.append(
            f"  {one['model']:62} {one['crop_ms']:8.1f} {one['load_ms']:8.0f} "
            f"{one['memory_mb']:6.1f} {one['peak_mb']:8.1f}"
        )
    return "\n".join(rows)


def _makers(folder: Path) -> Iterator[Callable[[], PersonModel]]:
    for file in model_files(folder, ".onnx", None):
        yield from (partial(OnnxModel, file, runtime) for runtime in runtimes())
    yield from (partial(CaffeModel, file) for file in model_files(folder, ".caffemodel", None))
    yield HogModel


def _crop() -> Image:
    """Return a part of the drawn room."""
    camera = make_camera("bench", CameraSettings(source="demo"), SystemClock(), pace="fast")
    with closing(camera):
        camera.open()
        picture = camera.read().bgr()
    return np.ascontiguousarray(picture[:_CROP_PX, :_CROP_PX])


def _in_a_child(make: Callable[[], PersonModel], crop: Image, crops: int) -> Load:
    """Return the costs of the model from *make*; a `ModelError` when it is unusable."""
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(make, crop, crops, its))
    child.start()
    its.close()
    try:
        said = json.loads(mine.recv_bytes())
    except EOFError:
        raise ModelError("the process of a person model ended without figures") from None
    finally:
        child.join()
    if isinstance(said, str):
        raise ModelError(said)
    return Load(*said)


def _run(make: Callable[[], PersonModel], crop: Image, crops: int, answer: Connection) -> None:
    cv2.setNumThreads(1)
    began_s = time.perf_counter()
    try:
        model = make()
    except ModelError as error:
        answer.send_bytes(json.dumps(str(error)).encode())
        return
    load_ms = (time.perf_counter() - began_s) * 1e3
    costs_s = []
    for _ in range(crops):
        began_s = time.process_time()
        model.detect(crop)
        costs_s.append(time.process_time() - began_s)
    after, peak_kb = _rollup(), _status_kb("VmHWM")
    own_kb = after["Private_Dirty"] + after["Private_Clean"]
    load = Load(
        f"{model.name}: {model.detail}",
        round(min(costs_s) * 1e3, 2),
        round(load_ms, 1),
        round(own_kb / 1e3, 1),
        round((own_kb + max(peak_kb - after["Rss"], 0)) / 1e3, 1),
    )
    answer.send_bytes(json.dumps(load).encode())


def _rollup() -> dict[str, int]:
    """Return the kB of this process by kind."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

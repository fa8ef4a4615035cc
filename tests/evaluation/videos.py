"""Short videos made on the spot, and the commands run over them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from app.__main__ import main
from tests.conftest import REPO

FPS = 10
_SIZE = (160, 120)


def video_of_a_visit(path: Path, before: int = 30, during: int = 30, after: int = 0) -> Path:
    """A grey room, 160x120, in which a bright block moves from left to right for *during* frames.

    Nothing moves in the frames *before* and *after*.
    """
    pictures = np.full((before + during + after, 120, 160, 3), 90, np.uint8)
    for number in range(during):
        left = 4 * number % 120
        pictures[before + number, 20:110, left : left + 40] = 220
    return _write(path, pictures, {"crf": "12"})


def video_of_light(path: Path, *spans: tuple[float, int]) -> Path:
    """A fridge with a can in it, 160x120, with noise.

    Each of *spans* (seconds, grey level) has that light, in video levels.
    """
    rng = np.random.default_rng(5)
    levels = [level for seconds, level in spans for _ in range(round(seconds * FPS))]

    def picture(level: int) -> NDArray[np.uint8]:
        drawn = np.full((120, 160, 3), level, np.float64)
        drawn[40:100, 60:90] *= 1.5
        return np.clip(drawn + rng.normal(0, 2, drawn.shape), 0, 255).astype(np.uint8)

    return _write(path, map(picture, levels), {"crf": "20", "preset": "ultrafast"})


def _write(path: Path, pictures: Iterable[NDArray[np.uint8]], options: dict[str, str]) -> Path:
    with av.open(str(path), "w") as written:
        stream = written.add_stream("libx264", rate=FPS, options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for picture in pictures:
            written.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        written.mux(stream.encode())
    return path


def config_folder(path: Path, text: str = "") -> Path:
    """A configuration with *text* in the folder *path*."""
    path.mkdir(exist_ok=True)
    (path / "config.yml").write_text(text)
    return path


def run(verb: str, *arguments: str | Path, config: Path | None = None) -> Result:
    """Run `python -m app VERB ARGUMENTS` in this process, which takes less time than another."""
    environment = {"WHOS_THERE_CONFIG": str(config)} if config else {}
    return CliRunner().invoke(main, [verb, *map(str, arguments)], env=environment)


def run_as_process(
    verb: str, *arguments: str | Path, config: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python -m app VERB ARGUMENTS` as a person would."""
    environment = {**os.environ, **({"WHOS_THERE_CONFIG": str(config)} if config else {})}
    command = [sys.executable, "-m", "app", verb, *map(str, arguments)]
    return subprocess.run(
        command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def lines(output: str) -> list[dict[str, Any]]:
    """The JSON objects in *output*, one a line."""
    return [json.loads(line) for line in output.splitlines()]

"""Short films made on the spot, and the real command over them."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.conftest import REPO

FPS = 10


def video_of_a_visit(path: Path, before: int = 30, during: int = 30, after: int = 0) -> Path:
    """A grey room, 160x120, in which a bright block wanders from left to right for some frames,
    *before* and *after* which all is still.
    """
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=FPS, options={"crf": "12", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = (
            160,
            120,
            "yuv420p",
            Fraction(1, FPS),
        )
        for number in range(before + during + after):
            picture = np.full((120, 160, 3), 90, np.uint8)
            if before <= number < before + during:
                left = 4 * (number - before) % 120
                picture[20:110, left : left + 40] = 220
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        film.mux(stream.encode())
    return path


def video_of_light(path: Path, *spans: tuple[float, int]) -> Path:
    """A fridge with a can in it, 160x120, that has for each of *spans* (seconds, grey level) that
    light, in video levels, with noise.
    """
    rng = np.random.default_rng(5)
    with av.open(str(path), "w") as film:
        stream = film.add_stream(
            "libx264", rate=FPS, options={"crf": "20", "preset": "ultrafast", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt, stream.time_base = (
            160,
            120,
            "yuv420p",
            Fraction(1, FPS),
        )
        for level in [level for seconds, level in spans for _ in range(round(seconds * FPS))]:
            picture = np.full((120, 160, 3), level, np.float64)
            picture[40:100, 60:90] *= 1.5
            noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="bgr24")))
        film.mux(stream.encode())
    return path


def config_folder(path: Path, text: str = "") -> Path:
    """A configuration of its own, *text*, in the folder *path*."""
    path.mkdir(exist_ok=True)
    (path / "config.yml").write_text(text)
    return path


def run(
    verb: str, *arguments: str | Path, config: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`python -m app VERB ARGUMENTS`, as somebody would type it."""
    environment = {**os.environ, **({"WHOS_THERE_CONFIG": str(config)} if config else {})}
    command = [sys.executable, "-m", "app", verb, *map(str, arguments)]
    return subprocess.run(
        command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def lines(output: str) -> list[dict[str, Any]]:
    """The JSON objects in *output*."""
    return [json.loads(line) for line in output.splitlines()]

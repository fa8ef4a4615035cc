"""Frames of a scene, drawn as they are needed or kept as H.264."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from app.cameras import fast_frames
from app.cameras.base import CameraSettings
from app.evaluation.yardstick.footage import FPS, HEIGHT, WIDTH
from app.evaluation.yardstick.staging import SETTLE_S, Disturbance, Labels
from app.files import put_in_place, write_atomic
from app.frames import Frame, Image

#: The difference between white and black in the luma of a video.
_VIDEO_SPAN = 219
_LABELS = "scenes.json"


def frames_of(pictures: Iterable[Image]) -> Iterator[Frame]:
    """Yield *pictures*, (rows, columns, BGR) uint8, as frames with the luma that a video has."""
    began_at = datetime(2026, 1, 1, tzinfo=UTC)
    for number, picture in enumerate(pictures):
        planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        luma = np.ascontiguousarray(planes[:HEIGHT], np.uint8)
        at_s = number / FPS
        taken_at = began_at + timedelta(seconds=at_s)
        yield Frame(luma, at_s, taken_at, number, partial(np.asarray, picture), _VIDEO_SPAN)


def encode(path: Path, pictures: Iterable[Image], bitrate: int | None = None) -> None:
    """Write *pictures* to *path* as H.264, in good quality or starved to *bitrate*."""
    unfinished = path.with_name(f".{path.name}.part")
    options = {"preset": "veryfast", "threads": "1"}
    if bitrate is None:
        options["crf"] = "20"
    with av.open(str(unfinished), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt, stream.gop_size = "yuv420p", 2 * FPS
        if bitrate:
            stream.bit_rate = bitrate
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    put_in_place(unfinished, path)


def read_frames(path: Path) -> Iterator[Frame]:
    """Return the frames of the video *path*."""
    return fast_frames("yardstick", CameraSettings(source=str(path), fps=FPS))


def in_grey(frame: Frame, luma: Image) -> Frame:
    """Return *frame* with other *luma*, and without its colour."""

    def grey() -> Image:
        return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR), np.uint8)

    return replace(frame, luma=luma, make_bgr=grey)


def read_labels(folder: Path) -> dict[str, Labels]:
    """Return the labels of the scenes that are kept in *folder*, by name."""
    path = folder / _LABELS
    if not path.is_file():
        return {}
    return {one["name"]: _labels(one) for one in json.loads(path.read_text(encoding="utf-8"))}


def write_labels(folder: Path, labels: Iterable[Labels]) -> None:
    """Write *labels* for the scenes that are kept in *folder*."""
    text = json.dumps([asdict(one) for one in labels], indent=1)
    write_atomic(folder / _LABELS, text.encode())


def _labels(fields: dict[str, Any]) -> Labels:
    return Labels(
        fields["name"],
        fields["seconds"],
        tuple((entry_s, exit_s) for entry_s, exit_s in fields["presence"]),
        tuple(Disturbance(**one) for one in fields["disturbances"]),
        fields.get("settle_s", SETTLE_S),
    )

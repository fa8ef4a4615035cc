"""Looking at clips as a player does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from app.frames import Image


@dataclass(frozen=True)
class Shown:
    """A picture that a player shows: when, and (rows, columns) uint8, upright."""

    at_s: float
    grey: Image


def shown(clip: Path) -> list[Shown]:
    """Every picture that a player shows of *clip*, in order."""
    return list(_shown(clip))


def _shown(clip: Path) -> Iterator[Shown]:
    with av.open(str(clip)) as opened:
        for picture in opened.decode(video=0):
            grey = cv2.cvtColor(picture.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY)
            upright = grey[::-1, ::-1] if abs(picture.rotation) == 180 else grey
            yield Shown(float(picture.time or 0), np.asarray(upright, np.uint8))


def lasts_s(clip: Path) -> float:
    """How long a player says *clip* is."""
    with av.open(str(clip)) as opened:
        return (opened.duration or 0) / av.time_base


def is_for_browsers(clip: Path) -> bool:
    """Whether *clip* keeps what browsers, phones and Slack ask for: H.264 in avc1, 4:2:0, and the index before the pictures."""
    with av.open(str(clip)) as opened:
        stream = opened.streams.video[0]
        fit = (stream.codec_context.name, stream.codec_context.codec_tag) == ("h264", "avc1")
        pixels = stream.codec_context.pix_fmt
    whole = clip.read_bytes()
    return fit and pixels in ("yuv420p", "yuvj420p") and 0 < whole.index(b"moov") < whole.index(b"mdat")


def nearest(grey: Image, film: list[Image]) -> int:
    """The number of the picture in *film* that *grey* looks like most."""
    return int(np.argmin([np.abs(grey.astype(np.int16) - one).mean() for one in film]))

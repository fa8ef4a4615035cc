"""A camera tried for a few seconds: what it gives, how fast, and how good its pictures are."""

import math
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.cameras.base import Camera
from app.clock import Clock
from app.errors import CameraEnded
from app.frames import Frame, Image, VideoFormat

#: Noise and sharpness are measured in squares of so many pixels.
_BLOCK_PX = 16
#: Sharpness is measured in this share of the squares, those with the strongest edges.
_EDGES = 0.05
#: Wider edges are lost in the noise.
WIDEST_PX = 20.0
#: The variance that rounding to whole levels adds.
_ROUNDING = 1 / 12
_SLOPE = np.array([[-0.5, 0.0, 0.5]], np.float32)
#: By how much the filters multiply the variance of noise: 4² + 4 · 1² and 2 · (2 · 0.5²).
_LAPLACE_GAIN, _SLOPE_GAIN = 20.0, 1.0

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class CameraTrial:
    """The result of reading a camera for *seconds* seconds.

    It gave so many *frames*, of which so many were *damaged*. *size* is (width, height) in pixels.
    *encoded* is the format of its compressed pictures, None without any. *sensor* is the camera's
    name for its sensor, and *focus* that of its lens in words, "" where it has none. *brightness*
    is the mean, 0 for black to 1 for white; *white* is the share of pixels that are white. *noise*
    is the standard deviation of a pixel in levels of 255. *edge_px* is the width of the sharpest
    edges in pixels. *frozen* says that all pictures are the same. *picture* is the last one, (rows,
    columns, BGR) uint8.
    """

    seconds: float
    frames: int
    damaged: int
    size: tuple[int, int]
    encoded: VideoFormat | None
    sensor: str
    focus: str
    brightness: float
    white: float
    noise: float
    edge_px: float
    frozen: bool
    picture: Image

    @property
    def frames_per_s(self) -> float:
        """The rate that was reached."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def is_blurred(self) -> bool:
        """Return whether even the sharpest edges are wide, as without focus."""
        return self.edge_px > max(2.5, self.size[0] / 260)


def try_camera(camera: Camera, clock: Clock, seconds: float) -> CameraTrial:
    """Open *camera*, read it for *seconds* or to its end, and close it.

    Raises the camera's `CameraError`.
    """
    formats: list[VideoFormat] = []
    camera.sink = lambda packet: None if formats else formats.append(packet.video_format)
    with closing(camera):
        camera.open()
        frames = [camera.read()]
        count, damaged, frozen = 0, 0, True
        began_s = clock.monotonic()
        while clock.monotonic() - began_s < seconds:
            try:
                frames = [frames[-1], camera.read()]
            except CameraEnded:
                break
            count += 1
            damaged += frames[-1].damaged
            frozen = frozen and np.array_equal(frames[0].luma, frames[-1].luma)
        seconds = clock.monotonic() - began_s
        last = frames[-1]
        noise = noise_levels(frames[0].luma, last.luma)
        return CameraTrial(
            seconds,
            count,
            damaged,
            (last.luma.shape[1], last.luma.shape[0]),
            formats[0] if formats else None,
            camera.sensor,
            camera.focus,
            *_light(last),
            noise=noise * 255 / last.luma_span,
            edge_px=edge_width_px(last.luma, noise),
            frozen=frozen and count > 1,
            picture=last.bgr(),
        )


def _light(frame: Frame) -> tuple[float, float]:
    """Return the brightness of *frame*, and its share of white pixels."""
    black = 0 if frame.luma_span == 255 else 16
    brightness = (frame.luma.mean() - black) / frame.luma_span
    white = frame.luma >= black + frame.luma_span - 2
    return float(np.clip(brightness, 0, 1)), float(white.mean())


def noise_levels(one: Image, other: Image) -> float:
    """Return the standard deviation of the noise in two pictures of luma that follow each other.

    It is that of the usual square of the picture, so what moves elsewhere does not count.
    """
    difference = one.astype(np.float32) - other
    variance = _blocks(np.square(difference)) - np.square(_blocks(difference))
    return math.sqrt(max(float(np.median(variance)) / 2, 0.0))


def edge_width_px(luma: Image, noise: float) -> float:
    """Return how wide the sharpest edges of *luma* are, in pixels, at most `WIDEST_PX`.

    In a sharp picture that is about 1, and in one without any edge `WIDEST_PX`.

    An edge that is blurred to the width s has second derivatives 1/s times its first ones, however
    strong it is. So the width is the root of the ratio of their energies. That of *noise*, in
    levels, is taken off.
    """
    picture = luma.astype(np.float32)
    curves = _blocks(np.square(cv2.Laplacian(picture, cv2.CV_32F)))
    across, down = (cv2.filter2D(picture, cv2.CV_32F, one) for one in (_SLOPE, _SLOPE.T))
    slopes = _blocks(np.square(across) + np.square(down))
    variance = noise**2 + _ROUNDING
    strongest = np.argsort(slopes)[-max(round(len(slopes) * _EDGES), 1) :]
    curve = float(curves[strongest].mean()) - _LAPLACE_GAIN * variance
    slope = float(slopes[strongest].mean()) - _SLOPE_GAIN * variance
    if curve * WIDEST_PX**2 <= max(slope, 0.0):
        return WIDEST_PX
    return math.sqrt(max(slope, 0.0) / curve)


def _blocks(values: Floats) -> NDArray[np.float64]:
    """Return the mean of *values*, (rows, columns), in each whole square."""
    rows, columns = (side // _BLOCK_PX for side in values.shape)
    if not rows or not columns:
        return np.array([values.mean()], np.float64)
    whole = values[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    squares = whole.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    return np.asarray(squares.mean(axis=(1, 3)).ravel(), np.float64)

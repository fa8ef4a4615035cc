"""Reads training samples, whose content is not trusted: no path in one is used.

One sample is in memory at a time, with its pictures compressed until each is needed.
"""

import json
import math
import re
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

import cv2
import numpy as np
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from app.frames import Box, Image
from app.protocol import EVENT_ID
from app.recording.samples import sample_key

#: The largest sample, the largest file in one, and the most files, that are read. A thousand
#: frames of 4 megapixels stay below.
LARGEST_SAMPLE, _LARGEST_FILE, _MOST_FILES = 2**29, 2**24, 1100
#: The most pixels of a picture.
_MOST_PIXELS = 2**25
_FRAME = re.compile(r"\d{2,4}\.jpg")
#: The marks of a JPEG that say how large it is.
_SIZE_MARKS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


class SampleError(ValueError):
    """A sample that is damaged, or not as the suite writes it."""


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """A frame of a sample as JPEG, taken *at*."""

    jpeg: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """A training sample: *frames*, oldest first, of which the last is the moment itself.

    *motion* is the verdict on the moment, and *boxes* are around what differed from the background.
    *background* is the learned one, (rows, columns) uint8, or None. *settings* are those by which
    the moment was judged, as plain values.
    """

    id: str
    kind: str
    motion: bool
    frames: tuple[SampleFrame, ...]
    boxes: tuple[Box, ...]
    background: "Image | None"
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _FrameEntry:
    file: str
    at: AwareDatetime


@dataclass(frozen=True, slots=True)
class _Contour:
    box: tuple[int, int, int, int]
    area_px: float


@dataclass(frozen=True, slots=True)
class _Classification:
    motion: bool
    boxes: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Description:
    """The JSON of a sample."""

    id: str
    kind: str
    at: AwareDatetime
    frames: tuple[_FrameEntry, ...]
    classification: _Classification
    contours: tuple[_Contour, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


_description = TypeAdapter(_Description)


def read_sample(file: IO[bytes], event: str) -> Sample:
    """Return the sample in *file*, which must be of *event*.

    Raises `SampleError` with the reason when it is damaged.
    """
    parts = _parts(file, event)
    described = _described(parts, event)
    frames = [
        SampleFrame(_picture(parts, one.file), one.at)
        for one in described.frames
        if _FRAME.fullmatch(one.file)
    ]
    frames.append(SampleFrame(_picture(parts, "frame.jpg"), described.at))
    judged = described.classification
    found = [Box(*one) for one in judged.boxes] + [Box(*one.box) for one in described.contours]
    return Sample(
        described.id,
        described.kind,
        judged.motion,
        tuple(frames),
        tuple(dict.fromkeys(found)),
        _background(parts),
        described.settings,
    )


def decoded(jpeg: bytes) -> Image:
    """Return the picture in *jpeg*, (rows, columns, BGR) uint8; `SampleError` when damaged."""
    return _decoded(jpeg, cv2.IMREAD_COLOR)


def decoded_luma(jpeg: bytes) -> Image:
    """Return the luma in *jpeg*, (rows, columns) uint8, 0 to 255; `SampleError` when damaged."""
    return _decoded(jpeg, cv2.IMREAD_GRAYSCALE)


def _decoded(jpeg: bytes, form: int) -> Image:
    if not 0 < _jpeg_pixels(jpeg) <= _MOST_PIXELS:
        raise SampleError("a picture in it is damaged, or far too large")
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), form)
    if picture is None:
        raise SampleError("a picture in it is damaged")
    return np.asarray(picture, np.uint8)


def _parts(file: IO[bytes], event: str) -> dict[str, bytes]:
    """Return the files in the tar, by the end of each name, which is all that is used of it."""
    if not EVENT_ID.fullmatch(event):
        raise SampleError("it has no event's id")
    beginning = f"{sample_key(event)}."
    parts: dict[str, bytes] = {}
    try:
        # "r:" takes no compressed tar, which could become far larger than its file.
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if not member.isreg() or not member.name.startswith(beginning):
                    raise SampleError(f"it holds something else: {member.name[:80]!r}")
                if member.size > _LARGEST_FILE or len(parts) >= _MOST_FILES:
                    raise SampleError("it holds too much")
                content = tar.extractfile(member)
                parts[member.name.removeprefix(beginning)] = content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        if isinstance(error, SampleError):
            raise
        raise SampleError(f"it is no whole tar: {error}") from None
    return parts


def _described(parts: dict[str, bytes], event: str) -> _Description:
    try:
        described = _description.validate_python(json.loads(parts["json"]))
    except KeyError:
        raise SampleError("its description is missing") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise SampleError(f"its description is not as it should be: {place}") from None
    except (ValueError, RecursionError):
        raise SampleError("its description is not JSON") from None
    if described.id != event:
        raise SampleError("it is of another event")
    return described


def _picture(parts: dict[str, bytes], name: str) -> bytes:
    try:
        return parts[name]
    except KeyError:
        raise SampleError(f"{name} is missing") from None


def _background(parts: dict[str, bytes]) -> "Image | None":
    png = parts.get("background.png", b"")
    if len(png) < 24 or math.prod(struct.unpack(">II", png[16:24])) > _MOST_PIXELS:
        return None
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if picture is None else np.asarray(picture, np.uint8)


def _jpeg_pixels(jpeg: bytes) -> int:
    """Return how many pixels a JPEG says that it has; 0 when it says nothing."""
    return next((rows * columns for rows, columns in _jpeg_sizes(jpeg)), 0)


def _jpeg_sizes(jpeg: bytes) -> Iterator[tuple[int, int]]:
    place = 2
    while jpeg[:2] == b"\xff\xd8" and place + 9 <= len(jpeg) and jpeg[place] == 0xFF:
        mark, length = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4])
        if mark in _SIZE_MARKS:
            rows, columns = struct.unpack(">HH", jpeg[place + 5 : place + 9])
            yield rows, columns
        place += 2 + length

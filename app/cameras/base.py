"""The interface of a camera, and its settings."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from annotated_types import Ge, Interval, MinLen, MultipleOf
from pydantic import AfterValidator

from app.errors import CameraEnded
from app.frames import Frame, Image, Packet, Polygon, checked_area

#: A side of the picture in pixels; even, because YUV 4:2:0 stores colour for every second pixel.
EvenPx = Annotated[int, Interval(ge=64, le=4096), MultipleOf(2)]
#: "own" plays a file as fast as it was recorded; "fast" plays it as fast as it can be decoded. A
#: live source always has its own pace.
Pace = Literal["own", "fast"]
PacketSink = Callable[[Packet], None]
Area = Annotated[Polygon, AfterValidator(checked_area)]
#: The focus of a lens that moves: by itself, a distance in metres, or as the camera has it.
Focus = Annotated[float, Interval(ge=0.05, le=1000)] | Literal["auto"] | None
#: OpenCV's codes for flips, by (vflip, hflip).
_FLIP_CODES = {(True, False): 0, (False, True): 1, (True, True): -1}


#: The schemes of addresses that a camera can be read from.
SCHEMES = ("http", "https", "rtsp", "rtsps")


_CURES = {
    "onvif": "an ONVIF app and the camera's own settings show its rtsp:// address",
    "rtmp": "it is an address to send video to; the camera's manual has one to read from",
    "ws": "it is an address for browsers; the camera's manual has its rtsp:// address",
}


def source_problem(source: str) -> str | None:
    """Return why *source* can be no camera, for a sentence; None when it may be one."""
    scheme, is_address, _ = source.partition("://")
    if is_address and scheme.lower() not in SCHEMES:
        near = difflib.get_close_matches(scheme.lower(), SCHEMES)
        near.sort(key=lambda one: abs(len(one) - len(scheme)))
        cure = f"did you mean {near[0]}://?" if near else "the camera's manual has its address"
        cure = _CURES.get(scheme.lower().removesuffix("s"), cure)
        schemes = "://, ".join(SCHEMES)
        return f"begins with {scheme[:20]}://, but must begin with {schemes}://; {cure}"
    if not is_address and source.startswith(tuple(f"{one}:" for one in SCHEMES)):
        return "must have two slashes after the colon, as in rtsp://192.168.1.20/stream"
    return None


def _source(source: str) -> str:
    if problem := source_problem(source):
        raise ValueError(problem)
    return source


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Settings of one camera; `config.yml` explains each key."""

    source: Annotated[str, MinLen(1), AfterValidator(_source)] = "auto"
    resolution: tuple[EvenPx, EvenPx] = (640, 480)
    fps: Annotated[float, Interval(gt=0, le=60)] = 10.0
    focus: Focus = None
    privacy: tuple[Area, ...] = ()
    vflip: bool = False
    hflip: bool = False
    warmup_s: Annotated[float, Interval(ge=0, le=60)] = 2.0
    stall_s: Annotated[float, Interval(ge=1, le=600)] = 10.0
    reopen_max_s: Annotated[float, Ge(1)] = 60.0
    lost_alert_s: Annotated[float, Interval(ge=0, le=3600)] = 10.0


class NetworkReport(NamedTuple):
    """The network in a camera's sensor that finds things: its *file*, or None when none is used.

    *refused* is the reason why no network is used, or not the preferred one, as part of a sentence.
    *broken* says that the owner must hear of it.
    """

    file: str | None
    refused: str = ""
    broken: bool = False


class Camera(ABC):
    """A source of frames: call `open`, `read` repeatedly, `close`. It can then be opened again.

    Every method may raise `CameraError`, whose message names the source. After an error only
    `close` is allowed, and later `open`. Only one thread at a time may use a camera, but any thread
    may call `aim`, `refocus` and `interrupt`.
    """

    #: The name of the camera in messages; never contains a password.
    source: str
    #: Receives each compressed picture, if the source has compressed pictures; set before `open`. A
    #: thread of the camera calls it before the frame of the same picture is read. It must not
    #: block.
    sink: PacketSink | None = None
    #: Whether the source has an end, after which it plays again from its start.
    repeats: bool = False
    #: Whether frames may be read some tenths of a second late, and have the same times; known after
    #: `open`.
    patient: bool = False
    #: Frames since `open` that were dropped because they came too late.
    dropped: int = 0
    #: Pictures since `open`, if the source can tell which are damaged, and those that were damaged
    #: or could not be decoded.
    pictures: int = 0
    corrupt: int = 0
    #: The network in its sensor, known after `open`; None for a camera that cannot have one.
    network: NetworkReport | None = None
    #: The name of its sensor or device, known after `open`; "" when it does not say it.
    sensor: str = ""
    #: The seconds by which `open` may take longer than usual.
    loading_s: float = 0.0

    @abstractmethod
    def open(self) -> None:
        """Start the source and let it warm up; `CameraMissing` when there is none."""

    @abstractmethod
    def read(self) -> Frame:
        """Wait for the next frame and return it.

        Raises `CameraEnded` when there are no more, and `CameraStalled` after `stall_s` without
        one.
        """

    def frames(self) -> Iterator[Frame]:
        """Yield the frames until there are no more; the camera must be open."""
        while True:
            try:
                frame = self.read()
            except CameraEnded:
                return
            yield frame

    def expect(self, reads: int) -> None:  # noqa: B027 (most cameras do nothing in advance)
        """Note that so many *reads* follow right after one another."""

    @abstractmethod
    def close(self) -> None:
        """Release the source. Closing twice is allowed."""

    def interrupt(self) -> None:  # noqa: B027 (most cameras have a picture soon)
        """End a `read` of another thread with an error, if it can be ended; `close` must follow."""

    @property
    def focus(self) -> str:
        """The focus of its lens in words; "" for a lens that does not move, or before `open`."""
        return ""

    def refocus(self) -> None:  # noqa: B027 (most lenses do not move)
        """Look for the sharpest picture again, if the lens moves; any thread may call it."""

    def aim(self, pan_deg: float, tilt_deg: float) -> None:  # noqa: B027 (most cameras ignore it)
        """Note that the mount has turned to *pan_deg*, *tilt_deg*; only a drawn scene needs it."""


def flipped(picture: Image, settings: CameraSettings) -> Image:
    """Return *picture* flipped by `vflip` and `hflip`; the same object if neither is set.

    It is (rows, columns) or (rows, columns, BGR) uint8.
    """
    import cv2
    import numpy as np

    code = _FLIP_CODES.get((settings.vflip, settings.hflip))
    return picture if code is None else np.asarray(cv2.flip(picture, code), np.uint8)

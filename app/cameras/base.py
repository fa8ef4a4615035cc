"""What a camera promises, and its settings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Interval, MinLen, MultipleOf

from app.frames import Frame, Image, Packet

#: A side of the picture in pixels; even, because the colours of YUV 4:2:0 are stored for every
#: second pixel.
Even = Annotated[int, Interval(ge=64, le=4096), MultipleOf(2)]
#: "own" plays a file as fast as it was filmed, "fast" as fast as it can be decoded. What is live
#: has only its own pace.
Pace = Literal["own", "fast"]
#: Takes packets.
PacketSink = Callable[[Packet], None]
#: What OpenCV calls turning a picture over, by (vflip, hflip).
_FLIPS = {(True, False): 0, (False, True): 1, (True, True): -1}


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """One camera of the house; `config.yml` says what each key does."""

    source: Annotated[str, MinLen(1)] = "auto"
    resolution: tuple[Even, Even] = (640, 480)
    fps: Annotated[float, Interval(gt=0, le=60)] = 10.0
    vflip: bool = False
    hflip: bool = False
    warmup_s: Annotated[float, Interval(ge=0, le=60)] = 2.0
    stall_s: Annotated[float, Interval(ge=1, le=600)] = 10.0
    reopen_max_s: Annotated[float, Ge(1)] = 60.0


class Camera(ABC):
    """A source of frames. `open`, then `read` again and again, then `close`; after that it can be
    opened anew.

    Every call may raise `CameraError`, whose message names the source. After an error the only
    thing to do is `close`, and later `open`. Only one thread at a time may use a camera, but `aim`
    may come from any.
    """

    #: What messages call it; never shows a password.
    source: str
    #: Who is handed each picture still compressed, where the source has it so; set before `open`.
    #: It is called by a thread of the camera, before the frame that is made of the packet is read,
    #: and never makes it wait.
    sink: PacketSink | None = None
    #: Frames that were passed over since `open` because they came too late to be of use.
    dropped: int = 0
    #: Pictures since `open` that came damaged or could not be decoded at all.
    corrupt: int = 0

    @abstractmethod
    def open(self) -> None:
        """Start the source and let it warm up; `CameraMissing` when there is none."""

    @abstractmethod
    def read(self) -> Frame:
        """Wait for the next frame. `CameraEnded` when there are no more, `CameraStalled` after
        `stall_s` without one.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the source. Closing twice is fine."""

    def aim(self, pan_deg: float, tilt_deg: float) -> None:  # noqa: B027 (most cameras need not know)
        """The mount has turned to *pan_deg*, *tilt_deg*. A real lens sees that by itself; a drawn
        scene must be told.
        """


def flipped(picture: Image, settings: CameraSettings) -> Image:
    """*picture*, (rows, columns) or (rows, columns, 3) uint8, turned over as `vflip` and `hflip`
    say; the same object if neither is set.
    """
    import cv2
    import numpy as np

    code = _FLIPS.get((settings.vflip, settings.hflip))
    return picture if code is None else np.asarray(cv2.flip(picture, code), np.uint8)

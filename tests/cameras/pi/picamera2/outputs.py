"""A fake of picamera2's outputs, which receive the packets of an encoder."""

from typing import Any


class Output:
    """The base class of every output that an encoder accepts."""

    def __init__(self) -> None:
        self.recording = False

    def start(self) -> None:
        self.recording = True

    def stop(self) -> None:
        self.recording = False

    def outputframe(
        self,
        frame: bytes,
        keyframe: bool = True,
        timestamp: int | None = None,
        packet: Any = None,
        audio: bool = False,
    ) -> None:
        pass

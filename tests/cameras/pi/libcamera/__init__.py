"""A stand-in for libcamera's Python binding: as much of it as picamera2's users touch."""


class Transform:
    """How the sensor's picture is turned over."""

    def __init__(self, rotation: int = 0, hflip: bool = False, vflip: bool = False) -> None:
        self.rotation, self.hflip, self.vflip = rotation, bool(hflip), bool(vflip)

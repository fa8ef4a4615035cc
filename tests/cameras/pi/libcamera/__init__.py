"""A fake of libcamera's Python binding, with the part that users of picamera2 need."""


class Transform:
    """The rotation and the flips of the sensor's picture."""

    def __init__(self, rotation: int = 0, hflip: bool = False, vflip: bool = False) -> None:
        self.rotation, self.hflip, self.vflip = rotation, bool(hflip), bool(vflip)

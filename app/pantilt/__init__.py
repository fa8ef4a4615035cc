"""Mounts that turn a camera."""

from app.pantilt.base import PanTilt, PanTiltSettings


def make_pantilt(settings: PanTiltSettings) -> PanTilt | None:
    """Return the mount that *settings* name; None when the camera does not turn."""
    if settings.backend == "hat":
        from app.pantilt.hat import HatPanTilt

        return HatPanTilt(settings)
    if settings.backend == "mock":
        from app.pantilt.mock import MockPanTilt

        return MockPanTilt()
    return None

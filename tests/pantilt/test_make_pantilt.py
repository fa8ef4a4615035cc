"""Covers several modules: `make_pantilt` chooses the backend that the settings name."""

from app.pantilt import make_pantilt
from app.pantilt.base import PanTiltSettings
from app.pantilt.hat import HatPanTilt
from app.pantilt.mock import MockPanTilt


def test_the_backend_names_the_mount() -> None:
    assert make_pantilt(PanTiltSettings()) is None
    assert isinstance(make_pantilt(PanTiltSettings(backend="mock")), MockPanTilt)
    assert isinstance(make_pantilt(PanTiltSettings(backend="hat")), HatPanTilt)

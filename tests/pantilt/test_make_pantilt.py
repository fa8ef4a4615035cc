from app.pantilt import make_pantilt
from app.pantilt.base import PanTiltSettings
from app.pantilt.hat import HatPanTilt
from app.pantilt.mock import MockPanTilt


def test_each_backend_of_the_settings_is_the_mount_it_names() -> None:
    assert make_pantilt(PanTiltSettings()) is None
    assert isinstance(make_pantilt(PanTiltSettings(backend="mock")), MockPanTilt)
    assert isinstance(make_pantilt(PanTiltSettings(backend="hat")), HatPanTilt)

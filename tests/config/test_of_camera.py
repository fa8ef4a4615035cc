"""The areas that are not judged, and the person model, of one camera."""

from pathlib import Path

import pytest

from app.config import CameraConfig, load_config
from app.config.of_camera import people_settings, unjudged_areas

CORNER = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2))
EDGE = ((0.0, 0.5), (0.1, 0.5), (0.1, 0.6))


def test_what_is_masked_or_private_is_not_judged() -> None:
    assert unjudged_areas(CameraConfig(masks=(CORNER,), privacy=(EDGE,))) == (CORNER, EDGE)


@pytest.mark.parametrize(
    ("settings", "source", "looks"),
    [
        ("motion: {trigger: background}", "auto", True),
        ("motion: {trigger: background}", "demo", False),
        ("motion: {trigger: light}", "auto", False),
        ("people: {backend: scripted}", "demo", True),
    ],
)
def test_a_model_looks_at_real_rooms(
    tmp_path: Path, settings: str, source: str, looks: bool
) -> None:
    (tmp_path / "config.yml").write_text(settings)
    config = load_config(tmp_path)
    assert bool(people_settings(config, CameraConfig(source=source))) is looks

"""The bytes that are written for a clip are few more than those of its stream."""

from pathlib import Path

from app.benchmarks.house.clip_bytes import clip_ratio
from app.benchmarks.house.drawn_video import VideoPart, drawn_video


def test_a_clip_is_written_once(tmp_path: Path) -> None:
    part = VideoPart((640, 480), 10, (3.0, 6.0))
    ratio = clip_ratio(drawn_video(part), part.size, part.fps, tmp_path / "clip", 12.0)
    assert 1 <= ratio < 1.1

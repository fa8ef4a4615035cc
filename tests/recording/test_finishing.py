"""A file that was written as fragments becomes a clip, even if its last bytes are missing."""

from pathlib import Path
from random import Random

import pytest

from app.errors import ClipError
from app.recording.finishing import NothingShown, finish, shows_anything, survey
from tests.recording.videos import is_for_browsers, lasts_s, numbers


@pytest.fixture
def part(killed_part: bytes, tmp_path: Path) -> Path:
    """The file that a kill left, whose first picture is number 15."""
    path = tmp_path / ".clip.mp4.part"
    path.write_bytes(killed_part)
    return path


def test_a_kill_costs_less_than_the_last_seconds(part: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    found = finish(part, clip)
    there = numbers(clip)
    assert there == list(range(15, 15 + len(there)))
    assert 15 + len(there) > 66 - 15
    assert found.metadata.note == "it was an alert"
    assert lasts_s(clip) == pytest.approx(found.shown_s, abs=0.01)


def test_a_clip_ends_where_it_should(part: Path, tmp_path: Path) -> None:
    found = finish(part, tmp_path / "clip.mp4", end_s=1.45)
    assert found.shown_s == pytest.approx(1.45)
    assert lasts_s(tmp_path / "clip.mp4") == pytest.approx(1.45, abs=0.01)
    assert numbers(tmp_path / "clip.mp4") == list(range(15, 30))


def test_wherever_the_file_is_cut_off_the_clip_is_playable(
    killed_part: bytes, tmp_path: Path
) -> None:
    unfinished, clip = tmp_path / ".clip.mp4.part", tmp_path / "clip.mp4"
    most = 0
    for length in sorted(Random(1).sample(range(len(killed_part)), 24)):
        unfinished.write_bytes(killed_part[:length])
        clip.unlink(missing_ok=True)
        try:
            finish(unfinished, clip)
        except ClipError:
            assert most == 0
            assert not clip.exists()
            continue
        there = numbers(clip)
        assert there == list(range(15, 15 + len(there)))
        assert len(there) >= most
        assert is_for_browsers(clip)
        most = len(there)
    assert most > 30


def test_a_file_without_pictures_shows_nothing(tmp_path: Path) -> None:
    part = tmp_path / ".clip.mp4.part"
    part.write_bytes(b"\0" * 5000)
    assert not shows_anything(part)
    with pytest.raises(NothingShown, match="holds no video"):
        survey(part)
    with pytest.raises(ClipError):
        finish(part, tmp_path / "clip.mp4")
    assert [path.name for path in tmp_path.iterdir()] == [".clip.mp4.part"]


def test_a_finished_clip_shows_what_its_part_showed(part: Path, tmp_path: Path) -> None:
    assert shows_anything(part)
    found = finish(part, tmp_path / "clip.mp4")
    again = survey(tmp_path / "clip.mp4")
    assert (again.metadata, again.samples) == (found.metadata, found.samples)
    assert again.shown_s == pytest.approx(found.shown_s, abs=0.2)

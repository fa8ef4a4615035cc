"""A file that was written as fragments becomes a clip, even if its last bytes are missing."""

from pathlib import Path
from random import Random

import av
import pytest

from app.errors import ClipError
from app.recording.boxes import boxes_in
from app.recording.finishing import NothingShown, finish, shows_anything, survey
from app.recording.fragments import ClipMetadata
from app.recording.mp4 import TIME_BASE
from tests.recording.conftest import Source
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
    assert again.metadata == found.metadata
    assert again.shown_s == pytest.approx(found.shown_s, abs=0.001)


@pytest.mark.parametrize("end_s", [None, 1.45])
def test_a_kill_at_any_moment_leaves_the_same_clip(
    part: Path, killed_part: bytes, tmp_path: Path, end_s: float | None
) -> None:
    clip = tmp_path / "clip.mp4"
    finish(part, clip, end_s)
    made = clip.read_bytes()
    head, pictures, index = boxes_in(made)
    without_head = made[: pictures.begin] + killed_part[pictures.begin :][:8] + made[head.end + 8 :]
    assert index.end - index.begin < 1500
    assert index.end <= len(killed_part) + 1500
    moments = (
        made,
        without_head,
        without_head[:-30],
        without_head[: index.begin],
        without_head[: index.begin] + bytes(500),
    )
    for left in moments:
        part.write_bytes(left)
        clip.unlink()
        finish(part, clip, end_s)
        assert clip.read_bytes() == made


def test_a_file_of_an_earlier_version_becomes_a_clip(source: Source, tmp_path: Path) -> None:
    path, clip = tmp_path / ".clip.mp4.part", tmp_path / "clip.mp4"
    write_as_before(source("h264.ts"), path, start_s=2.4)
    whole = path.read_bytes()
    found = finish(path, clip, end_s=5.0)
    assert found.metadata == ClipMetadata("an alert", turned=True)
    with av.open(str(clip)) as opened:
        assert next(opened.decode(video=0)).rotation == -180
    path.write_bytes(whole[: len(whole) * 2 // 3])
    found = finish(path, clip)
    assert 4.0 < found.shown_s < 9.0
    assert is_for_browsers(clip)


def write_as_before(video: Path, path: Path, start_s: float) -> None:
    """Write *video* as versions up to 1.4 did, by libav, with players beginning at *start_s*."""
    options = {
        "movflags": "delay_moov+default_base_moof+skip_trailer",
        "frag_duration": "1000000",
        "avoid_negative_ts": "disabled",
    }
    with av.open(str(video)) as given, av.open(str(path), "w", format="mp4", options=options) as to:
        to.metadata["comment"] = ClipMetadata("an alert", turned=True).to_text()
        stream = to.add_mux_stream("h264", width=320, height=240, time_base=TIME_BASE)
        assert isinstance(stream, av.VideoStream)
        for packet in given.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                at, decoded_at = (
                    round((float(ticks * packet.time_base) - start_s) / TIME_BASE)
                    for ticks in (packet.pts, packet.dts)
                )
                packet.stream, packet.time_base = stream, TIME_BASE
                packet.pts, packet.dts, packet.duration = at, decoded_at, 9000
                to.mux(packet)

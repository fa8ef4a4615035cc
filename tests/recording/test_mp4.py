"""Small renditions have their index in front, and errors show no address of a camera."""

from pathlib import Path

import av
import pytest

from app.recording.mp4 import index_in_front, without_log
from tests.recording.conftest import Source
from tests.recording.videos import numbers


@pytest.fixture
def clip(source: Source, tmp_path: Path) -> Path:
    """120 pictures with the index in front."""
    path = tmp_path / "clip.mp4"
    with (
        av.open(str(source("h264.mp4"))) as video,
        av.open(str(path), "w", options=index_in_front(120)) as written,
    ):
        stream = written.add_stream_from_template(video.streams.video[0], opaque=True)
        for packet in video.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return path


def test_the_index_comes_first_in_the_space_kept_for_it(clip: Path) -> None:
    content = clip.read_bytes()
    kept = int(index_in_front(120)["moov_size"])
    assert 0 < content.index(b"moov") < kept < content.index(b"mdat") + 16
    assert numbers(clip) == list(range(120))


def test_an_error_does_not_show_what_libav_logged(tmp_path: Path) -> None:
    av.logging.set_level(av.logging.WARNING)  # as while a camera is read
    try:
        with av.logging.Capture():
            av.logging.log(av.logging.ERROR, "hls", "http://owl:geheim@camera/1.ts: no answer")
        with pytest.raises(av.FFmpegError) as found:
            av.open(str(tmp_path / "none.mp4"))
    finally:
        av.logging.set_level(None)
    assert "geheim" in str(found.value)
    error = without_log(found.value)
    assert isinstance(error, FileNotFoundError)
    assert str(error) == f"[Errno 2] No such file or directory: '{tmp_path / 'none.mp4'}'"

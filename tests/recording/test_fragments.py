"""A fragmented MP4 can be played while it is written, and a full disk is an error."""

from pathlib import Path

import av
import pytest

from app.frames import Packet, VideoFormat
from app.recording.fragments import ClipMetadata, FragmentWriter
from tests.recording.conftest import Source
from tests.recording.videos import numbers

FORMAT = VideoFormat("h264", 320, 240, "yuv420p")


@pytest.fixture(scope="module")
def packets(source: Source) -> list[Packet]:
    """The packets of 120 numbered pictures, with the times of a camera's clock."""
    found = []
    with av.open(str(source("h264.ts"))) as video:
        for packet in video.demux(video=0):
            if packet.pts is not None and packet.dts is not None:
                at_s, decode_s = (
                    float(ticks * packet.time_base) for ticks in (packet.pts, packet.dts)
                )
                found.append(Packet(bytes(packet), at_s, decode_s, packet.is_keyframe, FORMAT))
    return found


def test_a_file_that_is_not_closed_can_be_played(packets: list[Packet], tmp_path: Path) -> None:
    path = tmp_path / "folder" / ".clip.mp4.part"
    writer = FragmentWriter(
        path, packets[0], packets[0].at_s, ClipMetadata("a purpose", False, 4.0)
    )
    writer.write(packets[:50])
    assert numbers(path)[:46] == list(range(46))
    with av.open(str(path)) as opened:
        metadata = ClipMetadata.from_text(opened.metadata["comment"])
    assert metadata == ClipMetadata("a purpose", turned=False, offset_s=4.0)
    writer.write(packets[50:])
    writer.close()
    assert numbers(path) == list(range(120))


@pytest.mark.parametrize("text", ["", "no JSON", "[1, 2]", '{"unknown": 1}'])
def test_a_file_without_metadata_has_the_defaults(text: str) -> None:
    assert ClipMetadata.from_text(text) == ClipMetadata()


def test_a_full_disk_is_an_error_and_the_file_is_closed(
    packets: list[Packet], tmp_path: Path
) -> None:
    path = tmp_path / ".clip.mp4.part"
    path.symlink_to("/dev/full")
    writer = FragmentWriter(path, packets[0], packets[0].at_s, ClipMetadata())
    with pytest.raises(OSError, match="No space left"):
        writer.write(packets)
    writer.close()

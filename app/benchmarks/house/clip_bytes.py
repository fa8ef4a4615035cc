"""The bytes that are written for a clip, over those of the stream in it."""

from collections.abc import Sequence
from pathlib import Path

from app.benchmarks.clip_load import new_recorder
from app.benchmarks.house.usage import field
from app.benchmarks.rtsp_server import Units, is_key
from app.frames import Packet, VideoFormat

SECONDS = 24.0
#: How often the clip's thread writes.
_STEP_S = 0.3


def clip_ratio(
    video: Sequence[Units], size: tuple[int, int], fps: int, folder: Path, seconds: float = SECONDS
) -> float:
    """Return the bytes written for a clip of *seconds* of *video*, over those of its pictures.

    Nothing else in this process may write meanwhile.
    """
    packets = _packets(video, size, fps, round(seconds * fps))
    recorder, before = new_recorder(), _written()
    recorder.add_packet(packets[0])
    recorder.begin_clip(folder, packets[0].at_s, "")
    next_s = _STEP_S
    for packet in packets[1:]:
        recorder.add_packet(packet)
        if packet.at_s >= next_s:
            next_s += _STEP_S
            recorder.step()
    recorder.stop_clips()
    while recorder.busy:
        recorder.step()
    streamed = sum(len(packet.data) for packet in packets)
    return round((_written() - before) / streamed, 3)


def _packets(video: Sequence[Units], size: tuple[int, int], fps: int, count: int) -> list[Packet]:
    video_format = VideoFormat("h264", *size, "yuv420p")
    found = []
    for number in range(count):
        units, at_s = video[number % len(video)], number / fps
        data = b"".join(b"\0\0\0\1" + unit for unit in units)
        found.append(Packet(data, at_s, at_s, is_key(units), video_format))
    return found


def _written() -> int:
    """Return the bytes of all writes of this process so far, whether they are on a disk or not."""
    return field(Path("/proc/self/io"), "wchar")

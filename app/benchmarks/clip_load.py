"""`bench --clips`: measures the memory, the CPU time and the delay of frames of recording."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av

from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings, PacketSink
from app.cameras.feed import CameraFeed
from app.cameras.live import FrameUser
from app.clock import SystemClock
from app.frames import Frame, Packet
from app.recording.base import RecordingSettings
from app.recording.recorder import Recorder
from app.worker import Worker

SIZES = ((640, 480), (1280, 720))
FPS = 10
SECONDS = 20
LIVE_S = 12.0
PRE_ROLL_S = 5.0
#: H.264, as from a network camera, and JPEGs, as from a USB camera.
CODERS: dict[str, dict[str, Any]] = {
    "h264": {
        "suffix": "mp4",
        "codec": "libx264",
        "pixels": "yuv420p",
        "options": {"preset": "veryfast", "g": str(2 * FPS), "bf": "0"},
    },
    "mjpeg": {"suffix": "avi", "codec": "mjpeg", "pixels": "yuvj420p", "options": {"qscale": "4"}},
}
#: Plays a source, and gives its packets to the sink.
Play = Callable[[PacketSink | None], Iterator[Frame]]


def measure_clips(
    seconds: int = SECONDS, live_s: float = LIVE_S, sizes: Sequence[tuple[int, int]] = SIZES
) -> dict[str, Any]:
    """Return the costs for each of *sizes* and each kind of source, and the longest frame gaps.

    *written* is the bytes written to files over those of the packets.

    The gaps are those between two frames of a live scene, with and without recording.
    """
    with tempfile.TemporaryDirectory(prefix="clip-load-") as place:
        folder = Path(place)
        costs = {
            f"{width}x{height}": _costs_at((width, height), seconds, folder)
            for width, height in sizes
        }
        gap_ms = _longest_gap_ms(folder, live_s, recorded=False)
        recorded_gap_ms = _longest_gap_ms(folder, live_s, recorded=True)
    gaps = {"gap_ms": gap_ms, "recorded_gap_ms": recorded_gap_ms}
    return {"fps": FPS, "interval_ms": 1000 / FPS, "sizes": costs, **gaps}


def clip_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_clips` for people to read."""
    rows = [
        f"Recording the drawn scene at {figures['fps']} pictures a second; CPU milliseconds a "
        f"picture, and memory for {PRE_ROLL_S:g} s"
    ]
    for name in figures["sizes"]:
        rows.append(
            f"  {name:12}  decoded      kept  recorded   recorded/decoded   MB   written/stream"
        )
        for kind, found in figures["sizes"][name].items():
            times = (found[what] for what in ("decoded_ms", "kept_ms", "recorded_ms"))
            costs = "".join(f"{time_ms:10.3f}" for time_ms in times)
            ratio = "" if found["ratio"] is None else f"{found['ratio']:.2f}"
            written = "" if found["written"] is None else f"{found['written']:17.3f}"
            rows.append(f"    {kind:8} {costs}   {ratio:>16}{found['kept_mb']:7.2f}{written}")
    rows.append(
        f"  the longest time between two frames that are {figures['interval_ms']:.0f} ms apart: "
        f"{figures['recorded_gap_ms']:.0f} ms during recording, {figures['gap_ms']:.0f} ms "
        "otherwise"
    )
    return "\n".join(rows)


def _costs_at(
    size: tuple[int, int], seconds: int, folder: Path
) -> dict[str, dict[str, float | None]]:
    scene = make_camera("bench", _settings("demo", size), SystemClock(), "fast")
    frames = list(itertools.islice(_play(scene, None), seconds * FPS))
    found = {}
    for kind, coder in CODERS.items():
        video = folder / f"{kind}.{coder['suffix']}"
        _write_video(video, frames, size, coder)
        found[kind] = _costs(partial(_play_video, video, size), folder)
    # Only packets of H.264 are copied.
    found["mjpeg"]["written"] = None
    raw = _costs(lambda _: iter(frames), folder) | {"ratio": None, "written": None}
    return {**found, "raw": raw}


def _costs(play: Play, folder: Path) -> dict[str, float | None]:
    """Return the CPU time for each picture of *play*: decoded, also kept, also recorded."""
    keeping, recording = new_recorder(), new_recorder()
    decoded_ms = _cost_ms(play(None))
    kept_ms = _cost_ms(_keep(play, keeping))
    before_bytes = _written_bytes()
    recorded_ms = _cost_ms(_record(play, recording, folder / "event"))
    written_bytes = _written_bytes() - before_bytes
    stream_bytes = sum(len(packet.data) for packet in _packets(play))
    kept_mb = keeping.ring.used_bytes / 1e6 * PRE_ROLL_S / keeping.ring.kept_s
    return {
        "decoded_ms": round(decoded_ms, 4),
        "kept_ms": round(kept_ms, 4),
        "recorded_ms": round(recorded_ms, 4),
        "ratio": round(recorded_ms / decoded_ms, 3),
        "kept_mb": round(kept_mb, 3),
        "written": round(written_bytes / stream_bytes, 3) if stream_bytes else None,
    }


def _packets(play: Play) -> list[Packet]:
    packets: list[Packet] = []
    for _ in play(packets.append):
        pass
    return packets


def _written_bytes() -> int:
    """Return the bytes that this process has written to files so far."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def _cost_ms(frames: Iterator[Frame]) -> float:
    began_s = time.process_time()
    count = sum(1 for _ in frames)
    return 1000 * (time.process_time() - began_s) / count


def _keep(play: Play, recorder: Recorder) -> Iterator[Frame]:
    for frame in play(recorder.add_packet):
        recorder.add_frame(frame)
        yield frame


def _record(play: Play, recorder: Recorder, folder: Path) -> Iterator[Frame]:
    begun = False
    for frame in _keep(play, recorder):
        if not begun:
            recorder.begin_clip(folder, frame.at_s, "")
            begun = True
        if frame.number % FPS == 0:
            recorder.step()
        yield frame
    recorder.stop_clips()
    while recorder.busy:
        recorder.step()
    (folder / "clip.mp4").unlink()


def _longest_gap_ms(folder: Path, live_s: float, *, recorded: bool) -> float:
    """Return the longest time between two frames of the live scene, read as in the daemon."""
    clock, recorder, settings = SystemClock(), new_recorder(), _settings("demo", SIZES[0])
    writer = Worker("clips", recorder.step)
    taken_s: list[float] = []

    def take(frames: Sequence[Frame]) -> float:
        (frame,) = frames
        recorder.add_frame(frame)
        taken_s.append(frame.at_s)
        if recorded and len(taken_s) == FPS:
            recorder.begin_clip(folder / "live", frame.at_s - PRE_ROLL_S, "")
            writer.wake()
        return 0.0

    feed = CameraFeed(
        *(lambda: make_camera("bench", settings, clock), clock, settings),
        *(FrameUser(take), recorder.add_packet),
    )
    writer.start()
    feed.open()
    while not taken_s or taken_s[-1] - taken_s[0] < live_s:
        feed.step()
        clock.sleep(0.1)
    feed.close()
    recorder.stop_clips()
    writer.wake()
    while recorder.busy:
        clock.sleep(0.05)
    writer.ask_to_stop()
    return round(1000 * max(after - before for before, after in pairwise(taken_s)), 1)


def new_recorder() -> Recorder:
    """Return a recorder that raises every error."""
    settings = RecordingSettings(pre_roll_s=PRE_ROLL_S)
    return Recorder(settings, SystemClock(), lambda _: None, _fail, lambda _: None)


def _fail(_folder: Path, _note: str, error: OSError) -> None:
    raise error


def _settings(source: str, size: tuple[int, int]) -> CameraSettings:
    return CameraSettings(source=source, resolution=size, fps=FPS)


def _play_video(video: Path, size: tuple[int, int], sink: PacketSink | None) -> Iterator[Frame]:
    return _play(make_camera("bench", _settings(str(video), size), SystemClock(), "fast"), sink)


def _play(camera: Camera, sink: PacketSink | None) -> Iterator[Frame]:
    camera.sink = sink
    with closing(camera):
        camera.open()
        yield from camera.frames()


def _write_video(
    path: Path, frames: list[Frame], size: tuple[int, int], coder: dict[str, Any]
) -> None:
    options = {"threads": "1", **coder["options"]}
    with av.open(str(path), "w") as written:
        stream = written.add_stream(coder["codec"], rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, coder["pixels"]
        stream.codec_context.time_base = Fraction(1, FPS)
        for frame in frames:
            written.mux(stream.encode(av.VideoFrame.from_ndarray(frame.bgr(), format="bgr24")))
        written.mux(stream.encode())

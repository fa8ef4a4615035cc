"""`bench --clips`: what filming costs on this machine: memory for the seconds before an event, CPU
time, and the capture's punctuality.
"""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av

from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings, PacketSink
from app.cameras.live import CameraFeed
from app.clock import SystemClock
from app.errors import CameraEnded
from app.frames import Frame
from app.recording.base import RecordingSettings
from app.recording.recorder import Recorder
from app.worker import Worker

SIZES = ((640, 480), (1280, 720))
FPS = 10
SECONDS = 20
LIVE_S = 12.0
PRE_ROLL_S = 5.0
#: As a network camera sends H.264, and as a USB camera gives JPEGs.
CODERS: dict[str, dict[str, Any]] = {
    "h264": {
        "suffix": "mp4",
        "codec": "libx264",
        "pixels": "yuv420p",
        "options": {"preset": "veryfast", "g": str(2 * FPS), "bf": "0"},
    },
    "mjpeg": {"suffix": "avi", "codec": "mjpeg", "pixels": "yuvj420p", "options": {"qscale": "4"}},
}
#: Plays a source, and hands its packets on.
Play = Callable[[PacketSink | None], Iterator[Frame]]


def measure_clips(seconds: int = SECONDS, live_s: float = LIVE_S) -> dict[str, Any]:
    """Figures for each of `SIZES` and each kind of source, and how late the latest frame of a live
    scene was, filmed and not.
    """
    with tempfile.TemporaryDirectory(prefix="clip-load-") as place:
        folder = Path(place)
        sizes = {
            f"{width}x{height}": _of_size((width, height), seconds, folder)
            for width, height in SIZES
        }
        gaps = {
            "gap_ms": _longest_gap_ms(folder, live_s, filmed=False),
            "filmed_gap_ms": _longest_gap_ms(folder, live_s, filmed=True),
        }
    return {"fps": FPS, "interval_ms": 1000 / FPS, "sizes": sizes, **gaps}


def clip_table(figures: dict[str, Any]) -> str:
    """What `measure_clips` has found, for people to read."""
    rows = [
        f"Filming the drawn scene at {figures['fps']} pictures a second; CPU milliseconds a "
        f"picture, and memory for {PRE_ROLL_S:g} s"
    ]
    for name in figures["sizes"]:
        rows.append(f"  {name:12}  decoded      kept    filmed   filmed/decoded   MB")
        for kind, found in figures["sizes"][name].items():
            costs = "".join(
                f"{found[what]:10.3f}" for what in ("decoded_ms", "kept_ms", "filmed_ms")
            )
            ratio = "" if found["ratio"] is None else f"{found['ratio']:.2f}"
            rows.append(f"    {kind:8} {costs}   {ratio:>14}{found['kept_mb']:7.2f}")
    late = (
        f"{figures['filmed_gap_ms']:.0f} ms while it is filmed, {figures['gap_ms']:.0f} ms "
        "otherwise"
    )
    return "\n".join(
        [
            *rows,
            f"  the longest time between two frames that are {figures['interval_ms']:.0f} ms "
            f"apart: {late}",
        ]
    )


def _of_size(
    size: tuple[int, int], seconds: int, folder: Path
) -> dict[str, dict[str, float | None]]:
    drawn = make_camera("bench", _settings("demo", size), SystemClock(), "fast")
    frames = list(itertools.islice(_played(drawn, None), seconds * FPS))
    films = {
        kind: _write_film(folder / f"{kind}.{coder['suffix']}", frames, size, coder)
        for kind, coder in CODERS.items()
    }
    found = {
        kind: _figures(partial(_played_film, film, size), folder) for kind, film in films.items()
    }
    return {**found, "raw": {**_figures(lambda _: iter(frames), folder), "ratio": None}}


def _figures(play: Play, folder: Path) -> dict[str, float | None]:
    """CPU time for each picture that *play* plays: alone, kept in memory as well, and filmed as
    well.
    """
    keeping, filming = _recorder(), _recorder()
    decoded_ms = _cost_ms(play(None))
    kept_ms = _cost_ms(_kept(play, keeping))
    filmed_ms = _cost_ms(_filmed(play, filming, folder / "event"))
    kept_mb = keeping.ring.used_bytes / 1e6 * PRE_ROLL_S / keeping.ring.kept_s
    costs = {"decoded_ms": decoded_ms, "kept_ms": kept_ms, "filmed_ms": filmed_ms}
    figures: dict[str, float | None] = {name: round(cost_ms, 4) for name, cost_ms in costs.items()}
    return {**figures, "ratio": round(filmed_ms / decoded_ms, 3), "kept_mb": round(kept_mb, 3)}


def _cost_ms(frames: Iterator[Frame]) -> float:
    began_s = time.process_time()
    count = sum(1 for _ in frames)
    return 1000 * (time.process_time() - began_s) / count


def _kept(play: Play, recorder: Recorder) -> Iterator[Frame]:
    for frame in play(recorder.add_packet):
        recorder.add_frame(frame)
        yield frame


def _filmed(play: Play, recorder: Recorder, folder: Path) -> Iterator[Frame]:
    begun = False
    for frame in _kept(play, recorder):
        if not begun:
            recorder.begin_clip(folder, frame.at_s, "")
            begun = True
        if frame.number % 3 == 0:
            recorder.step()
        yield frame
    recorder.stop_clips()
    while recorder.busy:
        recorder.step()
    (folder / "clip.mp4").unlink()


def _longest_gap_ms(folder: Path, live_s: float, *, filmed: bool) -> float:
    """Between two frames of the live scene, on the way that frames take in the daemon."""
    clock, recorder, settings = SystemClock(), _recorder(), _settings("demo", SIZES[0])
    feed = CameraFeed(
        lambda: make_camera("bench", settings, clock), clock, settings, recorder.add_packet
    )
    writing = Worker("clips", recorder.step)
    writing.start()
    feed.open()
    taken_s: list[float] = []
    while not taken_s or taken_s[-1] - taken_s[0] < live_s:
        frame = feed.next(1.0)
        if frame:
            recorder.add_frame(frame)
            taken_s.append(frame.at_s)
            if filmed and len(taken_s) == FPS:
                recorder.begin_clip(folder / "live", frame.at_s - PRE_ROLL_S, "")
                writing.wake()
    feed.close()
    recorder.stop_clips()
    writing.wake()
    while recorder.busy:
        clock.sleep(0.05)
    writing.ask_to_stop()
    return round(1000 * max(after - before for before, after in pairwise(taken_s)), 1)


def _recorder() -> Recorder:
    return Recorder(
        RecordingSettings(pre_roll_s=PRE_ROLL_S),
        SystemClock(),
        lambda _: None,
        _give_up,
        lambda _: None,
    )


def _give_up(_folder: Path, _note: str, error: OSError) -> None:
    raise error


def _settings(source: str, size: tuple[int, int]) -> CameraSettings:
    return CameraSettings(source=source, resolution=size, fps=FPS)


def _played_film(film: Path, size: tuple[int, int], sink: PacketSink | None) -> Iterator[Frame]:
    return _played(make_camera("bench", _settings(str(film), size), SystemClock(), "fast"), sink)


def _played(camera: Camera, sink: PacketSink | None) -> Iterator[Frame]:
    camera.sink = sink
    with closing(camera):
        camera.open()
        while True:
            try:
                yield camera.read()
            except CameraEnded:
                return


def _write_film(
    path: Path, frames: list[Frame], size: tuple[int, int], coder: dict[str, Any]
) -> Path:
    with av.open(str(path), "w") as written:
        stream = written.add_stream(
            coder["codec"], rate=FPS, options={"threads": "1", **coder["options"]}
        )
        stream.width, stream.height, stream.pix_fmt = *size, coder["pixels"]
        stream.codec_context.time_base = Fraction(1, FPS)
        for frame in frames:
            written.mux(stream.encode(av.VideoFrame.from_ndarray(frame.bgr(), format="bgr24")))
        written.mux(stream.encode())
    return path

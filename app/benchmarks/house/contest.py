"""Our camera process beside a bare decoder, ffmpeg and Motion, on one stream at the same time."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import av

from app.benchmarks.house.drawn_video import VideoPart
from app.benchmarks.house.own_house import EVENT_GAP_S, PRE_ROLL_S
from app.benchmarks.house.usage import Usage, pss_mb, usage_of
from app.benchmarks.web_programs import running
from app.errors import SuiteError

BARE, FFMPEG, MOTION, OURS = "bare", "ffmpeg", "motion", "ours"
#: The seconds until each has connected, and has learned the room.
SETTLE_S = 8.0
#: Motion takes this share of a picture's pixels as motion by default: 1500 of 640x480.
_MOTION_SHARE = 1500 / (640 * 480)
#: The pids of a contestant, which may have children.
FindPids = Callable[[], Sequence[int]]


def contest(
    url: str, part: VideoPart, folder: Path, ours: FindPids, during_s: Callable[[], float]
) -> dict[str, Any]:
    """Return the costs of each contestant that is installed, while *during_s* does its work.

    All play the stream at *url*. *ours* finds our camera process, which plays it already.
    """
    folder.mkdir()
    with ExitStack() as stack:
        pids: dict[str, FindPids] = {OURS: ours}
        for name, command in commands(url, part, folder).items():
            pids[name] = _pid(stack.enter_context(_playing(name, command, folder)))
        time.sleep(SETTLE_S)
        before = {name: usage_of(find()) for name, find in pids.items()}
        lasted_s = during_s()
        used = {name: usage_of(find()) - before[name] for name, find in pids.items()}
        memory_mb = {name: round(pss_mb(find()), 1) for name, find in pids.items()}
    return {
        "size": f"{part.size[0]}x{part.size[1]}",
        "fps": part.fps,
        **costs(used, lasted_s),
        "pss_mb": memory_mb,
        "motion_recorded_s": _length_s(folder / "movies") if MOTION in pids else None,
    }


def costs(used: Mapping[str, Usage], lasted_s: float) -> dict[str, Any]:
    """Return the CPU time of each, in percent of a core and over that of the bare decoder."""
    percent = {name: round(100 * one.cpu_s / lasted_s, 2) for name, one in used.items()}
    return {
        "cpu_percent": percent,
        "over_bare": {name: round(one / percent[BARE], 2) for name, one in percent.items()},
        "wakes_per_s": {name: round(one.wakes / lasted_s, 1) for name, one in used.items()},
    }


def commands(url: str, part: VideoPart, folder: Path) -> dict[str, list[str]]:
    """Return the command of each contestant but ours that is installed here, by its name."""
    found = {BARE: [sys.executable, "-m", "app.benchmarks.house.bare_decode", url]}
    if ffmpeg := shutil.which("ffmpeg"):
        source = ["-rtsp_transport", "tcp", "-threads", "1", "-i", url]
        found[FFMPEG] = [ffmpeg, "-v", "error", "-nostdin", *source, "-f", "null", "-"]
    if motion := shutil.which("motion"):
        conf = folder / "motion.conf"
        conf.write_text(motion_conf(url, part, folder), encoding="utf-8")
        found[MOTION] = [motion, "-n", "-c", str(conf)]
    return found


def motion_conf(url: str, part: VideoPart, folder: Path) -> str:
    """Return the configuration with which Motion records what our camera does, as it came."""
    width, height = part.size
    settings = {
        "netcam_url": url,
        "netcam_params": "rtsp_transport=tcp",
        "width": width,
        "height": height,
        "framerate": part.fps,
        "threshold": round(_MOTION_SHARE * width * height),
        "event_gap": round(EVENT_GAP_S),
        "pre_capture": round(PRE_ROLL_S * part.fps),
        "picture_output": "first",
        "movie_output": "on",
        "movie_passthrough": "on",
        "movie_codec": "mp4",
        "target_dir": folder / "movies",
        "webcontrol_port": 0,
        "stream_port": 0,
        "log_level": 5,
        "log_file": folder / "motion.log",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


@contextmanager
def _playing(name: str, command: list[str], folder: Path) -> Iterator[int]:
    log = folder / f"{name}.out"
    with running(command, os.environ, log) as process:
        yield process.pid
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8", errors="replace")[-1000:]
            raise SuiteError(f"{name} ended before the measurement did:\n{said}")


def _pid(pid: int) -> FindPids:
    return lambda: [pid]


def _length_s(folder: Path) -> float:
    """Return the length of all videos in *folder* together, in seconds."""
    length_s = 0.0
    for path in folder.glob("*.mp4"):
        try:
            with av.open(str(path)) as video:
                length_s += (video.duration or 0) / av.time_base
        except av.FFmpegError:  # It is still being written.
            continue
    return round(length_s, 1)

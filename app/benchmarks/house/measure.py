"""Runs all measurements of `bench --house`, in some minutes.

Everything is in a folder of its own, with its own Redis and ports, and is removed at the end, also
after Ctrl-C or SIGTERM. The folder is on the disk, so that what is written can be counted.
"""

import os
import platform
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import av
import click

from app.benchmarks.house.alerts_folder import measure_alerts
from app.benchmarks.house.answers import measure_answers
from app.benchmarks.house.archive import measure_archive
from app.benchmarks.house.clip_bytes import clip_ratio
from app.benchmarks.house.contest import contest
from app.benchmarks.house.drawn_video import EMPTY_S, VideoPart, drawn_video
from app.benchmarks.house.events import measure_events
from app.benchmarks.house.idle import measure_idle
from app.benchmarks.house.own_house import HouseCamera, OwnHouse
from app.benchmarks.house.stand_in_slack import StandInSlack
from app.benchmarks.house.usage import available_mb, private_mb
from app.benchmarks.rtsp_server import RtspServer
from app.benchmarks.slack_load import measure_slack
from app.errors import SuiteError
from app.launcher.redis_server import find_redis_server

VISIT, EMPTY = VideoPart((640, 480), 10), VideoPart((640, 480), 10, EMPTY_S)
LARGE = VideoPart((1280, 720), 15)
#: The seconds of each measurement; a visit of the drawn video takes 8.
IDLE_S, EVENTS_S, LARGE_S = 40.0, 48.0, 32.0
#: The requests of each kind to the Slack server.
REQUESTS = 1200
#: The seconds until a camera that has just started knows its room.
_LEARN_S = 6.0
_DISK, _MEMORY = Path("/var/tmp"), Path("/dev/shm")  # noqa: S108 (in folders of their own)
#: The 10,000 events are in memory if there is so much of it: a disk takes long to make them.
_ARCHIVE_MB = 1000


def measure_house() -> dict[str, Any]:
    """Return the figures of all measurements; `SuiteError` when something is missing."""
    find_redis_server()
    began_s = time.monotonic()
    with ended_gently(), ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="house-", dir=_DISK)))
        slack = stack.enter_context(StandInSlack())
        say("drawing the videos")
        try:
            videos = {part: drawn_video(part) for part in (VISIT, EMPTY, LARGE)}
        except av.FFmpegError as error:
            raise SuiteError(f"the videos cannot be encoded (libx264): {error}") from error
        servers = {
            part: stack.enter_context(RtspServer(video, part.fps, repeats=True))
            for part, video in videos.items()
        }
        bench = _Bench(folder, slack, servers)
        figures = {
            "machine": machine(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            **bench.idle(),
            **bench.events(),
            **bench.cameras(),
            "clip_ratio": clip_ratio(videos[VISIT], VISIT.size, VISIT.fps, folder / "clip"),
            **bench.parts(),
        }
        return {**figures, "took_s": round(time.monotonic() - began_s)}


@dataclass(frozen=True, slots=True)
class _Bench:
    """The measurements in *folder*, with *slack* and the *servers* of all videos."""

    folder: Path
    slack: StandInSlack
    servers: dict[VideoPart, RtspServer]

    def idle(self) -> dict[str, Any]:
        """Return the costs of the suite with one camera, while nothing happens."""
        house = self._house("idle", front=EMPTY)
        with house.running():
            time.sleep(_LEARN_S)
            say(f"nothing happens, for {IDLE_S:g} s")
            return {"idle": measure_idle(house, IDLE_S)}

    def events(self) -> dict[str, Any]:
        """Return the costs of a start, and of a camera that records; the delays of its alerts."""
        house, found = self._house("events", front=VISIT), {}
        server = self.servers[VISIT]

        def watch() -> float:
            began_s = time.monotonic()
            found["events"] = measure_events(house, server, self.slack, EVENTS_S)
            return time.monotonic() - began_s

        house.start_once()
        with house.running() as start_s:
            say(f"somebody comes every 8 s, beside other programs, for {EVENTS_S:g} s")
            found["contest"] = self._contest(house, "front", VISIT, watch)
            say("commands and clicks")
            found["answers"] = measure_answers(house, server)
        start_s = {name: round(one_s, 2) for name, one_s in start_s.items()}
        return {"start_cpu_s": round(sum(start_s.values()), 2), "start_s": start_s, **found}

    def cameras(self) -> dict[str, Any]:
        """Return the memory of a further camera, and the costs of a larger picture."""
        house = self._house("cameras", front=EMPTY, second=EMPTY, large=LARGE)

        def watch() -> float:
            time.sleep(LARGE_S)
            return LARGE_S

        with house.running():
            say(f"a larger picture beside other programs, for {LARGE_S:g} s")
            costs = self._contest(house, "large", LARGE, watch)
            further_mb = private_mb(house.camera_pids("second"))
        return {"large_contest": costs, "further_camera_mb": round(further_mb, 1)}

    def parts(self) -> dict[str, Any]:
        """Return the costs of the uploader's index, the notifier's folder and the Slack server."""
        say("10,000 events of the uploader")
        place = _MEMORY if available_mb() > _ARCHIVE_MB and _MEMORY.is_dir() else self.folder
        with tempfile.TemporaryDirectory(prefix="house-", dir=place) as archive:
            found: dict[str, Any] = {"archive": measure_archive(Path(archive))}
        say("alerts to the folder, and answers to /status")
        found["alerts_per_s"] = measure_alerts(self.folder / "alerts")
        return {**found, "slack": measure_slack(REQUESTS)}

    def _house(self, name: str, **cameras: VideoPart) -> OwnHouse:
        say("the suite starts")
        sources = {
            camera: HouseCamera(self.servers[part].url, part.fps)
            for camera, part in cameras.items()
        }
        return OwnHouse(self.folder / name, sources, self.slack.url)

    def _contest(
        self, house: OwnHouse, camera: str, part: VideoPart, watch: Callable[[], float]
    ) -> dict[str, Any]:
        server, folder = self.servers[part], house.folder / "contest"
        return contest(server.url, part, folder, lambda: house.camera_pids(camera), watch)


def say(what: str) -> None:
    """Print what is measured now, beside the output."""
    click.echo(f"{datetime.now():%H:%M:%S} {what}", err=True)  # noqa: DTZ005 (for people here)


def machine() -> str:
    """Return a line about this machine."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith(("model name", "Model"))
    ]
    name = names[-1] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


@contextmanager
def ended_gently() -> Iterator[None]:
    """End at a signal only after all that was started has ended; further signals are ignored."""

    def end(*_: object) -> NoReturn:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, end) for one in kinds}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

"""`replay`: runs the detector over videos, as fast as they can be decoded."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

import av
import click
import cv2

from app.cameras import is_endless, make_camera
from app.cameras.address import redacted
from app.cameras.base import Camera, CameraSettings
from app.cameras.opening import video_stream
from app.clock import SystemClock
from app.config import CameraConfig, Config
from app.detector import Detector, Event, Verdict
from app.display.video import problem_with
from app.errors import CameraEnded, CameraError, ClipError, NoDisplay
from app.evaluation.options import config_options, loaded
from app.evaluation.replay_display import ShowFrame, replay_display
from app.frames import Frame
from app.motion import make_motion

#: The seconds of a drawn scene that are replayed: it has no end.
ENDLESS_S = 60.0

JudgedFrame = tuple[Frame, Verdict]


@click.command()
@click.argument("videos", metavar="VIDEO...", nargs=-1, required=True)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object a line for each event, instead of a table.",
)
@click.option(
    "--frames", "with_frames", is_flag=True, help="With --json: print one for each frame, too."
)
@click.option(
    "--render",
    metavar="OUT.mp4",
    type=click.Path(path_type=Path),
    help="Write a video of what the detector sees: the picture, the background, the difference, "
    "the verdict with its reasons, and the last minute.",
)
@click.option("--show", is_flag=True, help="Show the same in a window, which q closes.")
@config_options
@click.option(
    "--camera",
    "name",
    metavar="NAME",
    help="The camera whose masks and frame rate apply, if several are configured.",
)
def replay(
    *,
    videos: tuple[str, ...],
    as_json: bool,
    with_frames: bool,
    render: Path | None,
    show: bool,
    folder: Path | None,
    profile: str | None,
    name: str | None,
) -> None:
    """Run the detector over each VIDEO, and print the events that it finds.

    This runs as fast as the video can be decoded. VIDEO may be demo, of which it takes a minute.
    """
    if with_frames and not as_json:
        raise click.UsageError("--frames prints JSON only: add --json")
    _check_render(render, videos)
    config = loaded(folder, profile)
    camera_config = _choose_camera(config, name)
    cv2.setNumThreads(1)
    output = _Output(as_json, with_frames, render, show)
    succeeded = [_succeeds(video, config, camera_config, output) for video in videos]
    sys.exit(0 if all(succeeded) else 1)


@dataclass(frozen=True, slots=True)
class _Output:
    """The forms of the results: lines, and the pictures in a video *render* or a window."""

    as_json: bool
    with_frames: bool
    render: Path | None
    show: bool


def judged_frames(camera: Camera, detector: Detector) -> Iterator[JudgedFrame]:
    """Yield every frame of *camera*, which is open, with the verdict of *detector*."""
    while True:
        try:
            frame = camera.read()
        except CameraEnded:
            return
        yield frame, detector.judge(frame)


def _choose_camera(config: Config, name: str | None) -> CameraConfig:
    """Return the camera whose masks and frame rate apply: the one called *name*, or the only one.

    If there are several and no *name*, it is a camera without masks.
    """
    names = ", ".join(config.cameras)
    if name is None and len(config.cameras) == 1:
        return next(iter(config.cameras.values()))
    if name is None:
        click.echo(
            f"No masks apply, and {CameraConfig().fps:g} frames a second: --camera chooses among "
            f"{names}.",
            err=True,
        )
        return CameraConfig()
    if name not in config.cameras:
        raise click.BadParameter(
            f"no camera is called {name}; there are: {names}", param_hint="--camera"
        )
    return config.cameras[name]


def _check_render(render: Path | None, videos: tuple[str, ...]) -> None:
    """Refuse a *render* that cannot be written, before anything is replayed."""
    if render is None:
        return
    if len(videos) > 1:
        raise click.UsageError("--render writes one video: name one VIDEO")
    if problem := problem_with(render):
        raise click.BadParameter(problem, param_hint="--render")


def _succeeds(video: str, config: Config, camera_config: CameraConfig, output: _Output) -> bool:
    """Replay *video*; return False after a failure, which is printed."""
    name = Path(redacted(video)).name
    try:
        with replay_display(name, output.render, window=output.show) as display:
            damage = _replay(video, config, camera_config, output, display)
    except (CameraError, ClipError, NoDisplay) as error:
        click.echo(f"Error: {error}", err=True)
    except OSError as error:
        click.echo(f"Error: {output.render} cannot be written: {error.strerror}", err=True)
    else:
        if damage:
            click.echo(f"Error: {damage}", err=True)
        return not damage
    return False


def _replay(
    video: str,
    config: Config,
    camera_config: CameraConfig,
    output: _Output,
    display: ShowFrame,
) -> str | None:
    """Replay *video*, and print the events in it; return what is damaged in it."""
    # The pictures of a video were flipped when it was recorded, so the configured flips do not
    # apply.
    fps = camera_config.fps
    settings = CameraSettings(source=video, fps=fps)
    camera = make_camera("replay", settings, SystemClock(), pace="fast")
    motion = make_motion(config.motion, camera_config.masks, fps, camera_config.zones)
    detector = Detector(motion, config.events, fps=fps)
    ended: list[Event] = []
    report = partial(_print_event, video) if output.as_json else ended.append
    with closing(camera):
        camera.open()
        try:
            frames = judged_frames(camera, detector)
            if is_endless(video):
                frames = takewhile(lambda judged: judged[0].at_s < ENDLESS_S, frames)
            for frame, verdict in _with_progress(frames, video, output.as_json):
                display(frame, verdict, detector.comparison)
                if output.with_frames:
                    _print_frame(video, frame, verdict)
                if verdict.event and verdict.changed == "closed":
                    report(verdict.event)
        finally:
            if last := detector.end_event():
                report(last)
            if not output.as_json:
                click.echo(_table(video, ended))
        if camera.corrupt:
            return f"{camera.source}: {camera.corrupt} of its pictures are damaged"
    return None


def _with_progress(
    frames: Iterator[JudgedFrame], video: str, as_json: bool
) -> Iterable[JudgedFrame]:
    """Yield *frames* while a progress bar on the terminal follows them.

    There is no bar where it would mix with lines that are printed there.
    """
    if not sys.stderr.isatty() or (as_json and sys.stdout.isatty()):
        yield from frames
        return
    with click.progressbar(
        frames, length=_length(video), label=Path(video).name, file=sys.stderr
    ) as bar:
        yield from bar


def _length(video: str) -> int | None:
    """Return the number of frames in the header of *video*, None without one."""
    try:
        with av.open(video) as opened:
            stream = video_stream(opened)
            return stream.frames or None if stream else None
    except av.FFmpegError:
        return None


def _print_event(video: str, event: Event) -> None:
    fields = {
        "video": video,
        "event": event.number,
        "started_s": round(event.started_at_s, 3),
        "ended_s": event.ended_at_s and round(event.ended_at_s, 3),
        "peak_area_px": round(event.peak_area_px, 1),
        "boxes": event.boxes,
        **({"evidence": asdict(event.evidence)} if event.evidence else {}),
    }
    click.echo(json.dumps(fields))


def _print_frame(video: str, frame: Frame, verdict: Verdict) -> None:
    level = {} if verdict.level is None else {"level": round(verdict.level, 1)}
    fields = {
        "video": video,
        "frame": frame.number,
        "t_s": round(frame.at_s, 3),
        "motion": verdict.motion,
        "area_px": round(verdict.area_px, 1),
        **level,
        **({"objection": verdict.objection} if verdict.objection else {}),
        **({"damaged": True} if frame.damaged else {}),
        "event": verdict.event is not None and verdict.event.ended_at_s is None,
    }
    click.echo(json.dumps(fields))


def _table(video: str, events: list[Event]) -> str:
    if not events:
        return f"{video}: no event"
    rows = [
        f"{one.number:7} {one.started_at_s:9.1f} {one.ended_at_s:9.1f} {one.peak_area_px:17.0f}"
        for one in events
    ]
    return "\n".join([f"{video}:", "  event    from s      to s   largest area px", *rows])

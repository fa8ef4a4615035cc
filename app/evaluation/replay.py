"""`replay`: runs the detector over videos, as fast as they can be decoded."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import get_args

import av
import click
import cv2

from app.cameras import is_endless, make_camera
from app.cameras.address import redacted
from app.cameras.base import Camera, CameraSettings
from app.cameras.opening import video_stream
from app.clock import SystemClock
from app.config import CameraConfig, Config
from app.config.of_camera import people_settings, unjudged_areas
from app.config.options import config_options
from app.detector import Detector, Verdict
from app.display.video import problem_with
from app.errors import CameraError, ClipError, NoDisplay
from app.evaluation.options import loaded
from app.evaluation.people_replay import CROP_S, AlertOutcome, PeopleReplay, named_model
from app.evaluation.replay_display import ShowFrame, replay_display
from app.evaluation.replay_lines import event_line, frame_line, table
from app.frames import Frame
from app.motion import make_motion
from app.people.base import Backend, PersonModel
from app.people.choice import choose

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
@click.option(
    "--people",
    metavar="NAME",
    help=f"The person model instead of the configured one: {', '.join(get_args(Backend))}, or a "
    "file in model-files/.",
)
@click.option(
    "--crop-s",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=CROP_S,
    show_default=True,
    help="For how long the person model looks at one crop, in the time of the video.",
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
    people: str | None,
    crop_s: float,
) -> None:
    """Run the detector over each VIDEO, and print the events that it finds.

    This runs as fast as the video can be decoded. VIDEO may be demo, of which it takes a minute.
    The person model, if there is one, decides about alerts as it would at a camera.
    """
    if with_frames and not as_json:
        raise click.UsageError("--frames prints JSON only: add --json")
    _check_render(render, videos)
    config = loaded(folder, profile)
    camera_config = _choose_camera(config, name)
    cv2.setNumThreads(1)
    if people is not None:
        config = config.model_copy(update={"people": named_model(config.people, people)})
    setup = _Setup(config, camera_config, _model(config), crop_s)
    output = _Output(as_json, with_frames, render, show)
    succeeded = [_succeeds(video, setup, output) for video in videos]
    sys.exit(0 if all(succeeded) else 1)


@dataclass(frozen=True, slots=True)
class _Output:
    """The forms of the results: lines, and the pictures in a video *render* or a window."""

    as_json: bool
    with_frames: bool
    render: Path | None
    show: bool


@dataclass(frozen=True, slots=True)
class _Setup:
    """The settings, those of the camera, and the person model, which looks for *crop_s* seconds."""

    config: Config
    camera: CameraConfig
    model: PersonModel | None
    crop_s: float

    def model_at(self, video: str) -> PersonModel | None:
        """Return the model that looks at *video*: none looks at a drawn room."""
        settings = people_settings(self.config, replace(self.camera, source=video))
        return self.model if settings else None


def _model(config: Config) -> PersonModel | None:
    """Return the person model of *config*; None where none is used."""
    if config.motion.trigger == "light" or config.people.backend == "none":
        return None
    choice = choose(config.people, config.models_dir)
    wanted = config.people.model or config.people.backend != "auto"
    if wanted and choice.broken:
        raise click.ClickException(". ".join(choice.broken))
    click.echo(choice.summary, err=True)
    return choice.model


def judged_frames(camera: Camera, detector: Detector | PeopleReplay) -> Iterator[JudgedFrame]:
    """Yield every frame of *camera*, which is open, with the verdict of *detector*."""
    for frame in camera.frames():
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


def _succeeds(video: str, setup: _Setup, output: _Output) -> bool:
    """Replay *video*; return False after a failure, which is printed."""
    name = Path(redacted(video)).name
    try:
        with replay_display(name, output.render, window=output.show) as display:
            damage = _replay(video, setup, output, display)
    except (CameraError, ClipError, NoDisplay) as error:
        click.echo(f"Error: {error}", err=True)
    except OSError as error:
        click.echo(f"Error: {output.render} cannot be written: {error.strerror}", err=True)
    else:
        if damage:
            click.echo(f"Error: {damage}", err=True)
        return not damage
    return False


def _replay(video: str, setup: _Setup, output: _Output, display: ShowFrame) -> str | None:
    """Replay *video*, and print the events in it; return what is damaged in it."""
    # The pictures of a video were flipped when it was recorded, so the configured flips do not
    # apply.
    config, fps = setup.config, setup.camera.fps
    settings = CameraSettings(source=video, fps=fps)
    camera = make_camera("replay", settings, SystemClock(), pace="fast")
    unjudged = unjudged_areas(setup.camera)
    motion = make_motion(config.motion, unjudged, fps, setup.camera.zones)
    detector = Detector(motion, config.events, fps=fps)
    model = setup.model_at(video)
    people = PeopleReplay(detector, config.people, model, setup.crop_s)
    report = _Report(video, output, with_people=model is not None)
    with closing(camera):
        camera.open()
        at_s = 0.0
        try:
            frames = judged_frames(camera, people)
            if is_endless(video):
                frames = takewhile(lambda judged: judged[0].at_s < ENDLESS_S, frames)
            for frame, verdict in _with_progress(frames, video, output.as_json):
                at_s = frame.at_s
                display(frame, verdict, detector.comparison, people.view)
                report.frame(frame, verdict)
                if verdict.event and verdict.changed == "closed":
                    report.event(people.outcome(verdict.event))
        finally:
            if last := people.end_event(at_s):
                report.event(people.outcome(last))
            report.end()
        if camera.corrupt:
            return f"{camera.source}: {camera.corrupt} of its pictures are damaged"
    return None


class _Report:
    """Prints what is found in *video*: lines of JSON at once, or a table at the end."""

    def __init__(self, video: str, output: _Output, *, with_people: bool) -> None:
        self._video, self._output, self._with_people = video, output, with_people
        self._ended: list[AlertOutcome] = []

    def frame(self, frame: Frame, verdict: Verdict) -> None:
        if self._output.with_frames:
            click.echo(frame_line(self._video, frame, verdict))

    def event(self, outcome: AlertOutcome) -> None:
        if self._output.as_json:
            click.echo(event_line(self._video, outcome, with_people=self._with_people))
        else:
            self._ended.append(outcome)

    def end(self) -> None:
        if not self._output.as_json:
            click.echo(table(self._video, self._ended, with_people=self._with_people))


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

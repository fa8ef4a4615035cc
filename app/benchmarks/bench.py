"""`bench`: what the detector costs on this machine beside the plain classic pipeline, in CPU
time.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import click
import cv2
import numpy as np

from app.benchmarks.classic import ClassicMotion
from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import SystemClock
from app.detector import Detector, EventSettings
from app.errors import CameraEnded, CameraError
from app.frames import Frame, Image
from app.motion.background import BackgroundMotion
from app.motion.base import MotionSettings

WIDTH, HEIGHT = 640, 480
PICTURES = 150
WARM_UP = 20
CLASSIC_STAGES = ("resize", "grey", "blur", "compare", "mark", "outline")
DETECTOR_STAGES = ("shrink", "blur", "learn", "compare", "outline")
#: The same moment in colour, for the classic pipeline, and as the detector is given it.
Pictures = Sequence[tuple[Image, Frame]]


@click.command()
@click.argument("video", default="demo")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="How many frames to measure.",
)
@click.option(
    "--slack",
    "of_slack",
    is_flag=True,
    help="Measure the Slack server instead: milliseconds to answer, and memory.",
)
@click.option(
    "--clips",
    "of_clips",
    is_flag=True,
    help="Measure filming instead: memory, CPU time, and how late a frame gets.",
)
@click.option(
    "--uploads",
    "of_uploads",
    is_flag=True,
    help="Measure the uploader instead: MB a second over loopback, and memory.",
)
def bench(
    *, video: str, as_json: bool, count: int, of_slack: bool, of_clips: bool, of_uploads: bool
) -> None:
    """Measure what a frame costs, beside the classic pipeline. On one thread, in CPU milliseconds a
    frame of 640x480.

    The frames are those of VIDEO, resized beforehand, or of the drawn demo scene. Both pipelines
    see each frame in turn, so that whatever else this machine does disturbs both alike. The stages
    are measured in a second run, and include what measuring them costs.
    """
    if of_slack:
        _bench_slack(as_json)
        return
    if of_clips:
        _bench_clips(as_json)
        return
    if of_uploads:
        _bench_uploads(as_json)
        return
    cv2.setNumThreads(1)
    try:
        pictures = read_pictures(video)
    except CameraError as error:
        raise click.ClickException(str(error)) from None
    figures = measure(pictures, count)
    click.echo(json.dumps(figures) if as_json else _table(figures))


def _bench_slack(as_json: bool) -> None:
    from app.benchmarks.slack_load import measure_slack, slack_table

    _tell(measure_slack, slack_table, as_json)


def _bench_clips(as_json: bool) -> None:
    from app.benchmarks.clip_load import clip_table, measure_clips

    cv2.setNumThreads(1)
    _tell(measure_clips, clip_table, as_json)


def _bench_uploads(as_json: bool) -> None:
    from app.benchmarks.upload_load import measure_uploads, uploads_table

    _tell(measure_uploads, uploads_table, as_json)


def _tell(
    take_figures: Callable[[], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
    as_json: bool,
) -> None:
    """Print what *take_figures* finds, as JSON or as a *table*."""
    try:
        figures = take_figures()
    except OSError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(figures) if as_json else table(figures))


class Stopwatch:
    """CPU time spent in what is called through it, by name."""

    def __init__(self) -> None:
        self._spent_s: dict[str, float] = {}

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """*call*, whose time is taken from now on under *name*."""

        def measured(*given: object) -> Any:
            began_s = time.process_time()
            result = call(*given)
            self._spent_s[name] += time.process_time() - began_s
            return result

        self._spent_s[name] = 0.0
        return measured

    def watch(self, subject: object, names: Iterable[str]) -> None:
        """Take the time of the methods *names* of *subject* from now on."""
        for name in names:
            setattr(subject, name, self.timed(name, getattr(subject, name)))

    def restart(self) -> None:
        """Begin at zero."""
        self._spent_s = dict.fromkeys(self._spent_s, 0.0)

    def ms(self, count: int) -> dict[str, float]:
        """Milliseconds for each of *count* frames."""
        return {name: round(1000 * spent_s / count, 4) for name, spent_s in self._spent_s.items()}


def read_pictures(source: str) -> Pictures:
    """The first pictures of *source*, 640x480."""
    camera = make_camera(
        "bench",
        CameraSettings(source=source, resolution=(WIDTH, HEIGHT)),
        SystemClock(),
        pace="fast",
    )
    pictures: list[tuple[Image, Frame]] = []
    with closing(camera):
        camera.open()
        while len(pictures) < PICTURES:
            try:
                frame = camera.read()
            except CameraEnded:
                break
            bgr = np.asarray(
                cv2.resize(frame.bgr(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
            )
            luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
            pictures.append((bgr, replace(frame, luma=luma, luma_span=255)))
    return pictures


def measure(pictures: Pictures, count: int) -> dict[str, Any]:
    """What both pipelines and their stages cost, over *count* frames."""
    whole = Stopwatch()
    classic, detector = (
        ClassicMotion(MotionSettings()),
        Detector(BackgroundMotion(MotionSettings()), EventSettings()),
    )
    _take_turns(
        pictures,
        count,
        whole.timed("classic_ms", classic.look),
        whole.timed("detector_ms", detector.judge),
        [whole],
    )
    costs = whole.ms(count)
    ratio = round(costs["detector_ms"] / costs["classic_ms"], 4)
    return {**costs, "ratio": ratio, "frames": count, **_stages(pictures, count)}


def _stages(pictures: Pictures, count: int) -> dict[str, dict[str, float]]:
    classic, motion = ClassicMotion(MotionSettings()), BackgroundMotion(MotionSettings())
    detector = Detector(motion, EventSettings())
    motion.judge(pictures[0][1].luma)
    whole, of_classic, of_detector = Stopwatch(), Stopwatch(), Stopwatch()
    of_classic.watch(classic, CLASSIC_STAGES)
    of_detector.watch(motion.background, DETECTOR_STAGES)
    whole.watch(motion, ["judge"])
    _take_turns(
        pictures,
        count,
        classic.look,
        whole.timed("detector", detector.judge),
        [whole, of_classic, of_detector],
    )
    rule_ms = whole.ms(count)["detector"] - whole.ms(count)["judge"]
    return {
        "classic_stages_ms": of_classic.ms(count),
        "detector_stages_ms": {**of_detector.ms(count), "rule": round(rule_ms, 4)},
    }


def _take_turns(
    pictures: Pictures,
    count: int,
    classic: Callable[[Image], Any],
    detector: Callable[[Frame], Any],
    watches: Sequence[Stopwatch],
) -> None:
    """Show frames to both, a few before the *watches* start and then *count*."""
    for number, (bgr, frame) in enumerate(_there_and_back(pictures, WARM_UP + count)):
        if number == WARM_UP:
            for watch in watches:
                watch.restart()
        classic(bgr)
        detector(frame)


def _there_and_back(pictures: Pictures, count: int) -> Iterator[tuple[Image, Frame]]:
    """*count* pictures in which nothing jumps, with time that only goes forward."""
    order = itertools.cycle([*pictures, *pictures[-2:0:-1]])
    for number, (bgr, frame) in enumerate(itertools.islice(order, count)):
        yield bgr, replace(frame, number=number, at_s=number / 10)


def _table(figures: dict[str, Any]) -> str:
    rows = [
        f"CPU milliseconds a frame of {WIDTH}x{HEIGHT}, one thread, mean of {figures['frames']} "
        "frames"
    ]
    for name in ("classic", "detector"):
        rows.append(f"  {name:16} {figures[f'{name}_ms']:8.4f}")
        rows.extend(
            f"    {stage:14} {cost_ms:8.4f}"
            for stage, cost_ms in figures[f"{name}_stages_ms"].items()
        )
    return "\n".join(
        [
            *rows,
            f"  the detector takes {figures['ratio']:.4f} of the classic pipeline's time: "
            f"1/{1 / figures['ratio']:.0f}",
        ]
    )

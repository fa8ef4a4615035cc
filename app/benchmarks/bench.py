"""`bench`: measures the CPU time of the detector on this machine, beside the classic pipeline.

In its figures, the detector is that with the method running_average.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from app.benchmarks.classic import ClassicMotion
from app.benchmarks.motion_load import PICTURES as MOTION_PICTURES
from app.benchmarks.motion_load import measure_motion, motion_table
from app.benchmarks.stopwatch import Stopwatch
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
#: Each picture, in colour for the classic pipeline and as a frame for the detector.
BenchPictures = Sequence[tuple[Image, Frame]]


@click.command()
@click.argument("video", default="demo")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="The number of frames to measure.",
)
@click.option(
    "--slack",
    "of_slack",
    is_flag=True,
    help="Measure the Slack server instead: milliseconds for a response, and memory.",
)
@click.option(
    "--clips",
    "of_clips",
    is_flag=True,
    help="Measure recording instead: memory, CPU time, and the delay of frames.",
)
@click.option(
    "--uploads",
    "of_uploads",
    is_flag=True,
    help="Measure the uploader instead: MB a second over loopback, and memory.",
)
@click.option(
    "--timeline",
    "of_timeline",
    is_flag=True,
    help="Measure the dashboard instead: milliseconds for a page with 5000 events, and memory.",
)
@click.option(
    "--people",
    "models",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Measure the person models in DIR instead, and hog: CPU time for a crop, and memory.",
)
@click.option(
    "--viewers",
    metavar="N",
    type=click.IntRange(1, 12),
    help="Measure N viewers of the live picture instead: CPU time of the camera, Slack's answers.",
)
def bench(
    *,
    video: str,
    as_json: bool,
    count: int,
    of_slack: bool,
    of_clips: bool,
    of_uploads: bool,
    of_timeline: bool,
    models: Path | None,
    viewers: int | None,
) -> None:
    """Measure the CPU time of a frame, beside the classic pipeline.

    The figures are milliseconds on one thread for a frame of 640x480. The frames are those of
    VIDEO, resized beforehand, or of the drawn demo scene. The classic pipeline and the detector
    with the method running_average get each frame in turn, so that other work of this machine
    disturbs both alike. The stages are measured in a second run, and include the cost of measuring
    them. Then both methods are measured with an empty room and with somebody there.
    """
    if of_slack:
        _bench_slack(as_json)
    elif of_clips:
        _bench_clips(as_json)
    elif of_uploads:
        _bench_uploads(as_json)
    elif viewers:
        _bench_viewers(viewers, as_json)
    elif of_timeline:
        _bench_timeline(as_json)
    elif models:
        _bench_people(models, as_json)
    else:
        _bench_frames(video, count, as_json)


def _bench_frames(video: str, count: int, as_json: bool) -> None:
    cv2.setNumThreads(1)
    try:
        pictures = read_pictures(video)
    except CameraError as error:
        raise click.ClickException(str(error)) from None
    figures = {**measure(pictures, count), **measure_motion(video, min(count, MOTION_PICTURES))}
    click.echo(json.dumps(figures) if as_json else f"{_table(figures)}\n{motion_table(figures)}")


def _bench_slack(as_json: bool) -> None:
    from app.benchmarks.slack_load import measure_slack, slack_table

    _print_figures(measure_slack, slack_table, as_json)


def _bench_clips(as_json: bool) -> None:
    from app.benchmarks.clip_load import clip_table, measure_clips

    cv2.setNumThreads(1)
    _print_figures(measure_clips, clip_table, as_json)


def _bench_uploads(as_json: bool) -> None:
    from app.benchmarks.upload_load import measure_uploads, uploads_table

    _print_figures(measure_uploads, uploads_table, as_json)


def _bench_viewers(viewers: int, as_json: bool) -> None:
    from app.benchmarks.viewers_load import measure_viewers, viewers_table

    _print_figures(partial(measure_viewers, viewers), viewers_table, as_json)


def _bench_timeline(as_json: bool) -> None:
    from app.benchmarks.timeline_load import measure_timeline, timeline_table

    _print_figures(measure_timeline, timeline_table, as_json)


def _bench_people(folder: Path, as_json: bool) -> None:
    from app.benchmarks.people_load import measure_people, people_table

    cv2.setNumThreads(1)
    _print_figures(partial(measure_people, folder), people_table, as_json)


def _print_figures(
    find_figures: Callable[[], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
    as_json: bool,
) -> None:
    """Print the figures that *find_figures* returns, as JSON or as a *table*."""
    try:
        figures = find_figures()
    except OSError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(figures) if as_json else table(figures))


def read_pictures(source: str) -> BenchPictures:
    """Return the first pictures of *source*, resized to 640x480."""
    settings = CameraSettings(source=source, resolution=(WIDTH, HEIGHT))
    camera = make_camera("bench", settings, SystemClock(), pace="fast")
    pictures: list[tuple[Image, Frame]] = []
    with closing(camera):
        camera.open()
        while len(pictures) < PICTURES:
            try:
                frame = camera.read()
            except CameraEnded:
                break
            resized = cv2.resize(frame.bgr(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            bgr = np.asarray(resized, np.uint8)
            luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
            pictures.append((bgr, replace(frame, luma=luma, luma_span=255)))
    return pictures


def measure(pictures: BenchPictures, count: int) -> dict[str, Any]:
    """Return the costs of both pipelines and of their stages, over *count* frames."""
    whole = Stopwatch()
    classic = ClassicMotion(MotionSettings())
    detector = Detector(BackgroundMotion(MotionSettings()), EventSettings())
    _take_turns(
        pictures,
        count,
        whole.timed("classic_ms", classic.judge),
        whole.timed("detector_ms", detector.judge),
        [whole],
    )
    costs = whole.ms(count)
    ratio = round(costs["detector_ms"] / costs["classic_ms"], 4)
    return {**costs, "ratio": ratio, "frames": count, **_stages(pictures, count)}


def _stages(pictures: BenchPictures, count: int) -> dict[str, dict[str, float]]:
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
        classic.judge,
        whole.timed("detector", detector.judge),
        [whole, of_classic, of_detector],
    )
    rule_ms = whole.ms(count)["detector"] - whole.ms(count)["judge"]
    return {
        "classic_stages_ms": of_classic.ms(count),
        "detector_stages_ms": {**of_detector.ms(count), "rule": round(rule_ms, 4)},
    }


def _take_turns(
    pictures: BenchPictures,
    count: int,
    classic: Callable[[Image], Any],
    detector: Callable[[Frame], Any],
    watches: Sequence[Stopwatch],
) -> None:
    """Give both pipelines a few frames to warm up, then *count* frames that are measured."""
    for number, (bgr, frame) in enumerate(_there_and_back(pictures, WARM_UP + count)):
        if number == WARM_UP:
            for watch in watches:
                watch.restart()
        classic(bgr)
        detector(frame)


def _there_and_back(pictures: BenchPictures, count: int) -> Iterator[tuple[Image, Frame]]:
    """Yield *count* pictures without jumps, with times that only increase."""
    order = itertools.cycle([*pictures, *pictures[-2:0:-1]])
    for number, (bgr, frame) in enumerate(itertools.islice(order, count)):
        yield bgr, replace(frame, number=number, at_s=number / 10)


def _table(figures: dict[str, Any]) -> str:
    frames, ratio = figures["frames"], figures["ratio"]
    rows = [f"CPU milliseconds a frame of {WIDTH}x{HEIGHT}, one thread, mean of {frames} frames"]
    for name in ("classic", "detector"):
        rows.append(f"  {name:16} {figures[f'{name}_ms']:8.4f}")
        stages = figures[f"{name}_stages_ms"].items()
        rows.extend(f"    {stage:14} {cost_ms:8.4f}" for stage, cost_ms in stages)
    share = f"{ratio:.4f} of the classic pipeline's time: 1/{1 / ratio:.0f}"
    return "\n".join([*rows, f"  the detector takes {share}"])

"""`bench`: measures what the suite costs on this machine."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click


class Measurement(NamedTuple):
    """The function that measures, and the one that shows its figures to people."""

    find_figures: Callable[[], dict[str, Any]]
    table: Callable[[dict[str, Any]], str]


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
    "--house",
    "what",
    flag_value="house",
    help="Measure the whole suite instead, beside Motion and ffmpeg where they are installed.",
)
@click.option(
    "--slack",
    "what",
    flag_value="slack",
    help="Measure the Slack server instead: milliseconds for a response, and memory.",
)
@click.option(
    "--clips",
    "what",
    flag_value="clips",
    help="Measure recording instead: memory, CPU time, and the delay of frames.",
)
@click.option(
    "--uploads",
    "what",
    flag_value="uploads",
    help="Measure the uploader instead: MB a second, memory, and the cost of 10,000 events.",
)
@click.option(
    "--timeline",
    "what",
    flag_value="timeline",
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
    what: str | None,
    models: Path | None,
    viewers: int | None,
) -> None:
    """Measure the CPU time of a frame, beside the classic pipeline.

    The figures are milliseconds on one thread for a frame of 640x480. The frames are those of
    VIDEO, resized beforehand, or of the drawn demo scene. The classic pipeline and the detector
    with the method running_average get each frame in turn, so that other work of this machine
    disturbs both alike: first with warm caches, then with caches that are wiped before each turn,
    as at a camera's pace. The stages are measured in another run, and include the cost of measuring
    them. Then both methods are measured with an empty room and with somebody there.
    """
    if viewers:
        measurement = _viewers(viewers)
    elif models:
        measurement = _people(models)
    elif what:
        measurement = MEASUREMENTS[what]()
    else:
        measurement = _frames(video, count)
    try:
        figures = measurement.find_figures()
    except OSError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(figures) if as_json else measurement.table(figures))


def _frames(video: str, count: int) -> Measurement:
    from app.benchmarks.frame_load import frames_table, measure_frames, read_pictures
    from app.benchmarks.motion_load import PICTURES, measure_motion, motion_table

    _use_one_thread()

    def measure() -> dict[str, Any]:
        frames = measure_frames(read_pictures(video), count)
        return {**frames, **measure_motion(video, min(count, PICTURES))}

    return Measurement(measure, lambda found: f"{frames_table(found)}\n{motion_table(found)}")


def _house() -> Measurement:
    from app.benchmarks.house.measure import measure_house
    from app.benchmarks.house.table import house_table

    return Measurement(measure_house, house_table)


def _slack() -> Measurement:
    from app.benchmarks.slack_load import measure_slack, slack_table

    return Measurement(measure_slack, slack_table)


def _clips() -> Measurement:
    from app.benchmarks.clip_load import clip_table, measure_clips

    _use_one_thread()
    return Measurement(measure_clips, clip_table)


def _uploads() -> Measurement:
    from app.benchmarks.upload_load import measure_uploads, uploads_table

    return Measurement(measure_uploads, uploads_table)


def _timeline() -> Measurement:
    from app.benchmarks.timeline_load import measure_timeline, timeline_table

    return Measurement(measure_timeline, timeline_table)


def _viewers(viewers: int) -> Measurement:
    from app.benchmarks.viewers_load import measure_viewers, viewers_table

    return Measurement(partial(measure_viewers, viewers), viewers_table)


def _people(folder: Path) -> Measurement:
    from app.benchmarks.people_load import measure_people, people_table

    _use_one_thread()
    return Measurement(partial(measure_people, folder), people_table)


def _use_one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


#: The measurements that need nothing but their name.
MEASUREMENTS: dict[str, Callable[[], Measurement]] = {
    "house": _house,
    "slack": _slack,
    "clips": _clips,
    "uploads": _uploads,
    "timeline": _timeline,
}

"""`yardstick`: scores the detector on labelled scenes, which it draws."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click

from app.errors import CameraError
from app.evaluation.yardstick import report
from app.evaluation.yardstick.footage import Footage, clip_footage, drawn_footage, find_clip
from app.evaluation.yardstick.run import Method, Plan, Result, run
from app.evaluation.yardstick.scenes import SCENES
from app.files import write_atomic
from app.motion.base import MotionSettings
from app.motion.parts import PART_NAMES


@click.command()
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The number of the scenes: it moves times, places, strengths and the framing.",
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default=MotionSettings().method,
    show_default=True,
    help="The method of motion.",
)
@click.option(
    "--without",
    metavar="PART",
    multiple=True,
    type=click.Choice(PART_NAMES),
    help=f"Switch off a part of the method structure: {', '.join(PART_NAMES)}.",
)
@click.option(
    "--only", metavar="SCENE", multiple=True, type=click.Choice(list(SCENES)), help="One scene."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="The number of processes; by default, one for each processor.",
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Encode the scenes as H.264, keep them here, and use those that are here.",
)
@click.option(
    "--report",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("yardstick.md"),
    show_default=True,
    help="The page of Markdown to write.",
)
def yardstick(
    *,
    seed: int,
    method: Method,
    without: tuple[str, ...],
    only: tuple[str, ...],
    jobs: int,
    keep: Path | None,
    page: Path,
) -> None:
    """Score the detector on labelled scenes, and print a table.

    The scenes are drawn from a real clip where it is found (in the folder WHOS_THERE_DATA), else
    from the drawn room of demo. The settings are the defaults, and an event ends after 5 s.
    """
    if without and method != "structure":
        raise click.UsageError("--without takes parts of the method structure")
    clip = find_clip()
    folder = keep and keep / f"{'' if clip else 'drawn-'}seed{seed}"
    plan = Plan(seed, method, without, folder)
    names = only or tuple(SCENES)
    try:
        results = _with_progress(plan, names, _footage(plan, names, clip), jobs)
    except (CameraError, OSError) as error:
        raise click.ClickException(str(error)) from None
    figures = report.rows(results)
    subtitle = _subtitle(plan, clip)
    click.echo(f"{subtitle}\n{report.text(figures)}\n{report.NOTES}")
    write_atomic(page, report.markdown("The yardstick", subtitle, figures).encode())


def _footage(plan: Plan, names: Sequence[str], clip: Path | None) -> Footage | None:
    """Return the pictures of which the scenes are made; None when all scenes are kept."""
    if all(plan.is_kept(name) for name in names):
        return None
    click.echo(f"Scenes are made from {clip or 'the drawn room of demo'}", err=True)
    return clip_footage(clip, plan.seed) if clip else drawn_footage(plan.seed)


def _with_progress(
    plan: Plan, names: Sequence[str], footage: Footage | None, jobs: int
) -> list[Result]:
    """Return the results in the order of *names*, while a progress bar follows them."""
    found: dict[str, Result] = {}
    with click.progressbar(length=len(names), label="Scenes", file=sys.stderr) as bar:
        for labels, score in run(plan, names, footage, min(jobs, len(names))):
            found[labels.name] = (labels, score)
            bar.update(1)
    return [found[name] for name in names]


def _subtitle(plan: Plan, clip: Path | None) -> str:
    source = clip.name if clip else "the drawn room"
    form = "as H.264" if plan.folder else "not encoded"
    parts = f", without {', '.join(plan.without)}" if plan.without else ""
    return f"Method {plan.method}{parts}; seed {plan.seed} of scenes from {source}, {form}."

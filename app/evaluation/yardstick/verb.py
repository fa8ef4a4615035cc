"""`yardstick`: scores the detector on labelled scenes, which it draws."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from app.errors import CameraError
from app.evaluation.people_replay import named_model
from app.evaluation.yardstick import report
from app.evaluation.yardstick.footage import Footage, clip_footage, drawn_footage, find_clip
from app.evaluation.yardstick.run import Method, Plan, Result, run
from app.evaluation.yardstick.scenes import SCENES, SMALL_SCENES
from app.evaluation.yardstick.variants import UNCHANGED, VARIANTS
from app.files import write_atomic
from app.motion.base import MotionSettings
from app.motion.parts import PART_NAMES
from app.people.base import PeopleSettings
from app.people.choice import choose


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
    "--only",
    metavar="SCENE",
    multiple=True,
    type=click.Choice([*SCENES, *SMALL_SCENES]),
    help="One scene.",
)
@click.option(
    "--people",
    metavar="NAME",
    help="Score the alerts that are sent with this person model, a backend or a file, instead of "
    "the events; and draw people 15 to 35 pixels high too.",
)
@click.option(
    "--memory-s",
    type=click.FloatRange(min=0),
    default=PeopleSettings().memory_s,
    show_default=True,
    help="With --people: for how long a person is remembered.",
)
@click.option(
    "--variant",
    "variants",
    metavar="NAME",
    multiple=True,
    type=click.Choice(list(VARIANTS)),
    default=(UNCHANGED,),
    help=f"Change the kept scenes on the way to the detector: {', '.join(VARIANTS)}.",
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
    people: str | None,
    memory_s: float,
    variants: tuple[str, ...],
    jobs: int,
    keep: Path | None,
    page: Path,
) -> None:
    """Score the detector on labelled scenes, and print a table.

    The scenes are drawn from a real clip where it is found (in the folder WHOS_THERE_DATA), else
    from the drawn room of demo. The settings are the defaults, and an event ends after 5 s. With
    several variants there is a table for each, and one to compare them.
    """
    if without and method != "structure":
        raise click.UsageError("--without takes parts of the method structure")
    if variants != (UNCHANGED,) and not keep:
        raise click.UsageError("--variant changes scenes that are kept: give --keep DIR too")
    clip = find_clip()
    folder = keep and keep / f"{'' if clip else 'drawn-'}seed{seed}"
    settings, models = _people(people, memory_s)
    plan = Plan(seed, method, without, folder, people=settings, models=models)
    names = only or (*SCENES, *(SMALL_SCENES if people else ()))
    try:
        tables = _tables(plan, variants, names, clip, jobs)
    except (CameraError, OSError) as error:
        raise click.ClickException(str(error)) from None
    for subtitle, table in tables.items():
        click.echo(f"{subtitle}\n{report.text(table)}")
    click.echo(report.NOTES)
    write_atomic(page, report.markdown("The yardstick", tables).encode())


def _tables(
    plan: Plan, variants: Sequence[str], names: Sequence[str], clip: Path | None, jobs: int
) -> dict[str, list[report.Row]]:
    """Return a table for each of *variants*, and one to compare several, by their subtitles."""
    found, tables = {}, {}
    for variant in dict.fromkeys(variants):
        one = replace(plan, variant=variant)
        found[variant] = _with_progress(one, names, _footage(one, names, clip), jobs)
        tables[_subtitle(one, clip)] = report.scenes(found[variant])
    if len(found) > 1:
        tables["All scenes:"] = report.variants(found)
    return tables


def _people(name: str | None, memory_s: float) -> tuple[PeopleSettings | None, Path]:
    """Return the settings with the person model *name*, and the folder of the models."""
    beside = Path(__file__).resolve().parents[3] / "model-files"
    folder = Path(os.environ.get("WHOS_THERE_MODELS", beside))
    if name is None:
        return None, folder
    settings = named_model(PeopleSettings(memory_s=memory_s), name)
    choice = choose(settings, folder)
    if choice.broken or not choice.model:
        raise click.ClickException(". ".join(choice.broken) or choice.summary)
    return settings, folder


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
    label = f"Scenes, {plan.variant}"
    with click.progressbar(length=len(names), label=label, file=sys.stderr) as bar:
        for labels, score in run(plan, names, footage, min(jobs, len(names))):
            found[labels.name] = (labels, score)
            bar.update(1)
    return [found[name] for name in names]


def _subtitle(plan: Plan, clip: Path | None) -> str:
    source = clip.name if clip else "the drawn room"
    form = "as H.264" if plan.folder else "not encoded"
    parts = f", without {', '.join(plan.without)}" if plan.without else ""
    if plan.variant != UNCHANGED:
        form += f", {plan.variant}"
    if plan.people:
        parts += f", alerts by {plan.people.model or plan.people.backend}"
    return f"Method {plan.method}{parts}; seed {plan.seed} of scenes from {source}, {form}."

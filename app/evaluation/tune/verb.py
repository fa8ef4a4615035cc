"""`tune`: finds better settings by the tags that people gave."""

import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from app.config import Config
from app.config.options import config_options
from app.errors import ConfigError
from app.evaluation.archive.files import open_files
from app.evaluation.archive.index import Archive, ArchivedEvent, read_archive
from app.evaluation.evaluate.judging import Judging
from app.evaluation.options import every_option, loaded, place_argument
from app.evaluation.tune.choosing import Conclusion, Outcome, conclude, lacks
from app.evaluation.tune.knobs import Knobs, Value, detector_knobs, people_knobs, shown
from app.evaluation.tune.sending import sends
from app.evaluation.tune.trials import TriedEvent, try_all
from app.evaluation.tune.writing import write_knobs
from app.people.base import PersonModel
from app.people.choice import choose

Item = TypeVar("Item")
#: Below this share of the people that open again, the replays deserve little trust.
_SHARE_AGAIN = 0.7
_FEW = (
    "That is few: the settings were others at the time, or the recordings end too early for these. "
    "Samples end at the alert; with clips the comparison is fairer."
)


@click.command()
@place_argument
@click.option(
    "--miss-costs",
    metavar="N",
    type=click.FloatRange(min=0.01, max=1000),
    default=10,
    show_default=True,
    help="A missed person costs as much as so many false alarms. More keeps more people, and more "
    "false alarms.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="The number of processes; by default, one for each processor.",
)
@every_option
@click.option("--write", is_flag=True, help="Change config.yml, and keep the old file beside it.")
@config_options
def tune(
    *,
    place: str | None,
    miss_costs: float,
    jobs: int,
    every: int,
    write: bool,
    folder: Path | None,
    profile: str | None,
) -> None:
    """Find better settings by the tags.

    This replays the tagged events in DIR (by default data_dir), or in a bucket, with other settings
    of the same detector, and prints which would have been better, by how much, and how certain that
    is. Nothing is changed without --write.
    """
    config = loaded(folder, profile)
    if config.motion.trigger == "light":
        raise click.ClickException("with motion.trigger: light there is nothing to tune")
    place = place or str(config.data_dir)
    try:
        tuning = _try_settings(place, config, every, jobs)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    conclusion = tuning.conclude(miss_costs)
    click.echo(_report(tuning, conclusion, miss_costs))
    if write:
        _write(tuning, conclusion, config, profile)


@dataclass(frozen=True, slots=True)
class _Tuning:
    """The results for the tagged *events* of each setting *tried*, the present ones first.

    *sent* is (settings, events). *opens_again* is how many of the occupied ones open with the
    present settings. *problems* says why some events could not be replayed.
    """

    place: str
    events: list[ArchivedEvent]
    tried: list[Knobs]
    sent: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    opens_again: int
    problems: list[str]

    def conclude(self, miss_costs: float) -> Conclusion:
        present = dict(self.tried[0])
        return conclude(
            self.sent,
            [one.label == "occupied" for one in self.events],
            [one.started_at.astimezone().date() for one in self.events],
            changes=[_distance(present, dict(one)) for one in self.tried],
            miss_costs=miss_costs,
        )

    def changes(self, conclusion: Conclusion) -> dict[str, tuple[Value, Value]]:
        """Return the present and the chosen value of each key that would change."""
        present, chosen = dict(self.tried[0]), dict(self.tried[conclusion.best])
        return {key: (present[key], chosen[key]) for key in present if present[key] != chosen[key]}


def _try_settings(place: str, config: Config, every: int, jobs: int) -> _Tuning:
    with closing(open_files(place, config.s3)) as files:
        archive = read_archive(files, lambda events: _progress(events, len(events), "Reading"))
    _check_enough(archive.tagged())
    model = choose(config.people, config.models_dir).model
    needed = Judging(archive, config, model, every).needed()
    done = try_all(place, config, every, needed, jobs)
    trials = {one.event: one for one in _progress(done, len(needed), "Replaying")}
    return _tuning(place, config, archive, trials, model)


def _tuning(
    place: str,
    config: Config,
    archive: Archive,
    trials: dict[str, TriedEvent],
    model: PersonModel | None,
) -> _Tuning:
    events = [one for one in archive.tagged() if trials[one.id].opens]
    problems = [f"{one.event}: {one.problem}" for one in trials.values() if one.problem]
    _check_enough(events, problems)
    known = [one for one in archive.events if one.id in trials]
    scores = {one.event: one.score for one in trials.values()}
    decides = model is not None and model.decides
    of_people = people_knobs(config.people, model)
    tried, rows = [], []
    allowed = [sends(known, scores, config.people, one, decides=decides) for one in of_people]
    for detector in detector_knobs(config):
        for people, allows in zip(of_people, allowed, strict=True):
            tried.append(detector + people)
            rows.append([trials[one.id].opens[detector] and allows[one.id] for one in events])
    present = detector_knobs(config)[0]
    again = sum(one.label == "occupied" and trials[one.id].opens[present] for one in events)
    return _Tuning(place, events, tried, np.asarray(rows, np.bool_), again, problems)


def _check_enough(events: Sequence[ArchivedEvent], problems: Sequence[str] = ()) -> None:
    """End the verb when there are too few tags for a conclusion."""
    lacking = lacks(
        [one.label == "occupied" for one in events],
        [one.started_at.astimezone().date() for one in events],
    )
    if not lacking:
        return
    lost = f" {len(problems)} could not be replayed, as in {problems[0]}." if problems else ""
    raise click.ClickException(
        f"{len(events)} tagged events are too few to conclude anything.{lost} Needed: "
        f"{', '.join(lacking)}."
    )


def _progress(items: Iterable[Item], length: int, label: str) -> Iterator[Item]:
    with click.progressbar(items, length=length, label=label, file=sys.stderr) as bar:
        yield from bar


def _distance(present: dict[str, Value], other: dict[str, Value]) -> float:
    """Return how far settings are from the *present* ones: first how many, then by how much."""
    differ = [(present[key], other[key]) for key in present if present[key] != other[key]]
    return sum(1 + _step(old, new) / 100 for old, new in differ)


def _step(old: Value, new: Value) -> float:
    if isinstance(old, str) or isinstance(new, str):
        return 0.0
    return abs(math.log((new + 1e-4) / (old + 1e-4)))


def _report(tuning: _Tuning, conclusion: Conclusion, miss_costs: float) -> str:
    somebody = sum(one.label == "occupied" for one in tuning.events)
    nobody = len(tuning.events) - somebody
    lost = f" {len(tuning.problems)} could not be replayed." if tuning.problems else ""
    few = tuning.opens_again < _SHARE_AGAIN * somebody
    lines = [
        f"{tuning.place}: {somebody} events tagged occupied, {nobody} unoccupied.{lost}",
        f"{tuning.opens_again} of the {somebody} open an event again with the present settings. "
        f"{len(tuning.tried)} settings were tried. A missed person costs as much as {miss_costs:g} "
        "false alarms.",
        *([_FEW] if few else []),
        "",
        f"{'':30}{'missed people':>16}{'false alarms':>16}",
        _row("present settings", conclusion.present, somebody, nobody),
        _row("chosen without the day itself", conclusion.chosen, somebody, nobody),
        "",
        *_verdict(tuning, conclusion),
    ]
    return "\n".join(lines)


def _row(name: str, outcome: Outcome, somebody: int, nobody: int) -> str:
    missed, false = f"{outcome.missed} of {somebody}", f"{outcome.false} of {nobody}"
    return f"{name:30}{missed:>16}{false:>16}"


def _verdict(tuning: _Tuning, conclusion: Conclusion) -> list[str]:
    changes, saved = tuning.changes(conclusion), conclusion.saved
    if not changes or saved.value <= 0:
        return ["Keep the present settings: nothing that was tried is clearly better."]
    lines = [f"  {key}: {shown(old)} -> {shown(new)}" for key, (old, new) in changes.items()]
    lines.append(
        f"In 100 events this saves as much as {saved.value:.1f} false alarms (95 %: "
        f"{saved.low:.1f} to {saved.high:.1f}, by a bootstrap over days)."
    )
    if conclusion.is_certain:
        return ["Would change in config.yml:", *lines]
    return [
        "This is not certain, so keep the present settings. If it stays so, it is certain with "
        f"about {conclusion.more_tags} more tags:",
        *lines,
    ]


def _write(tuning: _Tuning, conclusion: Conclusion, config: Config, profile: str | None) -> None:
    changes = tuning.changes(conclusion)
    if not changes or not conclusion.is_certain:
        click.echo("config.yml stays as it is.")
        return
    try:
        kept = write_knobs(config.folder, profile, {key: new for key, (_, new) in changes.items()})
    except (OSError, ValueError, ConfigError) as error:
        raise click.ClickException(f"config.yml stays as it is: {error}") from None
    click.echo(
        f"{config.folder / 'config.yml'} is changed; the old one is {kept.name}. To apply it: "
        "scripts/stop.sh, then scripts/start.sh."
    )

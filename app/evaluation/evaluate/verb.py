"""`evaluate`: how good the alerts were, by the tags that people gave."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import cv2

from app.config import Config
from app.config.options import config_options
from app.errors import StoreError
from app.evaluation.archive.files import BucketFiles, FolderFiles, open_files
from app.evaluation.archive.index import Archive, ArchivedEvent, read_archive
from app.evaluation.archive.sample import LARGEST_SAMPLE, SampleError, decoded, read_sample
from app.evaluation.evaluate import figures, report
from app.evaluation.evaluate.contact_sheet import Tile, contact_sheet
from app.evaluation.evaluate.judging import JudgedEvent, Judging
from app.evaluation.options import every_option, loaded, place_argument
from app.files import write_atomic
from app.frames import Box, Image, jpeg
from app.people.choice import Choice, choose

_MOST_MISTAKES = 24


@click.command()
@place_argument
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write, which must not exist; by default evaluation-TIME.",
)
@every_option
@config_options
def evaluate(
    *, place: str | None, out: Path | None, every: int, folder: Path | None, profile: str | None
) -> None:
    """Evaluate the alerts by their tags.

    This reads events, samples and tags from DIR (by default data_dir), or from a bucket with the
    keys of the section s3, and prints how often motion, the person model and the rule were right. A
    folder gets the whole report, as Markdown and JSON, with the worst mistakes as pictures. Events
    that nobody has tagged count as nothing.
    """
    config = loaded(folder, profile)
    out = out or Path(f"evaluation-{datetime.now().astimezone():%Y%m%dT%H%M%S}")
    if out.exists():
        raise click.BadParameter(f"{out} exists already", param_hint="--out")
    cv2.setNumThreads(1)
    try:
        files = open_files(place or str(config.data_dir), config.s3)
        with closing(files):
            _evaluate(files, config, out, every)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def _evaluate(files: FolderFiles | BucketFiles, config: Config, out: Path, every: int) -> None:
    archive = read_archive(files, _progress("Reading"))
    if not archive.tagged():
        raise click.ClickException(
            f"{files}: none of the {len(archive.events)} events there is tagged, so there is "
            "nothing to evaluate; tag some on the dashboard's page Tag, or by the buttons in Slack"
        )
    choice = choose(config.people, config.models_dir)
    judging = Judging(archive, config, choice.model, every)
    judged = judging.judge(_progress("Looking")(judging.needed()))
    untagged = len(archive.events) - len(archive.tagged())
    source = report.Origin(str(files), _model(choice), untagged, archive.skipped | judging.skipped)
    _write(out, judged, source, archive)
    click.echo(report.summary(judged, source))
    click.echo(f"The whole report: {out / 'report.md'}")


def _progress(label: str) -> Callable[[Sequence[ArchivedEvent]], Iterable[ArchivedEvent]]:
    """Return what yields events while a progress bar follows them."""

    def follow(events: Sequence[ArchivedEvent]) -> Iterator[ArchivedEvent]:
        with click.progressbar(events, label=label, file=sys.stderr) as bar:
            yield from bar

    return follow


def _model(choice: Choice) -> str:
    return choice.summary.removeprefix("person model: ")


def _write(
    out: Path, judged: Sequence[JudgedEvent], source: report.Origin, archive: Archive
) -> None:
    """Write the folder *out*, whole or not at all."""
    mistakes = figures.worst_mistakes(judged, _MOST_MISTAKES)
    with _whole_folder(out) as unfinished:
        if mistakes:
            sheet = contact_sheet([_tile(one, archive) for one in mistakes])
            write_atomic(unfinished / "mistakes.jpg", jpeg(sheet))
        fields = {
            "archive": source.place,
            "model": source.model,
            "tagged": len(judged),
            "untagged": source.untagged,
            "skipped": dict(source.skipped),
            **figures.plain(judged),
            "events": [_plain(one) for one in judged],
        }
        write_atomic(unfinished / "report.json", json.dumps(fields, indent=1).encode())
        page = report.markdown(judged, source, mistakes)
        write_atomic(unfinished / "report.md", page.encode())


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """Yield a new folder that becomes *out* when the block ends well, and is deleted otherwise."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        yield unfinished
        unfinished.rename(out)
    except BaseException:  # also Ctrl-C
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _plain(one: JudgedEvent) -> dict[str, Any]:
    return asdict(one) | {"started_at": one.started_at.isoformat()}


def _tile(one: JudgedEvent, archive: Archive) -> Tile:
    event = next(event for event in archive.events if event.id == one.id)
    score = "no score" if one.score is None else f"score {one.score:.2f}"
    at = one.started_at.astimezone()
    lines = (f"{report.mistake(one)}, {score}", f"{one.camera} {at:%Y-%m-%d %H:%M:%S}")
    try:
        return Tile(*_picture(event, archive), lines)
    except (StoreError, OSError, SampleError):
        return Tile(None, (), lines)


def _picture(event: ArchivedEvent, archive: Archive) -> "tuple[Image | None, Sequence[Box]]":
    """Return the picture of *event* and the boxes to draw in it.

    That is its snapshot, which has its boxes, or the moment of its sample. The boxes of its record
    are those of its opening, and the snapshot may be of a later moment.
    """
    for file in ("snapshot.jpg", "snapshot-clean.jpg"):
        if file in event.files:
            with archive.files.open(event.files[file], LARGEST_SAMPLE) as content:
                return decoded(content.read()), ()
    if "sample.tar" not in event.files:
        return None, ()
    with archive.files.open(event.files["sample.tar"], LARGEST_SAMPLE) as content:
        sample = read_sample(content, event.id)
    return decoded(sample.frames[-1].jpeg), sample.boxes

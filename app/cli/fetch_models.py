"""The verb `fetch-models`: gets person models, and the package that runs them faster."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.cli.options import loaded
from app.config.options import config_options
from app.errors import ModelError
from app.launcher import extras
from app.people.fetching import Progress, copy, fetch
from app.people.published import MODELS, PublishedFile

#: Below this memory onnxruntime, which needs 30 MB more than OpenCV, is not installed unasked.
LEAST_MB = 900


@click.command("fetch-models")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--from",
    "source",
    metavar="PATH",
    type=click.Path(exists=True, path_type=Path),
    help="Copy them from this folder or file, without the network.",
)
@click.option(
    "--runtime/--no-runtime",
    default=None,
    help="Install onnxruntime, or leave it out. By itself: where there is 1 GB of memory.",
)
@config_options
def fetch_models(
    *,
    names: tuple[str, ...],
    source: Path | None,
    runtime: bool | None,
    folder: Path | None,
    profile: str | None,
) -> None:
    """Get person models, whole and checked, into model-files/.

    NAME is yolox_nano (without a name: this one), FastestDet, MobileNetSSD, or all. An interrupted
    download continues where it ended.
    """
    config = loaded(folder, profile)
    wanted = [part for name in chosen(names) for part in MODELS[name].files]
    missing = [part for part in wanted if not _get(part, source, config.models_dir)]
    if runtime or (runtime is None and source is None and _has_memory()):
        _install_runtime()
    if missing:
        click.echo(_by_hand(missing, config.models_dir), err=True)
        sys.exit(1)
    click.echo("To use them: scripts/stop.sh, then scripts/start.sh")


def chosen(names: tuple[str, ...]) -> list[str]:
    """Return the names in `MODELS` that *names* mean; a wrong one is a `click.UsageError`."""
    known = {name.lower(): name for name in MODELS}
    if any(name.lower() == "all" for name in names):
        return list(MODELS)
    wrong = [name for name in names if name.lower() not in known]
    if wrong:
        raise click.UsageError(f"no model {', '.join(wrong)}; there are {', '.join(MODELS)}")
    return list(dict.fromkeys(known[name.lower()] for name in names)) or ["yolox_nano"]


def _get(part: PublishedFile, source: Path | None, folder: Path) -> bool:
    """Get one file, and say so; return whether it is there."""
    target = folder / part.name
    try:
        if source:
            new = copy(part, source, folder)
        else:
            with _progress(part) as progress:
                new = fetch(part, folder, progress)
    except ModelError as error:
        click.echo(f"{part.name}: {error}", err=True)
        return False
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror or error}") from None
    click.echo(f"{target}: {'complete and checked' if new else 'was there already'}")
    return True


@contextmanager
def _progress(part: PublishedFile) -> Iterator[Progress]:
    """Yield what draws the progress on a terminal, in one line; it draws nothing elsewhere."""
    shown = sys.stderr.isatty()

    def draw(have: int, total: int | None) -> None:
        if shown:
            share = f" of {total / 1e6:.1f} MB, {have / total:.0%}" if total else " MB"
            click.echo(f"\r{part.name}: {have / 1e6:.1f}{share}\033[K", nl=False, err=True)

    try:
        yield draw
    finally:
        if shown:
            click.echo("\r\033[K", nl=False, err=True)


def _by_hand(missing: list[PublishedFile], folder: Path) -> str:
    lines = ["", f"By hand: put these files into {folder}, with exactly these names:"]
    for part in missing:
        lines += [f"  {part.name} ({part.checksum})", *(f"    {one}" for one in part.addresses)]
    lines.append(
        "Or get them on another machine, and take them along on a USB stick: "
        "python -m app fetch-models --from FOLDER"
    )
    return "\n".join(lines)


def _has_memory() -> bool:
    import psutil

    return int(psutil.virtual_memory().total) > LEAST_MB * 1e6


def _install_runtime() -> None:
    """Install onnxruntime where it has a wheel; without it OpenCV runs the models."""
    if not extras.missing(["people"]):
        return
    click.echo("Installing onnxruntime, which runs the models in less than half the time")
    if extras.install(["people"]):
        click.echo("onnxruntime is not installed, so OpenCV runs the models")

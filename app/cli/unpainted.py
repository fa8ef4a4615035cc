"""The verb `unpainted`: lists, repaints or deletes files from before a camera's privacy mask."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import click

from app import protocol
from app.cli.options import cameras_meant, loaded
from app.config import Config
from app.config.options import config_options
from app.errors import ProtocolError, StateUnavailable
from app.recording.event_folder import EventFolders
from app.recording.unpainted import (
    delete,
    hidden_since,
    is_noted,
    is_repainted,
    note_repainted,
)
from app.recording.unpainted import unpainted as unpainted_files
from app.state import State
from app.times import format_time

_NICENESS = 10
_REDIS_TIMEOUT_S = 2.0
_WITHOUT_REDIS = (
    "Pictures that Redis keeps for alerts are not among these, because it does not answer. Start "
    "the suite, and do this again"
)


@click.command()
@click.argument("camera", required=False)
@config_options
@click.option("--delete", "what", flag_value="delete", help="Delete them.")
@click.option("--repaint", "what", flag_value="repaint", help="Paint the mask into them.")
def unpainted(
    *, camera: str | None, folder: Path | None, profile: str | None, what: str | None
) -> None:
    """List what may show areas that the privacy mask of CAMERA, or of every camera, hides now.

    These are events, alerts and samples from before the mask, and the pictures in Redis that alerts
    may still wait for. To repaint a clip takes about as much time as the clip lasts on a Pi; what
    an interruption leaves is listed again. Copies that were sent to Slack, Dropbox or S3 are not
    among them.
    """
    config = loaded(folder, profile)
    count = failed = 0
    cameras = cameras_meant(config, camera)
    for name in cameras:
        for path in list(_files(config, name)):
            count += 1
            try:
                click.echo(f"{_treated(config, name, path, what)}{path}")
            except FileNotFoundError:  # it was too old, and the uploader has deleted it
                continue
            except OSError as error:
                failed += 1
                click.echo(f"{path}: {error.strerror or error}", err=True)
    count += _treat_redis(config, cameras, what)
    if not count:
        click.echo("There is nothing from before a privacy mask.")
    elif what:
        click.echo("Copies in Slack, Dropbox and S3 stay where they are.")
    if failed:
        sys.exit(1)


def _treat_redis(config: Config, cameras: Sequence[str], what: str | None) -> int:
    """Treat the old pictures of *cameras* in Redis as *what* says; returns their number."""
    count = 0
    try:
        for camera in cameras:
            for line in _pictures_in_redis(config, camera, what):
                count += 1
                click.echo(line)
    except (StateUnavailable, ProtocolError) as error:
        click.echo(f"{_WITHOUT_REDIS} ({error}).", err=True)
    return count


def _pictures_in_redis(config: Config, camera: str, what: str | None) -> Iterator[str]:
    """Treat each old picture of *camera* in Redis as *what* says; yield a line about it.

    A picture to repaint is replaced by that of its event's folder, if that is painted; else it is
    deleted.
    """
    since, folders = hidden_since(config.data_dir, camera), EventFolders(config.data_dir)
    if since is None:
        return
    with closing(State(config.redis.url, _REDIS_TIMEOUT_S)) as state:
        for event in state.pictured_events(camera):
            started_at = protocol.event_started_at(event)
            painted = None
            if is_repainted(config.data_dir, camera, folders.folder(event, started_at)):
                painted = folders.snapshot(event, started_at)
            if started_at >= since or (painted and state.snapshot(event) == painted):
                continue
            done = ""
            if what:
                state.forget_picture(event)
                done = "deleted "
            if what == "repaint" and painted:
                state.restore_picture(event, painted)
                done = "repainted "
            yield f"{done}the picture in Redis of event {event}"


def _treated(config: Config, camera: str, path: Path, what: str | None) -> str:
    """Treat *path* as *what* says; returns the word for that."""
    if what == "delete":
        delete(path)
        return "deleted "
    if what == "repaint":
        _repaint(config, camera, path)
        return "repainted "
    return ""


def _repaint(config: Config, camera: str, path: Path) -> None:
    # They bring OpenCV and PyAV, and check-config needs this module.
    from app.cameras.privacy import PrivacyMask
    from app.recording.repainting import repaint

    areas = config.cameras[camera].privacy
    if not is_noted(config.data_dir, camera, areas):
        raise click.ClickException(
            f"the privacy mask of camera {camera} was changed in the configuration, but its "
            "program has not read that yet: start the suite, or send its programs SIGHUP; then "
            "do this again"
        )
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    repaint(path, PrivacyMask(areas))
    note_repainted(config.data_dir, camera, path)


def _files(config: Config, camera: str) -> Iterator[Path]:
    """Return what is listed of *camera*, also in the folders for alerts and copies elsewhere."""
    folders = (config.notify.folder, config.uploads.folder)
    copies = [(config.data_dir / Path(one).expanduser()).resolve() for one in folders if one]
    return unpainted_files(config.data_dir, camera, copies)


def doubt(config: Config, camera: str) -> str | None:
    """Return a sentence when *camera* has files from before its privacy mask; else None."""
    since = hidden_since(config.data_dir, camera)
    if since is None or next(_files(config, camera), None) is None:
        return None
    return (
        f"{config.data_dir} has pictures of camera {camera} from before "
        f"{format_time(since, since)}, when its present privacy mask came into force. They may "
        f"show what it hides. `python -m app unpainted {camera}` lists them; with --repaint it "
        "paints the mask into them, with --delete it deletes them."
    )

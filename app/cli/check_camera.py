"""The verb `check-camera`: tries a camera for some seconds, and says what is wrong with it."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click

from app.cameras import make_camera
from app.cameras.address import redacted
from app.cameras.base import CameraSettings
from app.cameras.trial import CameraTrial, try_camera
from app.cli.options import cameras_meant, loaded, pictures_option
from app.clock import SystemClock
from app.config.options import config_options
from app.errors import CameraError
from app.files import atomic_file
from app.frames import jpeg
from app.recording.transcoding import can_be_copied

#: The devices of a Pi's camera, which only members of the group video may read.
_DEVICES = ("/dev/media0", "/dev/video0", "/dev/dma_heap/linux,cma")
#: Remarks begin at these values.
_LEAST_RATE, _DARK, _BRIGHT, _WHITE, _NOISY = 0.8, 0.08, 0.9, 0.3, 8.0
_MOST_PIXELS = 1280 * 720
_CODECS = {"h264": "H.264", "hevc": "H.265", "mjpeg": "motion JPEG"}


@click.command("check-camera")
@click.argument("camera", required=False)
@config_options
@click.option("--source", help="Try this source in place of the configured one.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 60),
    default=5.0,
    show_default=True,
    help="The seconds for which it is read.",
)
@pictures_option
def check_camera(
    *,
    camera: str | None,
    folder: Path | None,
    profile: str | None,
    source: str | None,
    seconds: float,
    pictures: Path,
) -> None:
    """Try CAMERA, or every camera of this machine, and save a picture of each.

    A Pi's own camera can be tried only while no other program uses it: stop the suite first. The
    exit code is 0 if each camera gives pictures.
    """
    config = loaded(folder, profile)
    good = True
    for name in cameras_meant(config, camera):
        settings: CameraSettings = config.cameras[name]
        if source:
            settings = replace(settings, source=source)
        try:
            trial = try_camera(make_camera(name, settings, SystemClock()), SystemClock(), seconds)
        except CameraError as error:
            good = False
            click.echo(f"{config.redactor()(str(error))}{_cure_of_rights(settings.source)}")
            continue
        for line in _report(name, settings, trial):
            click.echo(line)
        good &= _save(trial, pictures / f"check-{name}.jpg")
    sys.exit(not good)


def _report(name: str, settings: CameraSettings, trial: CameraTrial) -> Iterator[str]:
    """Yield the lines on a camera that gives pictures, and what could be better."""
    yield f"{name}: it gives pictures"
    edges = f"edges are {trial.edge_px:.1f} pixels wide"
    lens = f"; lens: {trial.focus}" if trial.focus else ""
    rows = {
        "source": f"{redacted(settings.source)}{f' ({trial.sensor})' * bool(trial.sensor)}",
        "size": f"{trial.size[0]}x{trial.size[1]} pixels",
        "rate": f"{trial.frames_per_s:.1f} pictures a second over {trial.seconds:.1f} s "
        f"({settings.fps:g} are set)",
        "encoder": _encoder(settings, trial),
        "focus": f"{'not sharp' if trial.is_blurred else 'sharp'}: {edges}{lens}",
        "brightness": f"{trial.brightness:.0%} of white",
        "noise": f"{trial.noise:.1f} of 255 levels",
    }
    for title, text in rows.items():
        yield f"  {title:<11} {text}"
    for remark in _remarks(settings, trial):
        yield f"  ! {remark}"


def _encoder(settings: CameraSettings, trial: CameraTrial) -> str:
    if trial.encoded is None:
        return "none: the processor encodes the clips while something happens"
    codec = _CODECS.get(trial.encoded.codec, trial.encoded.codec)
    if settings.source == "auto":
        return f"{codec} by the Pi's hardware"
    if not can_be_copied(trial.encoded):
        return f"{codec} by the camera; the processor encodes the clips while something happens"
    return f"{codec} by the camera; it becomes the clip as it is"


def _remarks(settings: CameraSettings, trial: CameraTrial) -> Iterator[str]:
    if trial.frozen:
        yield "All pictures are the same: the camera is frozen. Switch it off and on."
    if trial.damaged:
        yield (
            f"{trial.damaged} of {trial.frames} pictures were damaged: look at the cable or the "
            "WLAN, or let the camera send less."
        )
    if trial.frames_per_s < _LEAST_RATE * settings.fps:
        yield (
            f"It is slower than fps: {settings.fps:g}. Lower fps or the resolution, or give it "
            "more light: in the dark many cameras are slow."
        )
    yield from _remarks_on_light(trial)
    if trial.is_blurred and not trial.frozen:
        yield "The picture is not sharp: clean the lens, take off its foil, and turn it to focus."
    if trial.encoded and trial.encoded.codec == "hevc":
        yield (
            "It sends H.265, which costs the processor more, and which some browsers do not play. "
            "If its settings allow it, take H.264."
        )
    if settings.source != "auto" and trial.size[0] * trial.size[1] > _MOST_PIXELS:
        yield (
            "Each picture must be decoded whole. A second stream of the camera with 640x480 or "
            "1280x720 pixels costs a Pi much less."
        )


def _remarks_on_light(trial: CameraTrial) -> Iterator[str]:
    if trial.brightness < _DARK:
        yield "It is dark: is the lens covered, or is there no light?"
    elif trial.brightness > _BRIGHT or trial.white > _WHITE:
        yield f"{trial.white:.0%} of the picture is white: turn it away from the window or lamp."
    if trial.noise > _NOISY:
        yield "The picture is noisy, so small movements are lost in it. More light is the cure."


def _cure_of_rights(source: str) -> str:
    """Return the cure when this user may not read the devices of the Pi's camera, else ""."""
    if source != "auto" or not _unreadable(_DEVICES):
        return ""
    user = os.environ.get("USER", "$USER")
    return (
        f".\nThis user may not read {_unreadable(_DEVICES)[0]}: `sudo usermod -aG video {user}`, "
        "then log in again."
    )


def _unreadable(devices: Sequence[str]) -> list[str]:
    return [one for one in devices if Path(one).exists() and not os.access(one, os.R_OK)]


def _save(trial: CameraTrial, path: Path) -> bool:
    """Write the test picture to *path*, for this user alone; return whether that was possible."""
    try:
        with atomic_file(path, mode=0o600) as file:
            file.write(jpeg(trial.picture))
    except OSError as error:
        click.echo(f"  ! The picture was not saved: {path}: {error.strerror or error}")
        return False
    click.echo(f"  {'picture':<11} {path.resolve()}")
    return True

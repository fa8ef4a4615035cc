"""Paints a privacy mask into pictures, clips and samples that were made before it.

Each file is replaced as a whole by a rename, so a kill leaves the old one or the new one. What is
painted twice is only compressed once more.
"""

import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

import av
import cv2
import numpy as np
from av.bitstream import BitStreamFilterContext

from app.errors import ClipError
from app.files import atomic_file, open_unlinked
from app.frames import Image, Packet, VideoFormat, jpeg
from app.recording.event_folder import PART_NAME
from app.recording.finishing import finish, survey
from app.recording.fragments import ClipMetadata, FragmentWriter
from app.recording.mp4 import without_log
from app.recording.samples import FRAME_QUALITY, STORED_QUALITY
from app.recording.transcoding import Transcoder

_QUALITY = 85
_PACKETS_AT_ONCE = 50
#: Files without pictures.
_PLAIN = (".json", ".txt", ".uploaded")


class Painter(Protocol):
    """Paints areas into copies of pictures; see `app.cameras.privacy.PrivacyMask`."""

    def luma(self, luma: Image) -> Image:
        """Return a copy of *luma*, (rows, columns) uint8, with the areas painted into it."""

    def bgr(self, picture: Image) -> Image:
        """Return a copy of *picture*, (rows, columns, BGR) uint8, with the areas painted."""

    def yuv(self, planes: Image) -> Image:
        """Return a copy of *planes*, a picture in YUV 4:2:0, with the areas painted into it."""


def repaint(path: Path, painter: Painter) -> None:
    """Let *painter* paint the file at *path*, or each file of the event's folder at *path*.

    `ClipError` when a file cannot be painted, or when its event is still recorded; an `OSError`
    when the disk refuses.
    """
    if path.is_symlink():
        raise ClipError("it is a link")
    if not path.is_dir():
        _repaint_file(path, painter)
        return
    if _is_recorded_now(path):
        raise ClipError("its event is not finished yet; do this again when the suite has ended it")
    for inner in sorted(path.iterdir()):
        if inner.is_symlink() or inner.is_dir():
            raise ClipError(f"{inner.name} is no file of the suite")
        _repaint_file(inner, painter)


def _is_recorded_now(folder: Path) -> bool:
    """Return whether a program writes to the *folder* of an event, or will finish it."""
    if any(PART_NAME.fullmatch(one.name) for one in folder.iterdir()):
        return True
    try:
        fields = json.loads((folder / "event.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(fields, dict) and fields.get("ended_at") is None


def _repaint_file(path: Path, painter: Painter) -> None:
    if path.suffix in _PLAIN:
        return
    if path.suffix == ".part":  # a program was killed while it wrote this
        path.unlink(missing_ok=True)
    elif path.suffix == ".jpg":
        _replace(path, _painted_picture(path.name, _content(path), painter))
    elif path.suffix == ".tar":
        _repaint_sample(path, painter)
    elif path.suffix == ".mp4":
        _repaint_clip(path, painter)
    else:
        raise ClipError(f"{path.name} is no picture, clip or sample")


def _content(path: Path) -> bytes:
    with open_unlinked(path) as file:
        return file.read()


def _replace(path: Path, content: bytes) -> None:
    with atomic_file(path, mode=0o600) as file:
        file.write(content)
        _give_to_owner_of(path, file)


def _give_to_owner_of(path: Path, file: IO[bytes]) -> None:
    """Give *file* the mode of *path*, and its owner if that is somebody else."""
    old = path.stat()
    os.fchmod(file.fileno(), old.st_mode & 0o777)
    if old.st_uid != os.geteuid():
        os.fchown(file.fileno(), old.st_uid, old.st_gid)


def _painted_picture(name: str, content: bytes, painter: Painter) -> bytes:
    """Return the JPEG or PNG in *content* painted, in the same format."""
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint8 or found.shape[2:] not in ((), (3,)):
        raise ClipError(f"{name} is no picture that can be read")
    picture = np.asarray(found, np.uint8)
    painted = painter.luma(picture) if picture.ndim == 2 else painter.bgr(picture)
    if not name.endswith(".png"):
        return jpeg(painted, _quality(name))
    done, encoded = cv2.imencode(".png", painted)
    if not done:
        raise ClipError(f"{name} could not be written")
    return encoded.tobytes()


def _quality(name: str) -> int:
    """Return the quality of the picture *name*; those of a sample keep theirs."""
    if name.endswith(".frame.jpg"):
        return FRAME_QUALITY
    return STORED_QUALITY if name[-6:-4].isdecimal() and name[-7] == "." else _QUALITY


def _repaint_sample(path: Path, painter: Painter) -> None:
    try:
        with (
            open_unlinked(path) as old,
            tarfile.open(fileobj=old, mode="r") as given,
            atomic_file(path, mode=0o600) as file,
        ):
            with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for member in given:
                    content = _member(given, member)
                    if not member.name.endswith(_PLAIN):
                        content = _painted_picture(member.name, content, painter)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
            _give_to_owner_of(path, file)
    except tarfile.TarError as error:
        raise ClipError(f"{path.name} is no sample that can be read: {error}") from None


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None:
        raise ClipError(f"{member.name} is no picture")
    return file.read()


def _repaint_clip(clip: Path, painter: Painter) -> None:
    # Not the name of an unfinished clip, which the camera's program would finish.
    part = clip.with_name(f".{clip.name}.painted.part")
    try:
        found = survey(clip)
        _write_painted(clip, part, found.metadata, painter)
        finish(part, clip, found.shown_s)
    except av.FFmpegError as error:
        raise ClipError(f"{clip.name} cannot be read: {without_log(error)}") from None
    finally:
        part.unlink(missing_ok=True)


def _write_painted(clip: Path, part: Path, metadata: ClipMetadata, painter: Painter) -> None:
    """Write the pictures of *clip* to *part*, upright and painted."""
    plain = ClipMetadata(metadata.note, False, metadata.offset_s)
    writer = None
    try:
        painted = _painted_packets(clip, metadata.turned, painter)
        while packets := list(islice(painted, _PACKETS_AT_ONCE)):
            if writer is None:
                writer = FragmentWriter(part, packets[0], 0.0, plain)
                shutil.copymode(clip, part)
            writer.write(packets)
    finally:
        if writer:
            writer.close()
    if writer is None:
        raise ClipError(f"{clip.name} shows nothing")


def _painted_packets(clip: Path, turned: bool, painter: Painter) -> Iterator[Packet]:
    with av.open(str(clip)) as opened:
        stream = opened.streams.video[0]
        context = stream.codec_context
        given = VideoFormat(
            context.name,
            context.width,
            context.height,
            context.pix_fmt or "",
            hflip=turned,
            vflip=turned,
            hide=painter.yuv,
        )
        transcoder = Transcoder(given, 0.0)
        whole = BitStreamFilterContext("h264_mp4toannexb,dump_extra=freq=keyframe", stream)
        for packet in opened.demux(stream):
            for one in whole.filter(packet if packet.size else None):
                if one.pts is not None and one.dts is not None and one.time_base:
                    at_s, decode_s = float(one.pts * one.time_base), float(one.dts * one.time_base)
                    yield from transcoder.transcode(
                        Packet(bytes(one), at_s, decode_s, one.is_keyframe, given)
                    )
        yield from transcoder.flush()

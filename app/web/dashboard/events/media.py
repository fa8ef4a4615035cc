"""The pictures, clips and samples of events, by the event's id only."""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound, RequestedRangeNotSatisfiable
from werkzeug.exceptions import ServiceUnavailable as Unavailable

from app.errors import ProtocolError, StateUnavailable
from app.files import has_link, open_unlinked
from app.protocol import event_camera, event_started_at
from app.recording.event_folder import CLEAN_SNAPSHOT, PART_NAME, SNAPSHOT, EventFolders, clip_name
from app.recording.thumbnail import HEAD_BYTES, thumbnail_of
from app.web.dashboard.context import dashboard
from app.web.dashboard.events.row import new_row

page = Blueprint("media", __name__)

SAMPLE = "sample.tar"
_CHUNK_BYTES = 65_536
#: The longest time for one answer. A browser asks for the rest of a clip again; one that reads very
#: slowly would otherwise keep a thread.
_LONGEST_S = 900.0
#: The most parts of a clip that are looked for.
_MOST_PARTS = 1000


@dataclass(frozen=True, slots=True)
class MediaFiles:
    """The files of an event on this machine: the numbers of its *clips*, and others.

    With *unfinished*, a clip is being written.
    """

    clips: tuple[int, ...] = ()
    unfinished: bool = False
    has_snapshot: bool = False
    has_clean: bool = False
    has_sample: bool = False


def files_of(event: str) -> MediaFiles:
    """Return the files of *event*, whose id is checked; nothing when there is no folder here."""
    try:
        with os.scandir(_folder(event)) as entries:
            names = {one.name for one in entries if one.is_file(follow_symlinks=False)}
    except OSError:
        return MediaFiles()
    numbers = range(1, min(len(names), _MOST_PARTS) + 1)
    return MediaFiles(
        tuple(number for number in numbers if clip_name(number) in names),
        any(map(PART_NAME.fullmatch, names)),
        SNAPSHOT in names,
        CLEAN_SNAPSHOT in names,
        SAMPLE in names,
    )


def checked_event(event: str) -> str:
    """Return *event* if it has the form of an event's id; else the answer is 404."""
    try:
        new_row(event)
    except ProtocolError:
        raise NotFound from None
    return event


@page.get("/event/<event>/snapshot.jpg")
def snapshot(event: str) -> Response:
    """Send the picture with the box; of another machine's event, as Redis has it."""
    checked_event(event)
    try:
        return _sent(event, SNAPSHOT, "image/jpeg", ".jpg")
    except NotFound:
        return _held(_in_redis(event), event)


@page.get("/event/<event>/thumbnail.jpg")
def thumbnail(event: str) -> Response:
    """Send the small picture that is in the one with the box; if there is none, that one."""
    checked_event(event)
    try:
        with _opened(_folder(event) / SNAPSHOT) as file:
            small = thumbnail_of(file.read(HEAD_BYTES))
    except NotFound:
        jpeg = _in_redis(event)
        return _held(thumbnail_of(jpeg) or jpeg, event)
    return _held(small, event) if small else snapshot(event)


@page.get("/event/<event>/snapshot-clean.jpg")
def clean(event: str) -> Response:
    """Send the picture without anything drawn in."""
    return _sent(checked_event(event), CLEAN_SNAPSHOT, "image/jpeg", "-clean.jpg")


@page.get("/event/<event>/clip.mp4")
def clip(event: str) -> Response:
    """Send the clip, or the part of it with the number `part`."""
    number = request.args.get("part", "1")
    if not (number.isascii() and number.isdecimal() and 1 <= int(number[:5]) <= _MOST_PARTS):
        raise BadRequest("part is the number of a part of the clip, from 1.")
    name = clip_name(int(number[:5]))
    return _sent(checked_event(event), name, "video/mp4", name.removeprefix("clip"))


@page.get("/event/<event>/sample.tar")
def sample(event: str) -> Response:
    """Send the training sample."""
    return _sent(checked_event(event), SAMPLE, "application/x-tar", ".tar")


class _Chunks:
    """The content of *file* in pieces; it ends early when sending takes too long."""

    def __init__(self, file: BufferedReader, now_s: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._now_s = now_s
        self._until_s = now_s() + _LONGEST_S
        self.seekable, self.seek, self.tell = file.seekable, file.seek, file.tell
        self.close = file.close

    def __iter__(self) -> "_Chunks":
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(_CHUNK_BYTES) if self._now_s() < self._until_s else b""
        if not piece:
            raise StopIteration
        return piece


def _sent(event: str, name: str, content_type: str, ending: str) -> Response:
    """Return the file *name* of *event*, or the range of it that was asked for."""
    file = _opened(_folder(event) / name)
    found = os.fstat(file.fileno())
    chunks = _Chunks(file)
    response = Response(chunks, mimetype=content_type, direct_passthrough=True)
    response.content_length = found.st_size
    response.last_modified = datetime.fromtimestamp(found.st_mtime, UTC)
    response.set_etag(f"{found.st_mtime_ns:x}-{found.st_size:x}")
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=found.st_size)
    except RequestedRangeNotSatisfiable:
        chunks.close()
        raise
    return _private(response, event, ending)


def _in_redis(event: str) -> bytes:
    """Return the picture of an event of another machine; 404 when it is not there any more."""
    try:
        jpeg = dashboard().state.snapshot(event)
    except StateUnavailable:
        raise Unavailable("Redis is not reachable, and it alone has this picture.") from None
    if not jpeg:
        raise NotFound
    return jpeg


def _held(jpeg: bytes, event: str) -> Response:
    """Return the picture *jpeg*, which is in memory."""
    response = Response(jpeg, mimetype="image/jpeg")
    response.add_etag()
    response.make_conditional(request)
    return _private(response, event, ".jpg")


def _private(response: Response, event: str, ending: str) -> Response:
    """Let only this browser keep *response*, and ask each time whether it may still show it."""
    response.cache_control.private = True
    response.cache_control.no_cache = True
    if request.args.get("download"):
        at = event_started_at(event).astimezone()
        name = f"{event_camera(event)}-{at:%Y-%m-%d-%H%M%S}{ending}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _folder(event: str) -> Path:
    return EventFolders(dashboard().config.data_dir).folder(event, event_started_at(event))


def _opened(path: Path) -> BufferedReader:
    """Open a file of an event; 404 when it is none, or a link is on the way to it."""
    try:
        if has_link(path, dashboard().config.data_dir) or not stat.S_ISREG(path.stat().st_mode):
            raise NotFound
        return open_unlinked(path)
    except OSError:
        raise NotFound from None

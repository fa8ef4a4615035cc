"""Opens a source with libav: in which ways it may work, and what to do about an error."""

import errno
import os
import pwd
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.logging import Capture
from av.stream import Disposition
from av.video.stream import VideoStream

from app.cameras.address import has_login, quoted
from app.cameras.base import SCHEMES, CameraSettings, source_problem
from app.cameras.damage import Message, listen_to_libav
from app.errors import CameraError, CameraMissing

#: Turns off the probe of the frame rate: libav would hold back the first seconds for it.
_RTSP = {"fpsprobesize": "0"}
#: With a queue of two packets libav reports the packets that a camera leaves out, over TCP too.
_TCP = {**_RTSP, "rtsp_transport": "tcp", "reorder_queue_size": "2"}
_UDP = {**_RTSP, "rtsp_transport": "udp"}
_NO_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_CURE_LOGIN = (
    "write the address as rtsp://user:password@camera/path, with %23 for #, %2F for /, %3F for ? "
    "and %40 for @"
)
_CURE_ADDRESS = "the camera's manual or app has the right address"
#: Errors that mean the same over UDP: no such name, a wrong address, no way to the host.
_FINAL = (errno.EIO, errno.EINVAL, errno.EHOSTUNREACH, errno.ENETUNREACH)
_REFUSED = (av.HTTPUnauthorizedError, av.HTTPForbiddenError)
_CURES = {
    errno.ECONNREFUSED: "the device is there, but serves nothing at this port",
    errno.ECONNRESET: "is this the port of the video?",
    errno.EHOSTUNREACH: "is it switched on, and in this network?",
    errno.ENETUNREACH: "is this machine connected to the network?",
    errno.EIO: "look whether the camera's own app shows a picture",
    errno.EINVAL: f"look at the user name and the password; {_CURE_LOGIN}",
    errno.EPROTONOSUPPORT: "it offers RTSP neither over TCP nor over UDP",
    errno.EBUSY: "another program uses it",
    errno.ENOTTY: "it is no camera",
}

#: The way in which each address could be opened the last time.
_last_way: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Source:
    """The arguments with which libav opens a source.

    *timeout_s* is for the opening and again for each read; None waits without limit.
    """

    kind: Literal["address", "device", "file"]
    url: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    timeout_s: float | None = None

    def ways(self) -> list["Source"]:
        """Return the ways in which to open it, in order.

        An RTSP camera may refuse TCP. libav's demuxer of motion JPEG wants a boundary before the
        first picture; its demuxer of bare JPEGs finds them between anything else.
        """
        if self.url.lower().startswith("rtsp"):
            return [replace(self, options=options) for options in (_TCP, _UDP)]
        if self.kind == "address":
            return [self, replace(self, format="mjpeg", options=_RTSP)]
        return [self]


def find_source(name: str, settings: CameraSettings) -> Source:
    """Return the source of *settings*; the camera's *name* begins each error."""
    if settings.source.lower().startswith(tuple(f"{one}://" for one in SCHEMES)):
        return Source("address", quoted(settings.source), timeout_s=settings.stall_s)
    if problem := source_problem(settings.source):
        raise CameraError(f"{name} {problem}")
    path = Path(settings.source).expanduser()
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise CameraMissing(
            f"{name} cannot be opened: {error.strerror}: {_user()} may not look into its folder"
        ) from None
    except (OSError, ValueError):
        raise CameraMissing(f"{name}: there is no such file or device") from None
    if stat.S_ISCHR(mode):
        width, height = settings.resolution
        options = {"video_size": f"{width}x{height}", "framerate": f"{settings.fps:g}"}
        return Source("device", str(path), "v4l2", options)
    if not stat.S_ISREG(mode):
        raise CameraError(f"{name} is {_kind(mode)}, not a video")
    if path.stat().st_size == 0:
        raise CameraError(f"{name} is empty: a file of 0 bytes")
    return Source("file", f"file:{path}")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    # To open a pipe would block until something is written to it.
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket or a disk"


def open_source(name: str, source: Source) -> InputContainer:
    """Return *source*, opened in the first way that works; the way that worked last comes first."""
    listen_to_libav()
    ways = source.ways()
    order = sorted(range(len(ways)), key=lambda one: one != _last_way.get(source.url))
    failures: list[CameraError] = []
    for number in order:
        began_s = time.monotonic()
        with Capture() as messages:
            try:
                container = _opened(ways[number])
            except av.FFmpegError as error:
                waited_s = time.monotonic() - began_s
                failures.append(_failure(name, error, messages, source, waited_s))
                if not _is_worth_another_way(error, source):
                    break
            else:
                _last_way[source.url] = number
                return container
    _last_way.pop(source.url, None)
    raise failures[0]


def is_kept_by_network(source: Source) -> bool:
    """Return whether the opened *source* waits for a reader who is late, and loses nothing."""
    if source.kind != "address":
        return False
    way = source.ways()[_last_way.get(source.url, 0)]
    return way.options.get("rtsp_transport") != "udp"


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the stream of *container* that is the video, not a cover picture; None without one."""
    videos = [one for one in container.streams.video if not one.disposition & _NO_VIDEO]
    # A stream of one picture is a cover too, if there is another.
    videos = [one for one in videos if one.frames != 1] or videos
    return next((one for one in videos if one.codec_context), videos[0] if videos else None)


def _opened(way: Source) -> InputContainer:
    container = av.open(way.url, format=way.format, options=way.options, timeout=way.timeout_s)
    stream = video_stream(container)
    if way.format == "mjpeg" and not (stream and stream.codec_context.width):
        container.close()
        raise av.InvalidDataError(0, "no JPEG")
    return container


def _is_worth_another_way(error: av.FFmpegError, source: Source) -> bool:
    if not source.url.lower().startswith("rtsp"):
        return isinstance(error, av.InvalidDataError)
    final = (*_REFUSED, av.HTTPNotFoundError, av.InvalidDataError, av.ConnectionRefusedError)
    return not isinstance(error, (*final, av.ExitError)) and error.errno not in _FINAL


# Errors of libav are never chained or quoted whole: they contain the address with the password.
def _failure(
    name: str,
    error: av.FFmpegError,
    messages: Sequence[Message],
    source: Source,
    waited_s: float,
) -> CameraError:
    if source.timeout_s is not None and waited_s >= source.timeout_s:
        return CameraMissing(
            f"{name} gave no answer for {source.timeout_s:g} s: is it switched on, and is the "
            "address right?"
        )
    if isinstance(error, _REFUSED):
        if has_login(source.url):
            return CameraError(f"{name} refuses the user name or password; {_CURE_LOGIN}")
        return CameraError(f"{name} wants a user name and a password: {_CURE_LOGIN}")
    if isinstance(error, av.InvalidDataError):
        return CameraError(f"{name} {_no_video(source)}")
    return CameraMissing(f"{name} {_unreachable(error, messages, source)}")


def _no_video(source: Source) -> str:
    if source.kind != "address":
        return "is no video, or a part that is needed to start is missing"
    if source.url.lower().startswith("rtsp"):
        return "does not answer as an RTSP camera: check the port of the address, usually 554"
    return f"is no video, but perhaps a web page: {_CURE_ADDRESS}"


def _http_error(error: av.FFmpegError) -> str:
    if isinstance(error, av.HTTPServerError):
        return "answers with an error of its own (HTTP 5xx): restart the camera if that lasts"
    if isinstance(error, av.HTTPNotFoundError):
        return f"has no video at this path (404 Not Found): {_CURE_ADDRESS}"
    return f"does not accept this address (HTTP 4xx): {_CURE_ADDRESS}"


def _unreachable(error: av.FFmpegError, messages: Sequence[Message], source: Source) -> str:
    if any("resolve hostname" in text for _, _, text in messages):
        if "@" in source.url and not has_login(source.url):
            return f"cannot be found: look at the user name and the password; {_CURE_LOGIN}"
        return "cannot be found: no device has this name; write its IP address instead"
    if isinstance(error, av.HTTPClientError | av.HTTPServerError):
        return _http_error(error)
    if error.errno == errno.EIO and source.url.lower().startswith(("https", "rtsps")):
        return "cannot be reached with encryption: if the camera has none, write http or rtsp"
    text = f"cannot be opened: {error.strerror}"
    cure = _CURES.get(error.errno or 0)
    if error.errno == errno.EACCES and source.kind == "device":
        cure = f"`sudo usermod -aG video {_user()}`, then log in again and start the suite again"
    elif error.errno == errno.EACCES and source.kind == "file":
        cure = f"{_user()} may not read this file"
    return f"{text}: {cure}" if cure else text


def _user() -> str:
    """Return the name of the user of this process, or its number where it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())

"""Sources that are opened in some way, and what an error says about the others."""

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile

import cv2
import numpy as np
import pytest

from app.cameras.opening import Source, open_source
from app.errors import CameraEnded, CameraError, CameraMissing
from tests.cameras.pictures import picture, write_video
from tests.cameras.playing import fast, live, played
from tests.servers.rtsp_server import RtspServer
from tests.servers.video_server import VideoServer

Broken = Callable[[Path], Path]


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def an_empty_file(path: Path) -> Path:
    path.touch()
    return path


def a_text(path: Path) -> Path:
    path.write_text("It was a dark and stormy night.\n" * 100)
    return path


def a_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def a_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))
    return path


def a_link_to_a_device(path: Path) -> Path:
    path.symlink_to("/dev/null")
    return path


def noise(path: Path) -> Path:
    path.write_bytes(Random(3).randbytes(50_000))
    return path


def a_video_cut_off(path: Path) -> Path:
    whole = write_video(path.with_suffix(".whole.mp4"))
    path.write_bytes(whole.read_bytes()[:3000])
    return path


def a_sound(path: Path) -> Path:
    import av

    with av.open(str(path), "w", format="wav") as written:
        stream = written.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), format="s16", layout="mono"
        )
        sound.rate = 8000
        written.mux(stream.encode(sound))
    return path


@pytest.mark.parametrize(
    ("broken", "kind", "words"),
    [
        (lambda path: path, CameraMissing, "there is no such file or device"),
        (a_folder, CameraError, "is a folder, not a video"),
        (a_pipe, CameraError, "is a pipe, not a video"),
        (a_socket, CameraError, "is a socket or a disk, not a video"),
        (a_link_to_a_device, CameraMissing, "it is no camera"),
        (an_empty_file, CameraError, "is empty: a file of 0 bytes"),
        (a_text, CameraError, "is no video"),
        (noise, CameraError, "is no video"),
        (a_video_cut_off, CameraError, "is no video, or a part that is needed to start is missing"),
        (a_sound, CameraError, "contains no video, only sound: take the address"),
    ],
)
def test_an_error_says_why_a_file_is_no_video(
    tmp_path: Path, broken: Broken, kind: type[CameraError], words: str
) -> None:
    path = broken(tmp_path / "broken.mp4")
    frames, error = played(fast(path))
    assert (frames, type(error)) == ([], kind)
    assert str(error).startswith(f"attic ({path})")
    assert words in str(error)


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("none", CameraMissing, "has no video at this path (404 Not Found)"),
        ("locked", CameraError, "wants a user name and a password"),
        ("page", CameraError, "is no video"),
        ("silent", CameraMissing, "gave no answer for 1 s"),
    ],
)
def test_an_error_says_why_an_address_has_no_video(
    network: VideoServer, path: str, kind: type[CameraError], words: str
) -> None:
    frames, error = played(live(network.url(path), stall_s=1))
    assert (frames, type(error)) == ([], kind)
    assert str(error).startswith(f"attic ({network.url(path)})")
    assert words in str(error)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_an_address_without_a_server_is_missing(scheme: str, free_address: str) -> None:
    _, error = played(live(f"{scheme}://{free_address}/stream"))
    assert isinstance(error, CameraMissing)
    assert str(error) == (
        f"attic ({scheme}://{free_address}/stream) cannot be opened: Connection refused: the "
        "device is there, but serves nothing at this port"
    )


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_an_unknown_host_is_missing(scheme: str) -> None:
    _, error = played(live(f"{scheme}://no-such-camera.invalid/stream"))
    assert isinstance(error, CameraMissing)
    assert str(error).endswith("no device has this name; write its IP address instead")


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ("rtsp", "does not answer as an RTSP camera"),
        ("https", "if the camera has none, write http"),
    ],
)
def test_an_error_says_when_the_protocol_is_wrong(
    network: VideoServer, scheme: str, words: str
) -> None:
    _, error = played(live(f"{scheme}://{network.address}/stream", stall_s=2))
    assert words in str(error)


def test_a_password_is_used_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspServer(10, login="owl:geheim") as server:
        frames, silent = played(
            live(f"rtsp://owl:geheim@{server.address}/stream?key=geheim", stall_s=1)
        )
        assert len(frames) == 10
        _, refused = played(live(f"rtsp://owl:geheimer@{server.address}/stream"))
    _, missing = played(live(f"rtsp://owl:geheim@{server.address}/stream"))
    assert str(refused) == (
        f"attic (rtsp://{server.address}/stream) refuses the user name or password; write the "
        "address as rtsp://user:password@camera/path, with %23 for #, %2F for /, %3F for ? and %40 "
        "for @"
    )
    for error in (silent, refused, missing):
        assert "geheim" not in str(error)
        assert "geheim" not in logged(error)
    assert "geheim" not in caplog.text


def test_a_password_may_have_a_hash_sign() -> None:
    with RtspServer(10, login="owl:ge#im") as server:
        frames, _ = played(live(f"rtsp://owl:ge#im@{server.address}/stream", stall_s=1))
        _, refused = played(live(f"rtsp://owl:ge#heim@{server.address}/stream"))
    assert len(frames) == 10
    assert "heim" not in str(refused)
    assert "heim" not in logged(refused)


def test_a_camera_that_refuses_tcp_is_read_over_udp() -> None:
    with RtspServer(40, udp=True) as server:
        address = f"rtsp://{server.address}/stream"
        for _ in range(2):
            frames, _ = played(live(address, stall_s=1))
            assert len(frames) > 20
        # What worked is tried first by the next opening.
        assert ["TCP" in one for one in server.transports] == [True, False, False]


def test_jpegs_without_a_first_boundary_are_read(network: VideoServer) -> None:
    camera = live(network.url("unbounded"))
    camera.open()
    frames = [camera.read() for _ in range(20)]
    camera.close()
    assert not any(frame.damaged for frame in frames)
    for frame in frames:
        grey = cv2.cvtColor(picture(frame.number), cv2.COLOR_BGR2GRAY).astype(float)
        assert np.abs(frame.luma - grey).mean() < 4


def test_a_cover_picture_is_not_the_video(footage: Path) -> None:
    frames, error = played(fast(footage / "trouble" / "cover-first.mp4", fps=10))
    assert isinstance(error, CameraEnded)
    assert len(frames) == 320
    assert frames[0].luma.shape == (240, 320)


def logged(error: Exception) -> str:
    """Return *error* as a log shows it, with its traceback."""
    return logging.Formatter().formatException((type(error), error, error.__traceback__))


def test_a_device_that_does_not_exist_is_missing() -> None:
    _, error = played(live("/dev/video77"))
    assert isinstance(error, CameraMissing)
    assert str(error) == "attic (/dev/video77): there is no such file or device"


def error_of_somebody(source: Source) -> str:
    """The error that a user without rights gets who opens *source*."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            open_source("front", source)
        except CameraError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def test_a_camera_that_this_user_may_not_read_names_the_cure() -> None:
    with NamedTemporaryFile() as file:
        Path(file.name).chmod(0)
        device = error_of_somebody(Source("device", file.name, "v4l2"))
        assert device.startswith(
            "front cannot be opened: Permission denied: `sudo usermod -aG vide"
        )
        video = error_of_somebody(Source("file", f"file:{file.name}"))
        assert video.startswith("front cannot be opened: Permission denied: ")
        assert video.endswith(" may not read this file")

"""Privacy masks: what they paint, and that no camera gives away what is under them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import ModuleType
from typing import cast

import av
import cv2
import numpy as np
import pytest

from app.cameras import make_camera
from app.cameras.base import Camera, CameraSettings
from app.cameras.privacy import PrivacyMask, privacy_mask
from app.clock import SystemClock
from app.frames import Frame, Image, Packet, Polygon
from app.recording.transcoding import Transcoder
from tests.cameras.pictures import FPS, SIZE, write_video
from tests.servers.rtsp_server import RtspServer
from tests.servers.video_server import VideoServer

#: A square right of the middle, and a triangle at the left edge; not symmetrical in any way.
AREAS: tuple[Polygon, ...] = (
    ((0.55, 0.2), (0.9, 0.2), (0.9, 0.7), (0.55, 0.7)),
    ((0.0, 0.4), (0.3, 0.9), (0.0, 0.9)),
)
#: Limited luma is black at 16, and compression spreads a little.
BLACK = 24
Pi = dict[str, ModuleType]
Image1d = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def inside(shape: tuple[int, ...]) -> Image1d:
    """Return which pixels of a picture of *shape* are in the square or in the triangle."""
    rows, columns = shape[:2]
    y, x = (np.mgrid[:rows, :columns] + 0.5) / np.array([rows, columns])[:, None, None]
    square = (x > 0.55) & (x < 0.9) & (y > 0.2) & (y < 0.7)
    triangle = (y < 0.9) & (y > 0.4 + x * 0.5 / 0.3)
    return np.asarray(square | triangle)


def is_hidden(picture: Image) -> bool:
    return int(picture[inside(picture.shape)].max()) <= BLACK


def is_shown(picture: Image) -> bool:
    """Return whether all is seen that is not near an area; the pictures have no black."""
    near = cv2.dilate(inside(picture.shape).astype(np.uint8), np.ones((13, 13), np.uint8))
    return int(np.atleast_3d(picture)[near == 0].max(axis=-1).min()) > BLACK


@pytest.mark.parametrize("shape", [(480, 640), (101, 77), (96, 128), (1080, 1920)])
def test_an_area_is_black_and_all_else_is_as_it_was(shape: tuple[int, int]) -> None:
    mask = PrivacyMask(AREAS)
    luma, bgr = np.full(shape, 200, np.uint8), np.full((*shape, 3), 200, np.uint8)
    for painted in (mask.luma(luma), mask.bgr(bgr)):
        assert is_hidden(painted)
        assert is_shown(painted)
        assert set(np.unique(painted)) == {0, 200}
    assert luma.min() == bgr.min() == 200
    mask.paint(bgr)
    assert np.array_equal(bgr, mask.bgr(np.full((*shape, 3), 200, np.uint8)))


@pytest.mark.parametrize("padding", [(0, 0), (32, 0), (0, 16), (64, 8)])
def test_colours_are_grey_where_a_pixel_is_hidden(padding: tuple[int, int]) -> None:
    rows, columns = 480, 640
    longer, more = padding
    planes = np.full(((rows + more) * 3 // 2, columns + longer), 200, np.uint8)
    PrivacyMask(AREAS).paint_yuv(planes, (rows, columns))
    luma = planes[: rows + more]
    painted = PrivacyMask(AREAS).luma(np.full((rows, columns), 200, np.uint8))
    assert np.array_equal(luma[:rows, :columns], painted)
    assert (luma[rows:] == 200).all()
    assert (luma[:, columns:] == 200).all()
    colours = planes[rows + more :].reshape(2, (rows + more) // 2, (columns + longer) // 2)
    four = (luma[:rows, :columns] == 0).reshape(rows // 2, 2, columns // 2, 2).any(axis=(1, 3))
    for colour in colours:
        assert np.array_equal(colour[: rows // 2, : columns // 2] == 128, four)
        assert (colour[rows // 2 :] == 200).all()
        assert (colour[:, columns // 2 :] == 200).all()


def test_a_picture_in_pieces_is_refused() -> None:
    planes = np.full((144, 128), 200, np.uint8)[:, ::2]
    with pytest.raises(cv2.error):
        PrivacyMask(AREAS).paint_yuv(planes, (96, 64))


def test_without_areas_there_is_no_mask() -> None:
    assert privacy_mask(()) is None


# --- every camera ---

KINDS = ["file", "mjpeg file", "rtsp", "http", "synthetic", "picamera2", "picamera"]
Made = Callable[..., Camera]


@pytest.fixture(params=KINDS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """A function that makes a camera of one kind, with the areas and some flips."""
    with source_of(request.param, request, tmp_path_factory) as source:

        def make(**settings: bool) -> Camera:
            given = CameraSettings(
                source, SIZE, FPS, warmup_s=0, stall_s=5, privacy=AREAS, **settings
            )
            return make_camera("attic", given, SystemClock())

        yield make


@contextmanager
def source_of(
    kind: str, request: pytest.FixtureRequest, folders: pytest.TempPathFactory
) -> Iterator[str]:
    if kind == "file":
        yield str(write_video(folders.mktemp("private") / "private.mp4"))
    elif kind == "mjpeg file":
        path = folders.mktemp("private") / "private.avi"
        yield str(write_video(path, codec="mjpeg", pixels="yuvj420p"))
    elif kind == "rtsp":
        with RtspServer() as server:
            yield f"rtsp://{server.address}/stream"
    elif kind == "http":
        with VideoServer() as network:
            yield network.url("stream")
    elif kind == "synthetic":
        yield "synthetic:empty"
    else:
        request.getfixturevalue("pi")
        if kind == "picamera":
            request.getfixturevalue("monkeypatch").setattr(
                "app.cameras.find_spec", lambda package: package == "picamera" or None
            )
        yield "auto"


def recorded(packets: list[Packet]) -> list[Image]:
    """Return the pictures that a clip of *packets* would show, (rows, columns, BGR) uint8."""
    if not packets:
        return []
    given = packets[0].video_format
    if given.hide:
        transcoder = Transcoder(given, packets[0].at_s)
        packets = [one for packet in packets for one in transcoder.transcode(packet)]
        packets += transcoder.flush()
    decoder = cast(av.VideoCodecContext, av.CodecContext.create(packets[0].video_format.codec, "r"))
    pictures = [one for packet in packets for one in decoder.decode(av.Packet(packet.data))]
    pictures += decoder.decode(None)
    return [np.asarray(one.to_ndarray(format="bgr24"), np.uint8) for one in pictures]


@pytest.mark.parametrize(("hflip", "vflip"), [(False, False), (True, False), (True, True)])
def test_no_camera_shows_a_private_area(made: Made, hflip: bool, vflip: bool) -> None:
    packets: list[Packet] = []
    camera = made(hflip=hflip, vflip=vflip)
    camera.sink = packets.append
    with closing(camera):
        camera.open()
        frames = [camera.read() for _ in range(12)]
        for frame in (frames[0], frames[-1]):
            assert is_hidden(frame.luma)
            assert is_hidden(frame.bgr())
            assert is_shown(frame.bgr())
            assert frame.luma.flags.c_contiguous
    shown = recorded(packets[:12])
    for picture in shown:
        assert is_hidden(picture)
        assert is_shown(picture)
    assert {picture.shape for picture in shown} <= {(*frames[0].luma.shape, 3)}


def test_the_decoder_is_not_disturbed(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(write_video(tmp_path_factory.mktemp("private") / "long.mp4"))
    plain, private = (
        CameraSettings(path, fps=FPS, warmup_s=0, privacy=areas) for areas in ((), AREAS)
    )
    shown: list[list[Frame]] = []
    for settings in (plain, private):
        camera = make_camera("attic", settings, SystemClock(), "fast")
        with closing(camera):
            camera.open()
            shown.append([camera.read() for _ in range(40)])
    mask = PrivacyMask(AREAS)
    for before, after in zip(*shown, strict=True):
        assert np.array_equal(mask.luma(before.luma), after.luma)

"""Pictures, clips and samples from before a privacy mask, painted afterwards."""

import json
import os
import signal
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.cameras.privacy import PrivacyMask
from app.clock import FakeClock
from app.errors import ClipError
from app.frames import Frame, Image, Polygon, jpeg
from app.recording.base import RecordingSettings
from app.recording.finishing import survey
from app.recording.repainting import repaint
from app.recording.samples import FrameStore, Moment, write_sample
from app.uploads.base import Receipt
from app.uploads.folder_reader import UploadFile
from app.uploads.inventory import Inventory
from tests.recording.harness import RecorderHarness
from tests.recording.videos import SOURCES, is_for_browsers, lasts_s, numbered_video, numbers, shown

#: The right half of the middle, as it is shown; and what is certainly inside and outside of it.
AREA: Polygon = ((0.5, 0.4), (0.95, 0.4), (0.95, 0.8), (0.5, 0.8))
INSIDE, OUTSIDE = (slice(110, 180), slice(170, 295)), (slice(110, 180), slice(20, 140))
MASK = PrivacyMask((AREA,))
EVENT = "20261120T101459.000Z-front"


@pytest.fixture
def event(tmp_path: Path) -> Path:
    """The folder of an event that has ended, with its pictures."""
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    (folder / "event.json").write_text(json.dumps({"id": EVENT, "ended_at": "2026-11-20"}))
    for name in ("snapshot.jpg", "snapshot-clean.jpg"):
        (folder / name).write_bytes(jpeg(grey(120)))
    return folder


def grey(level: int) -> Image:
    return np.full((240, 320, 3), level, np.uint8)


def is_painted(picture: Image) -> bool:
    """Whether *picture* has nothing in the area, and its old grey beside it."""
    assert abs(int(np.median(picture[OUTSIDE])) - 124) < 12
    return bool((picture[INSIDE] <= 24).all())


Recorded = Callable[..., Path]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A function that puts a clip into a folder, which does not begin with a key frame."""
    made: dict[str, bytes] = {}

    def record(folder: Path, source: str, **camera: object) -> Path:
        key = f"{source} {camera}"
        if key not in made:
            work = tmp_path_factory.mktemp("recorded")
            video = numbered_video(work / source, 60, **SOURCES[source])
            recorder = RecorderHarness(RecordingSettings(pre_roll_s=1, post_roll_s=1))
            (clip,) = recorder.record(video, work / "event", start_s=3.4, end_s=3.9, **camera)
            made[key] = clip.read_bytes()
        (folder / "clip.mp4").write_bytes(made[key])
        return folder / "clip.mp4"

    return record


@pytest.mark.parametrize(
    ("source", "camera"),
    [
        ("h264 with B-frames.mp4", {}),
        ("h264.mp4", {"hflip": True, "vflip": True}),
    ],
)
def test_a_clip_shows_the_same_times_without_the_area(
    recorded: Recorded, event: Path, source: str, camera: dict[str, object]
) -> None:
    clip = recorded(event, source, **camera)
    clip.chmod(0o640)
    before, was, was_long = shown(clip), survey(clip), lasts_s(clip)
    assert not any(is_painted(one.grey) for one in before)
    names = sorted(os.listdir(event))  # noqa: PTH208
    repaint(event, MASK)
    after = shown(clip)
    assert all(is_painted(one.grey) for one in after)
    assert [one.at_s for one in after] == pytest.approx([one.at_s for one in before], abs=0.001)
    assert lasts_s(clip) == pytest.approx(was_long, abs=0.002)
    assert survey(clip).metadata.note == was.metadata.note
    assert survey(clip).metadata.offset_s == was.metadata.offset_s
    assert is_for_browsers(clip)
    assert clip.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(event)) == names  # noqa: PTH208
    if not camera:
        assert numbers(clip) == list(range(24, 49))
    for name in ("snapshot.jpg", "snapshot-clean.jpg"):
        picture = cv2.imread(str(event / name), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        assert is_painted(np.asarray(picture, np.uint8))


def test_a_repainted_file_is_uploaded_again(
    recorded: Recorded, event: Path, tmp_path: Path
) -> None:
    clip = recorded(event, "h264.mp4")
    now = datetime.now(UTC) + timedelta(hours=1)
    inventory = Inventory(tmp_path, {"s3"})

    def wanted() -> list[UploadFile]:
        (folder,) = inventory.scan(now)
        return [file for file in folder.files if file.path == clip]

    (file,) = wanted()
    inventory.confirm(file, "s3", Receipt(file.size, "x"), now)
    assert wanted() == []
    repaint(event, MASK)
    (again,) = wanted()
    assert again.key == file.key


def frame(number: int) -> Frame:
    clock = FakeClock()
    return Frame(grey(120)[..., 0], number, clock.now(), number, lambda: grey(120))


def test_each_picture_of_a_sample_is_painted(tmp_path: Path) -> None:
    store, path = FrameStore(3), tmp_path / "sample.tar"
    for number in range(3):
        store.append(frame(number), None)
    pictures = {"background": grey(120)[..., 0], "delta": grey(120)[..., 0]}
    write_sample(path, Moment(EVENT, "alert", frame(4), None, {}, pictures), store)
    with tarfile.open(path) as tar:
        names, described = tar.getnames(), tar.extractfile(tar.getmembers()[0])
        assert described
        description = described.read()
    repaint(path, MASK)
    with tarfile.open(path) as tar:
        assert tar.getnames() == names
        assert len(names) == 7
        for member in tar:
            file = tar.extractfile(member)
            assert file
            if member.name.endswith(".json"):
                assert file.read() == description
                continue
            picture = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_GRAYSCALE)
            assert picture is not None
            assert is_painted(np.asarray(picture, np.uint8)), member.name


class Killer(PrivacyMask):
    """Ends this process, as kill -9 does, at the picture *at*."""

    def __init__(self, at: int) -> None:
        super().__init__((AREA,))
        self._left = at

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def bgr(self, picture: Image) -> Image:
        self._count()
        return super().bgr(picture)

    def yuv(self, planes: Image) -> Image:
        self._count()
        return super().yuv(planes)


def ended_as(what: Callable[[], None]) -> int:
    """How a child that does *what* ended: the number of the signal."""
    child = os.fork()
    if child == 0:
        try:
            what()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("at", [0, 20, 26])
def test_a_kill_leaves_whole_files_and_the_next_run_paints_them(
    recorded: Recorded, event: Path, at: int
) -> None:
    clip = recorded(event, "h264.mp4")
    assert ended_as(lambda: repaint(event, Killer(at))) == signal.SIGKILL
    found = [is_painted(one.grey) for one in shown(clip)]
    assert len(found) == 25
    assert set(found) == {at > 25}
    for name in ("snapshot.jpg", "snapshot-clean.jpg"):
        assert cv2.imread(str(event / name)) is not None
    repaint(event, MASK)
    assert all(is_painted(one.grey) for one in shown(clip))
    assert not [one for one in event.iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize("unfinished", [".clip.mp4.part", ".clip-2.mp4.ready.part", "event.json"])
def test_an_event_that_is_still_recorded_is_left_alone(event: Path, unfinished: str) -> None:
    (event / unfinished).write_text(json.dumps({"id": EVENT, "ended_at": None}))
    before = {one: one.read_bytes() for one in event.iterdir()}
    with pytest.raises(ClipError, match="its event is not finished yet"):
        repaint(event, MASK)
    assert {one: one.read_bytes() for one in event.iterdir()} == before


@pytest.mark.parametrize("name", ["clip.mp4", "clip-2.mp4", "snapshot.jpg", "sample.tar", "x.bin"])
def test_what_cannot_be_painted_is_named_and_stays(event: Path, name: str) -> None:
    (event / name).write_bytes(b"garbage")
    with pytest.raises(ClipError, match=name):
        repaint(event, MASK)
    assert (event / name).read_bytes() == b"garbage"
    assert not [one for one in event.iterdir() if one.name.startswith(".")]


def test_no_link_is_followed(event: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(jpeg(grey(120)))
    before = other.read_bytes()
    (event / "linked.jpg").symlink_to(other)
    (tmp_path / "linked").symlink_to(event)
    for path in (event, tmp_path / "linked", event / "linked.jpg"):
        with pytest.raises(ClipError):
            repaint(path, MASK)
    assert other.read_bytes() == before

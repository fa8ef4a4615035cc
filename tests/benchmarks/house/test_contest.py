"""All contestants play one stream, and the costs are those over the bare decoder."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.benchmarks.house import contest as module
from app.benchmarks.house.contest import commands, contest, costs, motion_conf
from app.benchmarks.house.drawn_video import VideoPart
from app.benchmarks.house.usage import Usage
from app.benchmarks.rtsp_server import RtspServer, nal_units
from app.errors import SuiteError
from tests.cameras.pictures import H264, SIZE, picture

PART = VideoPart((640, 480), 10)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RtspServer]:
    """A stream for the bare decoder alone."""
    monkeypatch.setattr(module, "SETTLE_S", 1.0)
    monkeypatch.setenv("PATH", "")
    coder = H264(SIZE, key_every=10)
    video = [nal_units(coder.encoded(picture(number))[0]) for number in range(20)]
    with RtspServer(video, 20, repeats=True) as started:
        yield started


def test_who_is_not_installed_does_not_take_part(server: RtspServer, tmp_path: Path) -> None:
    def watch() -> float:
        time.sleep(0.5)
        return 0.5

    found = contest(server.url, PART, tmp_path / "contest", lambda: [os.getpid()], watch)
    assert list(found["over_bare"]) == ["ours", "bare"]
    assert found["over_bare"]["bare"] == 1
    assert found["pss_mb"]["bare"] > 1
    assert found["motion_recorded_s"] is None


def test_a_contestant_that_ends_is_named(server: RtspServer, tmp_path: Path) -> None:
    nothing = f"rtsp://127.0.0.1:{server.port + 1}/"
    with pytest.raises(SuiteError, match="bare ended before the measurement did"):
        contest(nothing, PART, tmp_path / "contest", lambda: [os.getpid()], lambda: 0.1)


def test_costs_are_over_those_of_the_bare_decoder() -> None:
    used = {"ours": Usage(2.8, 80, 0), "bare": Usage(2.0, 200, 0)}
    assert costs(used, 20.0) == {
        "cpu_percent": {"ours": 14.0, "bare": 10.0},
        "over_bare": {"ours": 1.4, "bare": 1.0},
        "wakes_per_s": {"ours": 4.0, "bare": 10.0},
    }


def test_motion_records_what_comes_by_its_usual_threshold(tmp_path: Path) -> None:
    conf = motion_conf("rtsp://camera/", VideoPart((1280, 720), 15), tmp_path).splitlines()
    assert "movie_passthrough on" in conf
    assert "threshold 4500" in conf
    assert "pre_capture 30" in conf


def test_installed_programs_take_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ffmpeg", "motion"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(commands("rtsp://camera/", PART, tmp_path)) == ["bare", "ffmpeg", "motion"]
    assert (tmp_path / "motion.conf").exists()

"""Smaller renditions, made by a real process."""

import threading
from pathlib import Path

import psutil
import pytest

from app.daemons.notifier.clip_shrinker import ClipShrinker
from tests.cameras.pictures import write_video
from tests.recording.videos import lasts_s
from tests.waiting import until


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A wasteful clip of 1.5 s: every picture is a key picture."""
    return write_video(tmp_path / "clip.mp4", coder={"crf": "1", "g": "1"})


def test_a_rendition_lasts_as_long_and_is_small_enough(clip: Path, tmp_path: Path) -> None:
    limit, rendition = clip.stat().st_size // 2, tmp_path / "smaller" / "clip.mp4"
    assert ClipShrinker().shrink(clip, limit, rendition)
    assert 0 < rendition.stat().st_size <= limit
    assert lasts_s(rendition) == pytest.approx(lasts_s(clip), abs=0.2)


def test_a_failure_is_logged_with_its_reason(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shrinker, rendition = ClipShrinker(), tmp_path / "smaller.mp4"
    assert not shrinker.shrink(clip, 1000, rendition)
    assert "could not be made smaller: app.errors.ClipError: " in caplog.text
    assert "cannot be shown in 1000 bytes" in caplog.text
    clip.write_bytes(b"no clip" * 10_000)
    assert not shrinker.shrink(clip, 60_000, rendition)
    assert "cannot be read" in caplog.text


def shrinking() -> psutil.Process | None:
    """Return the child that makes a rendition; other tests may have left servers."""
    children = (
        one for one in psutil.Process().children() if "app.recording.shrink" in one.cmdline()
    )
    return next(children, None)


def test_closing_ends_a_rendition_and_makes_no_more(
    footage: Path, clip: Path, tmp_path: Path
) -> None:
    shrinker, errors = ClipShrinker(), []
    long = footage / "one-by-one-person-detection.mp4"

    def shrink() -> None:
        with pytest.raises(InterruptedError) as raised:
            shrinker.shrink(long, 500_000, tmp_path / "smaller.mp4")
        errors.append(raised.value)

    thread = threading.Thread(target=shrink)
    thread.start()
    child = until(shrinking, "the process starts")
    until(lambda: child.nice() == 19, "the process has low priority")
    shrinker.close()
    thread.join(10)
    assert (len(errors), child.is_running()) == (1, False)
    with pytest.raises(InterruptedError):
        shrinker.shrink(clip, 1000, tmp_path / "smaller.mp4")


def test_a_rendition_that_takes_too_long_is_given_up(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.daemons.notifier.clip_shrinker.SHRINK_S", 0.01)
    rendition = tmp_path / "smaller" / "clip.mp4"
    assert not ClipShrinker().shrink(clip, 20_000, rendition)
    assert list(rendition.parent.iterdir()) == []
    assert "it takes more than 0 s" in caplog.text

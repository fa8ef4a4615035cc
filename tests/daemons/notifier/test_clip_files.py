"""Where films are found, and how they are made smaller."""

import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.clip_files import ClipFiles, ClipLocation
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.errors import StoreError
from app.protocol import Heartbeat
from app.state import State
from tests.cameras import scenery
from tests.recording.videos import lasts_s
from tests.waiting import until

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
HERE = protocol.host_name()
Make = Callable[..., ClipFiles]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AT)


@pytest.fixture
def make(state: State, clock: FakeClock, tmp_path: Path) -> Make:
    def made(links: bool = True, upload_every_s: float = 300.0) -> ClipFiles:
        signed = (lambda key: f"https://s3/{key}?signed") if links else None
        return ClipFiles(
            state, clock, tmp_path, signed, ClipShrinker(), upload_every_s=upload_every_s
        )

    return made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    return scenery.film(folder / "clip.mp4", 20)


def mark(state: State) -> None:
    """Note that the film is in S3."""
    state.mark_event(EVENT, {"s3:clip.mp4": f"clips/{EVENT}.mp4"})


def beat(state: State, **counters: float | str | None) -> None:
    """Let the uploader here show its pulse."""
    state.send_heartbeat(protocol.heartbeat_key("uploader", HERE), Heartbeat(1, AT, AT, counters))


def test_a_film_on_this_disk_is_that_file(make: Make, clip: Path) -> None:
    assert make().find(EVENT, "clip.mp4", AT, HERE) == ClipLocation(clip)


def test_who_takes_links_only_waits_for_s3_and_learns_the_size_from_the_file_here(
    make: Make, clip: Path, state: State, clock: FakeClock
) -> None:
    films = make()
    assert films.find(EVENT, "clip.mp4", AT, HERE, links_only=True) is None
    mark(state)
    assert films.find(EVENT, "clip.mp4", AT, HERE, links_only=True) == ClipLocation(
        clip, f"https://s3/clips/{EVENT}.mp4?signed"
    )


@pytest.mark.parametrize(("upload_every_s", "patience_s"), [(60, 600), (300, 600), (900, 1800)])
def test_who_takes_links_only_waits_twice_as_long_as_uploads_take_and_not_for_ever(
    make: Make, state: State, clock: FakeClock, upload_every_s: float, patience_s: float
) -> None:
    films = make(upload_every_s=upload_every_s)
    clock.advance(patience_s - 1)
    beat(state, s3_trouble=None)
    assert films.find(EVENT, "clip.mp4", AT, HERE, links_only=True) is None
    clock.advance(1)
    assert films.find(EVENT, "clip.mp4", AT, HERE, links_only=True) == ClipLocation(
        remark="The clip is deleted already."
    )


@pytest.mark.parametrize(
    "counters", [{"s3_trouble": "the bucket does not answer"}, {"free_gb": 3.0}, None]
)
def test_who_takes_links_only_does_not_wait_long_while_nothing_goes_up(
    make: Make,
    clip: Path,
    state: State,
    clock: FakeClock,
    counters: dict[str, float | str | None] | None,
) -> None:
    if counters is not None:
        beat(state, **counters)
    films = make()
    clock.advance(19)
    assert films.find(EVENT, "clip.mp4", AT, HERE, links_only=True) is None
    clock.advance(1)
    assert films.find(EVENT, "clip.mp4", AT, HERE, links_only=True) == ClipLocation(clip)


def test_what_is_urgent_waits_some_seconds_only_though_uploads_go_well(
    make: Make, clip: Path, state: State, clock: FakeClock
) -> None:
    beat(state, s3_trouble=None)
    clock.advance(19)
    assert make().find(EVENT, "clip.mp4", AT, HERE, links_only=True, urgent=True) is None
    clock.advance(1)
    assert make().find(EVENT, "clip.mp4", AT, HERE, links_only=True, urgent=True) == ClipLocation(
        clip
    )


def test_a_film_of_another_machine_is_a_link_as_soon_as_s3_has_it(
    make: Make, state: State, clock: FakeClock
) -> None:
    films = make()
    assert films.find(EVENT, "clip.mp4", AT, "garage") is None
    clock.advance(599)
    assert films.find(EVENT, "clip.mp4", AT, "garage") is None
    mark(state)
    assert films.find(EVENT, "clip.mp4", AT, "garage") == ClipLocation(
        None, f"https://s3/clips/{EVENT}.mp4?signed"
    )


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("garage", f"The clip is on the machine garage: events/2026-11-20/{EVENT}/clip.mp4"),
        (None, f"The clip is on another machine: events/2026-11-20/{EVENT}/clip.mp4"),
        (HERE, "The clip is deleted already."),
    ],
)
def test_after_some_minutes_it_is_said_where_a_film_is_that_cannot_be_shown(
    make: Make, clock: FakeClock, host: str | None, said: str
) -> None:
    clock.advance(600)
    assert make().find(EVENT, "clip.mp4", AT, host) == ClipLocation(remark=said)


def test_without_a_bucket_there_is_nothing_to_wait_for(make: Make, state: State) -> None:
    mark(state)
    assert make(links=False).find(EVENT, "clip.mp4", AT, "garage") == ClipLocation(
        remark=f"The clip is on the machine garage: events/2026-11-20/{EVENT}/clip.mp4"
    )


def test_links_that_cannot_be_made_are_reported_once_and_are_none(
    state: State, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(key: str) -> str:
        raise StoreError("the bucket needs keys")

    mark(state)
    films = ClipFiles(state, clock, tmp_path, refuse, ClipShrinker(), upload_every_s=300.0)
    assert [films.link(EVENT, "clip.mp4") for _ in range(3)] == [None] * 3
    assert caplog.text.count("no links to files in S3 can be made: the bucket needs keys") == 1


def test_a_film_that_fits_is_taken_as_it_is(make: Make, clip: Path) -> None:
    size = clip.stat().st_size
    assert [make().fitting(clip, limit, "slack") for limit in (None, size)] == [clip, clip]


def test_a_film_that_is_too_large_is_made_smaller_once_and_the_rendition_goes_when_it_was_told(
    make: Make, footage: Path, clip: Path
) -> None:
    shutil.copyfile(footage / "car-detection.mp4", clip)
    films, limit = make(), 600_000
    smaller = films.fitting(clip, limit, "slack")
    assert smaller
    assert smaller != clip
    assert smaller.stat().st_size <= limit
    assert lasts_s(smaller) == pytest.approx(lasts_s(clip), abs=0.2)
    made = smaller.stat()
    assert films.fitting(clip, limit, "slack") == smaller
    assert smaller.stat().st_mtime_ns == made.st_mtime_ns
    films.release(smaller)
    films.release(clip)
    assert (smaller.exists(), clip.exists()) == (False, True)


def test_what_cannot_be_made_smaller_is_logged_with_the_reason(
    make: Make, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert make().fitting(clip, 1000, "slack") is None
    assert "could not be made smaller: app.errors.ClipError: " in caplog.text
    assert "cannot be shown in 1000 bytes" in caplog.text
    clip.write_bytes(b"no film" * 10_000)
    assert make().fitting(clip, 60_000, "slack") is None
    assert "cannot be read" in caplog.text


def test_renditions_that_a_killed_program_has_left_are_cleared_away(
    make: Make, tmp_path: Path
) -> None:
    left = tmp_path / "smaller" / "1-slack-clip.mp4"
    left.parent.mkdir()
    left.touch()
    make().tidy()
    assert list(left.parent.iterdir()) == []


def test_closing_ends_a_rendition_that_is_being_made_and_makes_no_more(
    footage: Path, clip: Path, tmp_path: Path
) -> None:
    shrinker, made = ClipShrinker(), []
    long = footage / "one-by-one-person-detection.mp4"

    def shrink() -> None:
        with pytest.raises(InterruptedError):
            shrinker.shrink(long, 500_000, tmp_path / "smaller.mp4")
        made.append(False)

    thread = threading.Thread(target=shrink)
    thread.start()
    child = until(lambda: next(iter(psutil.Process().children()), None), "it begins")
    until(lambda: child.nice() == 19, "it is of low priority")
    shrinker.close()
    thread.join(10)
    assert (made, child.is_running()) == ([False], False)
    with pytest.raises(InterruptedError):
        shrinker.shrink(clip, 1000, tmp_path / "smaller.mp4")


def test_a_rendition_that_is_killed_is_none(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.notifier.clip_shrinker.SHRINK_S", 0.01)
    assert ClipShrinker().shrink(clip, 20_000, tmp_path / "smaller.mp4") is False
    assert list(tmp_path.glob("*.mp4")) == []
